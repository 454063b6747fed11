using Athanor.Compute.Control.Qp;
using Athanor.Compute.Linear;
using Athanor.Compute.Plants;

namespace Athanor.Compute.Control;

/// <summary>
/// The steady state nearest to the set-points under the present model, parameters and disturbance: x = F(x, u) + d within the hard
/// bounds (Rao and Rawlings, AIChE J. 45 (1999) 1266). Tracked states come first; what freedom is left goes to the inputs' references.
/// </summary>
internal sealed class SteadyTarget<TMap>(TMap map, ShootingProblem problem)
    where TMap : struct, IPlantMap
{
    // Of references against set-points: their pull is below anything that is measured.
    private const double Preference = 1e-9;

    private readonly TMap _map = map;
    private readonly int _n = problem.States, _m = problem.Inputs;
    private readonly StageQp _qp =
        new(1, 1, problem.Inputs, [.. Enumerable.Range(0, problem.Inputs).Select(static i => new HardQuantity(i))], []);
    private readonly double[] _next = new double[problem.States], _a = new double[problem.States * problem.States];
    private readonly double[] _b = new double[problem.States * problem.AllInputs], _all = new double[problem.AllInputs];
    private readonly double[] _gain = new double[problem.States * problem.Inputs], _rest = new double[problem.States];
    private readonly int[] _pivots = new int[problem.States];

    /// <summary>Improves x and u (by input moved) to the target; false: none was found, they are what they were.</summary>
    /// <param name="setPoints">By state; NaN: free.</param>
    public bool Solve(ReadOnlySpan<double> setPoints, ReadOnlySpan<double> references, double intervalS, double[] x, double[] u)
    {
        double[] startX = (double[])x.Clone(), startU = (double[])u.Clone();
        for (var iteration = 0; iteration < 40; iteration++)
        {
            var step = Step(setPoints, references, intervalS, x, u);
            if (!(step < 1e6)) break;
            if (step < 1e-8) return true;
        }
        startX.CopyTo(x, 0);
        startU.CopyTo(u, 0);
        return false;
    }

    /// <summary>One Gauss-Newton step; its scaled size, infinite where there is none.</summary>
    private double Step(ReadOnlySpan<double> setPoints, ReadOnlySpan<double> references, double intervalS, double[] x, double[] u)
    {
        problem.Held.CopyTo(_all, 0);
        for (var i = 0; i < _m; i++) _all[problem.Moved[i]] = u[i];
        _map.Linearise(x, _all, problem.Parameters, intervalS, _next, _a, _b, default);
        // (I - A) dx = B du + c
        for (var i = 0; i < _n * _n; i++) _a[i] = -_a[i];
        for (var i = 0; i < _n; i++)
        {
            _a[(i * _n) + i] += 1.0;
            _rest[i] = _next[i] + problem.Disturbance[i] - x[i];
        }
        if (!SmallLu.Factor(_a, _pivots)) return double.PositiveInfinity;
        SmallLu.Solve(_a, _pivots, _rest);
        Span<double> column = stackalloc double[_n];
        for (var j = 0; j < _m; j++)
        {
            for (var i = 0; i < _n; i++) column[i] = _b[(i * problem.AllInputs) + problem.Moved[j]];
            SmallLu.Solve(_a, _pivots, column);
            for (var i = 0; i < _n; i++) _gain[(i * _m) + j] = column[i] * problem.InputScale[j];
        }
        var gradient = _qp.Gradient(0);
        for (var j = 0; j < _m; j++)
        {
            var row = _qp.Cost(0, j);
            row.Clear();
            var weight = Preference * Math.Max(problem.InputWeight[j], 1e-3);
            row[j] = weight;
            gradient[j] = weight * (u[j] - references[j]) / problem.InputScale[j];
            _qp.Hard.Set(j, (problem.Low[j] - u[j]) / problem.InputScale[j], (problem.High[j] - u[j]) / problem.InputScale[j]);
        }
        // All of it: a failed solve may have left no numbers.
        _qp.Point(0).Clear();
        _qp.Point(1).Clear();
        for (var i = 0; i < _n; i++)
        {
            if (double.IsNaN(setPoints[i])) continue;
            var weight = Math.Max(problem.StateWeight[i], 1e-6) / (problem.StateScale[i] * problem.StateScale[i]);
            for (var j = 0; j < _m; j++)
            {
                gradient[j] += weight * _gain[(i * _m) + j] * (x[i] + _rest[i] - setPoints[i]);
                for (var l = 0; l < _m; l++) _qp.Cost(0, j)[l] += weight * _gain[(i * _m) + j] * _gain[(i * _m) + l];
            }
        }
        if (_qp.Solve([0.0], new(1e-13, 1e-2, 1e-2, false), Deadline.None) is QpStatus.Failed) return double.PositiveInfinity;
        // A long step leaves the region where the slopes mean anything: another steady state, or none.
        var most = 0.0;
        for (var i = 0; i < _n; i++)
        {
            column[i] = _rest[i];
            for (var j = 0; j < _m; j++) column[i] += _gain[(i * _m) + j] * _qp.Point(0)[j];
            most = Math.Max(most, Math.Abs(column[i]) / problem.StateScale[i]);
        }
        var cut = most > 2.0 ? 2.0 / most : 1.0;
        for (var i = 0; i < _n; i++) x[i] += cut * column[i];
        for (var j = 0; j < _m; j++)
        {
            var move = cut * _qp.Point(0)[j];
            u[j] = Math.Min(Math.Max(u[j] + (problem.InputScale[j] * move), problem.Low[j]), problem.High[j]);
            most = Math.Max(most, Math.Abs(move));
        }
        return double.IsFinite(most) ? most : double.PositiveInfinity;
    }
}
