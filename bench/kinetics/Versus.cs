using System.Diagnostics;
using System.Runtime.Intrinsics;
using Athanor.Compute.Kinetics;
using Athanor.Compute.Ode;

namespace Athanor.Bench.Kinetics;

/// <summary>Two ways to do the same, measured in turns, so that what else the machine does meets both.</summary>
internal sealed record Turns(double Ours, double Theirs, double Median)
{
    /// <param name="scale">Of a microsecond, in the unit that is printed.</param>
    public static Turns Of(int rounds, int repeats, double scale, Action ours, Action theirs)
    {
        // Long enough for the JIT's last tier, which comes in the background.
        var warm = Stopwatch.StartNew();
        while (warm.Elapsed.TotalMilliseconds < 500)
        {
            Time(repeats, ours);
            Time(repeats, theirs);
        }
        double a = double.MaxValue, b = double.MaxValue;
        var ratios = new double[rounds];
        for (var round = 0; round < rounds; round++)
        {
            // Who goes first takes turns too.
            double mine, other;
            if (round % 2 == 0) (mine, other) = (Time(repeats, ours), Time(repeats, theirs));
            else (other, mine) = (Time(repeats, theirs), Time(repeats, ours));
            (a, b) = (Math.Min(a, mine), Math.Min(b, other));
            ratios[round] = mine / other;
        }
        Array.Sort(ratios);
        return new Turns(a * scale, b * scale, 0.5 * (ratios[(rounds - 1) / 2] + ratios[rounds / 2]));
    }

    public override string ToString() => $"{Ours:F1} / {Theirs:F1} = {Median:F2}x";

    private static double Time(int repeats, Action action)
    {
        var start = Stopwatch.GetTimestamp();
        for (var i = 0; i < repeats; i++) action();
        return Stopwatch.GetElapsedTime(start).TotalMicroseconds / repeats;
    }
}

internal sealed record Row(Turns Rhs, Turns Lanes, Turns Jacobian, Turns Solve, double Difference);

/// <summary>A network's model against the one written by hand.</summary>
internal sealed class Versus<THand>(THand hand, double[] start, double end, bool stiff, int rounds) : IModelVisitor<Row>
    where THand : struct, IStiffOdeModel, ILaneOdeModel
{
    /// <summary>Whether only the solve is measured.</summary>
    public bool SolveAlone { get; init; }

    public Row Visit<TModel>(in TModel model)
        where TModel : struct, IOdeModel<TModel>, ISparseOdeModel
    {
        var n = model.Dimension;
        var ours = model;
        var theirs = hand;
        double[] dy = new double[n], jacobian = new double[n * n], mine = new double[n], other = new double[n], times = [end];
        var options = new OdeOptions { RelativeTolerance = 1e-6, AbsoluteTolerance = 1e-9 };
        var solve = Turns.Of(rounds, 20, 1.0, () => Solve(ours, mine), () => Solve(theirs, other));
        var difference = mine.Select((y, i) => Math.Abs(y - other[i]) / (Math.Abs(other[i]) + 1e-9)).Max();
        if (SolveAlone) return new Row(solve, solve, solve, solve, difference);
        var rhs = Turns.Of(rounds, 20_000, 1e3, () => ours.Rhs(0.0, start, dy), () => theirs.Rhs(0.0, start, dy));
        var matrix = Turns.Of(rounds, 10_000, 1e3, () => ours.Jacobian(0.0, start, jacobian), () => theirs.Jacobian(0.0, start, jacobian));
        Vector512<double>[] y8 = [.. start.Select(Vector512.Create)], dy8 = new Vector512<double>[n];
        Vector512<double>[] p8 = [.. Enumerable.Range(0, ours.ParameterCount).Select(k => Vector512.Create(ours.Parameter(k)))];
        // The tank's own model is that of sweeps, with parameters in lanes; the others have none.
        Vector512<double>[] h8 = theirs is IParametricOdeModel own
            ? [.. Enumerable.Range(0, own.ParameterCount).Select(k => Vector512.Create(own.Parameter(k)))]
            : [];
        var lanes = Turns.Of(rounds, 20_000, 1e3, () => ours.RhsLanes(default, y8, p8, dy8), () => theirs.RhsLanes(default, y8, h8, dy8));
        return new Row(rhs, lanes, matrix, solve, difference);

        void Solve<TAny>(TAny any, double[] to)
            where TAny : struct, IStiffOdeModel
        {
            if (stiff) Rodas5P.Solve(any, 0.0, start, times, to, options);
            else Tsit5.Solve(any, 0.0, start, times, to, options);
        }
    }
}
