using System.Runtime.Intrinsics;
using Athanor.Compute.Control.Qp;
using Athanor.Compute.Plants;

namespace Athanor.Compute.Control;

/// <summary>
/// Direct multiple shooting (Bock and Plitt, IFAC 1984) with sequential quadratic programming: intervals are linearised eight at a time in
/// lanes, the quadratic program is <see cref="StageQp"/>, the curvature is Gauss-Newton's (with an economic objective that of the
/// Lagrangian, made convex stage by stage), steps are cut by an l1 merit function. One iteration from a shifted plan, always at full step,
/// is the real-time iteration (Diehl, Bock and Schlöder, SIAM J. Control Optim. 43 (2005) 1714).
/// </summary>
/// <remarks>The plan in <see cref="X"/> and <see cref="U"/> is always the last complete iterate: a deadline leaves it whole. Holds work
/// arrays: one thread at a time.</remarks>
internal sealed partial class ShootingSolver<TMap>
    where TMap : struct, IPlantMap
{
    private const int Lanes = 8;

    /// <summary>Scaled step up to which one iteration is trusted; iterations where it is longer.</summary>
    private const double Near = 1.0;

    private const int FarIterations = 10;

    private readonly TMap _map;
    private readonly ShootingProblem _problem;
    private readonly EconomicCost? _economic;
    private readonly Vector512<double>[] _x, _u, _p, _next, _a, _b;
    private readonly double[] _ends, _defects, _tryX, _tryU, _tryEnds, _start;
    private readonly double[] _jacobians;

    public ShootingSolver(in TMap map, ShootingProblem problem, EconomicCost? economic = null)
    {
        _map = map;
        _problem = problem;
        _economic = economic;
        int n = problem.States, stages = problem.Stages, all = problem.AllInputs;
        Qp = problem.NewQp();
        problem.WriteCost(Qp);
        X = new double[(stages + 1) * n];
        U = new double[stages * problem.Inputs];
        _x = new Vector512<double>[n];
        _u = new Vector512<double>[all];
        _p = new Vector512<double>[map.Parameters];
        _next = new Vector512<double>[n];
        _a = new Vector512<double>[n * n];
        _b = new Vector512<double>[n * all];
        _ends = new double[stages * n];
        _defects = new double[stages * n];
        _tryX = new double[X.Length];
        _tryU = new double[U.Length];
        _tryEnds = new double[stages * n];
        _start = new double[problem.QpStates];
        _jacobians = new double[stages * n * (n + all)];
    }

    public StageQp Qp { get; }

    public ShootingProblem Problem => _problem;

    /// <summary>States at the intervals' ends, (stages + 1, n), with the start.</summary>
    public double[] X { get; }

    /// <summary>(stages, inputs moved).</summary>
    public double[] U { get; }

    /// <summary>What the intervals of the linearised plan end at, (stages, n).</summary>
    public ReadOnlySpan<double> Ends => _ends;

    public int Iterations { get; private set; }

    public int QpIterations { get; private set; }

    public double KktResidual { get; private set; }

    /// <summary>Whether the last solve ended because a quadratic program had no answer; the plan is the flat one then.</summary>
    public bool Failed { get; private set; }

    /// <summary>Of the quadratic program's barrier: whether its multipliers are those of a near problem.</summary>
    public bool Warm { get; set; }

    /// <summary>The present start through the whole horizon, inputs at the origin; for an economic objective, which has no state to be near
    /// to, what the model does under these inputs.</summary>
    public void ColdPlan()
    {
        Warm = false;
        for (var k = 0; k <= _problem.Stages; k++) _problem.Start.CopyTo(X, k * _problem.States);
        for (var k = 0; k < _problem.Stages; k++)
        {
            for (var i = 0; i < _problem.Inputs; i++)
                U[(k * _problem.Inputs) + i] = Math.Clamp(_problem.InputOrigin[i], _problem.LowAt(k, i), _problem.HighAt(k, i));
        }
        if (_economic is null) return;
        int n = _problem.States;
        Span<double> inputs = stackalloc double[_problem.AllInputs];
        for (var k = 0; k < _problem.Stages; k++)
        {
            InputsOf(U, k, inputs);
            var next = X.AsSpan((k + 1) * n, n);
            _map.Advance(X.AsSpan(k * n, n), inputs, _problem.Parameters, _problem.IntervalS[k], next);
            for (var i = 0; i < n; i++)
            {
                next[i] += _problem.Disturbance[i];
                if (!double.IsFinite(next[i])) next[i] = X[(k * n) + i];
            }
        }
    }

    /// <summary>The plan one interval later.</summary>
    public void Shift()
    {
        X.AsSpan(_problem.States).CopyTo(X);
        U.AsSpan(_problem.Inputs).CopyTo(U);
        Qp.ShiftMultipliers();
    }

    /// <summary>The objective along the plan.</summary>
    public double Cost() => Cost(X, U);

    /// <summary>The part of a real-time iteration that needs no new measurement: linearisation about the plan, the quadratic program, its
    /// first factorisation.</summary>
    public bool Prepare(in QpOptions options)
    {
        Linearise();
        WriteQp();
        return Qp.Prepare(options);
    }

    /// <summary>The rest, with the state measured: one quadratic program.</summary>
    public QpStatus Feedback(ReadOnlySpan<double> state, in QpOptions options, IDeadline deadline)
    {
        state.CopyTo(_problem.Start);
        var status = SolveQp(options, deadline);
        if (status is QpStatus.Solved or QpStatus.Exhausted) TakeStep(1.0);
        return status;
    }

    /// <summary>Iterates until the step is small, the iterations are used up, or the deadline.</summary>
    public ControlStatus Solve(int iterations, double tolerance, IDeadline deadline)
    {
        Iterations = QpIterations = 0;
        Failed = false;
        KktResidual = 0.0;
        _hasCostates = false;
        _problem.Start.CopyTo(X, 0);
        if (deadline.Expired) return ControlStatus.Fallback;
        Linearise();
        var price = 0.0;
        var last = 1.0;
        var restarted = false;
        while (true)
        {
            WriteQp();
            var options = Options(tolerance, last, iterations);
            var status = SolveQp(options, deadline);
            if (status == QpStatus.Failed && !restarted)
            {
                // A plan that numbers have run away with is worth nothing: once more from a flat one.
                restarted = true;
                ColdPlan();
                Linearise();
                continue;
            }
            Failed = status == QpStatus.Failed;
            if (status is QpStatus.Failed or QpStatus.Expired) return Iterations == 0 ? ControlStatus.Fallback : ControlStatus.Feasible;
            Warm = true;
            Iterations++;
            var change = StepSize(out var gap);
            last = Math.Max(change, gap);
            KktResidual = last;
            if (iterations == 1 && last <= Near)
            {
                TakeStep(1.0);
                return status == QpStatus.Solved ? ControlStatus.Converged : ControlStatus.Feasible;
            }
            // A real-time iteration lives by being near the last optimum. After a jump it goes on until it is.
            if (iterations == 1) iterations = FarIterations;
            if (change <= tolerance && gap <= tolerance)
            {
                TakeStep(1.0);
                return ControlStatus.Converged;
            }
            if (Iterations >= iterations || deadline.Expired)
            {
                TakeStep(1.0);
                return ControlStatus.Feasible;
            }
            Search(ref price);
        }
    }

    /// <summary>How hard the first and the later programs are pushed: early ones need not be exact, and a near solution starts
    /// close.</summary>
    private QpOptions Options(double tolerance, double last, int iterations)
    {
        if (iterations == 1) return RealTime;
        var wanted = Math.Min(1e-6, Math.Max(1e-3 * tolerance, 1e-3 * last * last));
        var near = Math.Clamp(0.1 * last, 1e-8, 1e-2);
        return Warm ? new(wanted, near, near, true) : new(wanted, 0.1, 0.02, false);
    }

    /// <summary>For a real-time iteration: from the shifted multipliers where there are any.</summary>
    public QpOptions RealTime => Warm ? new(1e-8, 1e-3, 1e-3, true) : new(1e-8, 0.1, 0.02, false);

    private QpStatus SolveQp(in QpOptions options, IDeadline deadline)
    {
        int n = _problem.States, m = _problem.Inputs;
        for (var i = 0; i < n; i++) _start[i] = (_problem.Start[i] - _problem.StateOrigin[i]) / _problem.StateScale[i];
        for (var i = 0; i < m && _problem.HasMoves; i++)
            _start[n + i] = (_problem.Held[_problem.Moved[i]] - _problem.InputOrigin[i]) / _problem.InputScale[i];
        var status = Qp.Solve(_start, options, deadline);
        QpIterations += Qp.Iterations;
        return status;
    }

    /// <summary>Halves the step until the merit function falls, and linearises there.</summary>
    private void Search(ref double price)
    {
        price = Math.Max(price, 1.5 * Qp.LargestMultiplier());
        _hasCostates = true;
        double before = Cost(X, U), gaps = Sum(_defects), alpha = 1.0;
        X.CopyTo(_tryX, 0);
        U.CopyTo(_tryU, 0);
        var predicted = 0.0;
        for (var attempt = 0; attempt < 10; attempt++)
        {
            TakeStep(alpha);
            if (attempt == 0) predicted = _economic is null ? Cost(X, U) - before : _economic.Slope(Qp, _problem, _tryX, _tryU);
            Linearise();
            var bound = before + (price * gaps) + (1e-4 * alpha * (predicted - (price * gaps)));
            var merit = Cost(X, U) + (price * Sum(_defects));
            if (merit <= bound + (1e-10 * Math.Abs(before))) return;
            alpha *= 0.5;
            _tryX.CopyTo(X, 0);
            _tryU.CopyTo(U, 0);
        }
        TakeStep(alpha);
        Linearise();
    }

    private double Cost(ReadOnlySpan<double> x, ReadOnlySpan<double> u) =>
        _problem.TrackingCost(x, u) + (_economic?.Value(_problem, x, u) ?? 0.0);

    private static double Sum(ReadOnlySpan<double> values)
    {
        var sum = 0.0;
        foreach (var value in values) sum += Math.Abs(value);
        return double.IsFinite(sum) ? sum : double.PositiveInfinity;
    }

    /// <summary>Moves the plan towards the quadratic program's solution.</summary>
    private void TakeStep(double alpha)
    {
        int n = _problem.States, m = _problem.Inputs;
        for (var k = 0; k <= _problem.Stages; k++)
        {
            var point = Qp.Point(k);
            for (var i = 0; i < n; i++)
            {
                ref var x = ref X[(k * n) + i];
                var goal = _problem.StateOrigin[i] + (_problem.StateScale[i] * point[m + i]);
                x = alpha == 1.0 ? goal : x + (alpha * (goal - x));
            }
            for (var i = 0; i < m && k < _problem.Stages; i++)
            {
                ref var u = ref U[(k * m) + i];
                var goal = _problem.InputOrigin[i] + (_problem.InputScale[i] * point[i]);
                goal = Math.Min(Math.Max(goal, _problem.LowAt(k, i)), _problem.HighAt(k, i));
                u = alpha == 1.0 ? goal : u + (alpha * (goal - u));
            }
        }
        _problem.Start.CopyTo(X, 0);
    }

    private double StepSize(out double gap)
    {
        int n = _problem.States, m = _problem.Inputs;
        var most = 0.0;
        for (var k = 0; k <= _problem.Stages; k++)
        {
            var point = Qp.Point(k);
            for (var i = 0; i < n && k > 0; i++)
                most = Math.Max(most, Math.Abs(((X[(k * n) + i] - _problem.StateOrigin[i]) / _problem.StateScale[i]) - point[m + i]));
            for (var i = 0; i < m && k < _problem.Stages; i++)
                most = Math.Max(most, Math.Abs(((U[(k * m) + i] - _problem.InputOrigin[i]) / _problem.InputScale[i]) - point[i]));
        }
        gap = 0.0;
        foreach (var defect in _defects) gap = Math.Max(gap, Math.Abs(defect));
        return most;
    }
}
