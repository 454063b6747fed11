using System.Globalization;
using Athanor.Compute.Fitting;
using Athanor.Compute.Kinetics;
using Athanor.Compute.Ode;

namespace Athanor.Compute.Tests.Fitting;

/// <summary>Problems with published optima, and small ones with known answers.</summary>
internal static class FitCases
{
    public static FitProblem AlphaPineneFit()
    {
        var table = AlphaPinene.Table;
        return new FitProblem(
            "alpha-pinene",
            Enumerable.Range(1, 5).Select(i => new FitParameter($"p{i}", 1e-4, 1e-8, 1e-1)
            {
                Scale = ParameterScale.Log,
                Starts = (1e-7, 1e-2),
            }),
            [Table("Fuguitt and Hawkins", Network(), table.Times, table.Amounts, 5, 5)]);
    }

    /// <summary>The conversion of methanol, COPS 3 problem 7; p5's best value is 0, its bound.</summary>
    public static FitProblem MethanolFit()
    {
        var (times, amounts) = Read(RepositoryFiles.Path("data", "kinetics", "methanol_to_hydrocarbons.csv"), 3);
        var model = new FitModel<Methanol>(["A", "C", "P"], ["p1", "p2", "p3", "p4", "p5"], p => new Methanol(p));
        return new FitProblem(
            "methanol", Enumerable.Range(1, 5).Select(i => new FitParameter($"p{i}", 1.0, 0.0, 20.0) { Starts = (0.0, 5.0) }),
            [Table("Maria", model, times, amounts, 3, 5)]);
    }

    /// <summary>A table whose first row is the start, every state measured with the same weight.</summary>
    public static OdeExperiment Table(string name, FitModel model, double[] times, double[] amounts, int states, int parameters) => new()
    {
        Name = name,
        Model = model,
        Bindings = [.. Enumerable.Range(0, parameters).Select(ParameterBinding.To)],
        Initial = [.. Enumerable.Range(0, states).Select(i => new ConstantFormula(amounts[i]))],
        Start = times[0],
        Responses = [.. model.States.Select((s, i) => new FitResponse(s, new StateFormula(i), new ConstantFormula(1.0)))],
        Measurements =
        [
            .. from row in Enumerable.Range(1, times.Length - 1)
               from i in Enumerable.Range(0, states)
               select new Measurement(i, times[row], amounts[(row * states) + i]),
        ],
    };

    private static FitModel Network() => new FitModel<FirstOrderNetwork>(
        ["a", "d", "o", "p", "m"], ["p1", "p2", "p3", "p4", "p5"],
        p => new FirstOrderNetwork(5, AlphaPinene.From, AlphaPinene.To, AlphaPinene.Parameter, p));

    private static (double[] Times, double[] Amounts) Read(string path, int columns)
    {
        var rows = File.ReadAllLines(path).Skip(1)
            .Select(line => line.Split(',').Select(cell => double.Parse(cell, CultureInfo.InvariantCulture)).ToArray()).ToArray();
        Assert.All(rows, row => Assert.Equal(columns + 1, row.Length));
        return ([.. rows.Select(r => r[0])], [.. rows.SelectMany(r => r[1..])]);
    }

    /// <summary>A' = -(2 p2 - p1 C/D + p3 + p4) A, C' = p1 A (p2 A - C)/D + p3 A, P' = p1 A (C + p5 A)/D + p4 A, D = (p2 + p5) A + C.</summary>
    internal readonly struct Methanol(double[] p) : IParametricOdeModel
    {
        public int Dimension => 3;

        public bool IsAutonomous => true;

        public int ParameterCount => 5;

        public double Parameter(int index) => p[index];

        public void Rhs(double t, ReadOnlySpan<double> y, Span<double> dy)
        {
            double a = y[0], c = y[1], d = ((p[1] + p[4]) * a) + c;
            dy[0] = -((2 * p[1]) - (p[0] * c / d) + p[2] + p[3]) * a;
            dy[1] = (p[0] * a * ((p[1] * a) - c) / d) + (p[2] * a);
            dy[2] = (p[0] * a * (c + (p[4] * a)) / d) + (p[3] * a);
        }

        public void Jacobian(double t, ReadOnlySpan<double> y, Span<double> j)
        {
            double a = y[0], c = y[1], q = p[1] + p[4], d = (q * a) + c, d2 = d * d;
            j.Clear();
            j[0] = -((2 * p[1]) + p[2] + p[3]) + (p[0] * c * c / d2);
            j[1] = p[0] * a * a * q / d2;
            double top = (p[1] * a * a) - (a * c), high = (a * c) + (p[4] * a * a);
            j[3] = (p[0] * ((((2 * p[1] * a) - c) * d) - (top * q)) / d2) + p[2];
            j[4] = p[0] * ((-a * d) - top) / d2;
            j[6] = (p[0] * (((c + (2 * p[4] * a)) * d) - (high * q)) / d2) + p[3];
            j[7] = p[0] * ((a * d) - high) / d2;
        }

        public void TimeDerivative(double t, ReadOnlySpan<double> y, Span<double> derivative) => derivative.Clear();

        public void ParameterDerivatives(double t, ReadOnlySpan<double> y, Span<double> g)
        {
            double a = y[0], c = y[1], d = ((p[1] + p[4]) * a) + c, d2 = d * d;
            double top = a * ((p[1] * a) - c), high = a * (c + (p[4] * a));
            g.Clear();
            (g[0], g[1], g[2]) = (a * c / d, top / d, high / d);
            (g[3], g[4], g[5]) = ((-2 * a) - (p[0] * c * a * a / d2), p[0] * ((a * a * d) - (top * a)) / d2, -p[0] * high * a / d2);
            (g[6], g[7]) = (-a, a);
            (g[9], g[11]) = (-a, a);
            (g[12], g[13], g[14]) = (-p[0] * c * a * a / d2, -p[0] * top * a / d2, p[0] * ((a * a * d) - (high * a)) / d2);
        }
    }
}
