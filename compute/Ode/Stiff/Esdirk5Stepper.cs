using static Athanor.Compute.Ode.Esdirk5;

namespace Athanor.Compute.Ode;

/// <summary>
/// Steps of <see cref="Esdirk5"/> for a state and its sensitivities. A stage's unknown Y solves M (Y - base) = h gamma f(t, Y) with base = y +
/// h sum_j a_ij k_j; its slope is k = (Y - base) / (h gamma), never f(Y), whose error a stiff component would magnify (Shampine, 1980).
/// A sensitivity solves the same equation's derivative, (M / (h gamma) - J(Y)) S = M base_S / (h gamma) + df/dq, which is linear: one
/// factorisation a stage and one substitution a parameter (staggered direct method, Caracotsios and Stewart, 1985). All blocks share one
/// base and one error test. The continuous extension is of order 5 in components that are not stiff; in those that are slaved to others,
/// whose slopes have the stage order, it is of order 3: step onto output times where that matters.
/// </summary>
internal ref struct Esdirk5Stepper<TSystem, TSensitivities>
    where TSystem : struct, IImplicitSystem
    where TSensitivities : struct, ISensitivities
{
    private const int MaxIterations = 8;

    /// <summary>Newton's method ends when what is left of its error is below this part of the tolerance.</summary>
    private const double NewtonTolerance = 0.01;

    private const double Stagnant = 0.1;

    /// <summary>A ratio of successive corrections above this asks for a new Jacobian at the next step.</summary>
    private const double SlowConvergence = 0.1;

    /// <summary>Up to this many states a Jacobian and its factors cost less than an iteration more.</summary>
    private const int AlwaysFresh = 16;

    /// <summary>The continuous extension takes the step before along if it is at least this part of the present one, and at most this many
    /// times as long.</summary>
    private const double LeastRatio = 0.2;

    private const double LargestRatio = 5.0;

    // Earlier stages whose slopes predict a stage's, and their weights (Lagrange).
    private static readonly int[][] PredictFrom = [[], [0], [0, 1], [0, 1, 2], [0, 1, 3], [1, 2, 4], [3, 1, 2], [1, 2, 6]];

    private static readonly double[][] PredictWeights = [.. PredictFrom.Select((nodes, s) => Lagrange(nodes, s))];

    private readonly TSystem _system;
    private readonly TSensitivities _sensitivities;
    private readonly OdeOptions _options;
    private readonly int _n;
    private readonly int _total;
    private readonly Span<double> _k;
    private readonly Span<double> _y;
    private readonly Span<double> _next;
    private readonly Span<double> _base;
    private readonly Span<double> _error;
    private readonly Span<double> _before;
    private readonly Span<double> _slopeBefore;
    private readonly Span<double> _dense;
    private readonly Span<double> _f;
    private readonly Span<double> _r;
    private readonly Span<double> _scale;
    private readonly Span<double> _atol;
    private readonly Span<double> _derivatives;
    private double _factored;
    private bool _fresh;
    private double _rate;
    private long _evaluations;

    public Esdirk5Stepper(TSystem system, TSensitivities sensitivities, OdeOptions options)
    {
        options.Validate();
        if (system.MassDiagonal is null)
            throw new ArgumentException("this method needs a diagonal mass matrix; Rodas5P takes a full one");
        _system = system;
        _sensitivities = sensitivities;
        _options = options;
        _n = system.Dimension;
        var total = _total = _n * (1 + sensitivities.Count);
        Span<double> rest = new double[((Stages + 12) * total) + (4 * _n)];
        _k = Take(ref rest, Stages * total);
        _y = Take(ref rest, total);
        _next = Take(ref rest, total);
        _base = Take(ref rest, total);
        _error = Take(ref rest, total);
        _before = Take(ref rest, total);
        _slopeBefore = Take(ref rest, total);
        _dense = Take(ref rest, 5 * total);
        _derivatives = Take(ref rest, total);
        _f = Take(ref rest, _n);
        _r = Take(ref rest, _n);
        _scale = Take(ref rest, _n);
        _atol = Take(ref rest, _n);
        options.AbsoluteTo(_atol);

        static Span<double> Take(scoped ref Span<double> rest, int count)
        {
            var taken = rest[..count];
            rest = rest[count..];
            return taken;
        }
    }

    public OdeStatistics Run<TObserver>(
        double t0, ReadOnlySpan<double> y0, double end, ReadOnlySpan<double> stops, ref TObserver observer)
        where TObserver : struct, IOdeObserver, allows ref struct
    {
        int n = _n, total = _total;
        var rtol = _options.RelativeTolerance;
        y0.CopyTo(_y);
        var t = t0;
        StartSlope(t);
        var h = _options.InitialStep > 0
            ? _options.InitialStep
            : ErrorNorm.FirstStep(_y[..n], _k[..n], rtol, _atol, end - t0);
        h = Math.Min(h, _options.MaxStep);
        var control = new StepControl(5);
        var stop = 0;
        int accepted = 0, rejected = 0;
        var hBefore = 0.0;
        _factored = 0.0;
        _fresh = true;
        while (t < end)
        {
            if (accepted + rejected >= _options.MaxSteps)
                throw new TooManyStepsException(t, _options.MaxSteps, ErrorNorm.Worst(_error, _y, rtol, _atol) % n);
            while (stop < stops.Length && stops[stop] <= t) stop++;
            var target = stop < stops.Length ? stops[stop] : end;
            var wanted = h;
            var last = t + (h * 1.0000000001) >= target;
            if (last) h = target - t;
            else if (t + (1.1 * h) > target) h = 0.5 * (target - t);
            var converged = Step(t, h);
            if (!converged && !_fresh)
            {
                // An old Jacobian may be all that is wrong.
                UpdateJacobian(t);
                converged = Step(t, h);
            }
            var norm = converged ? ErrorNorm.Of(_error, _y, _next, rtol, _atol, n) : double.NaN;
            if (norm <= 1.0)
            {
                var t1 = last ? target : t + h;
                accepted++;
                Dense(h, hBefore);
                var more = observer.Step(new DenseStep(t, t1, _y, _next, _dense, DenseKind.Polynomial));
                _y.CopyTo(_before);
                _k[..total].CopyTo(_slopeBefore);
                hBefore = h;
                _next.CopyTo(_y);
                _k[((Stages - 1) * total)..].CopyTo(_k);
                t = t1;
                var factor = control.Accepted(norm);
                // A step that would hardly change is kept, and with it the factors.
                if (n > AlwaysFresh && factor is >= 1.0 and < 1.2) factor = 1.0;
                h = Math.Min(last && h < wanted ? Math.Max(h * factor, wanted) : h * factor, _options.MaxStep);
                _fresh = false;
                if (n <= AlwaysFresh || _rate > SlowConvergence) UpdateJacobian(t);
                if (!more) break;
            }
            else
            {
                rejected++;
                if (!converged && _system.NonFiniteJacobian() is { Row: >= 0 } bad)
                    throw new NonFiniteJacobianException(t, bad.Row, bad.Column);
                var tried = h;
                h *= converged ? control.Rejected(norm) : Math.Max(control.Rejected(double.NaN), 0.25);
                if (ImplicitSolve.TooShort(t, h))
                    throw ImplicitSolve.Stuck(_system, t, _y, tried, h, norm, ErrorNorm.Worst(_error, _next, rtol, _atol) % n);
                // Stages with sensitivities leave another state's Jacobian behind.
                if (_sensitivities.Count > 0) UpdateJacobian(t);
            }
        }
        return new OdeStatistics(accepted, rejected, _evaluations) { ImplicitSteps = accepted + rejected };
    }

    private void UpdateJacobian(double t)
    {
        _system.UpdateJacobian(t, _y[.._n]);
        _fresh = true;
        _factored = 0.0;
    }

    /// <summary>All stages and the error estimate. False if Newton's method does not converge.</summary>
    private bool Step(double t, double h)
    {
        int n = _n, total = _total;
        var c = 1.0 / (h * Gamma);
        if (_factored != c)
        {
            if (!_system.Factor(c)) return false;
            _factored = c;
        }
        _rate = 0.0;
        for (var i = 0; i < n; i++) _scale[i] = 1.0 / (_atol[i] + (_options.RelativeTolerance * Math.Abs(_y[i])));
        for (var s = 1; s < Stages; s++)
        {
            _y.CopyTo(_base);
            for (var j = 0; j < s; j++) Add(h * A[s][j], _k.Slice(j * total, total), _base);
            var slope = _k.Slice(s * total, total);
            var stage = _next[..n];
            // The predicted slope is that of earlier stages.
            slope[..n].Clear();
            for (var j = 0; j < PredictFrom[s].Length; j++)
                Add(PredictWeights[s][j], _k.Slice(PredictFrom[s][j] * total, n), slope[..n]);
            for (var i = 0; i < n; i++) stage[i] = Math.FusedMultiplyAdd(h * Gamma, slope[i], _base[i]);
            if (!Newton(t + (C[s] * h), c, stage)) return false;
            for (var i = 0; i < n; i++) slope[i] = (stage[i] - _base[i]) * c;
            if (_sensitivities.Count > 0 && !StageSensitivities(t + (C[s] * h), c, s)) return false;
        }
        _error.Clear();
        for (var s = 2; s < Stages; s++) Add(h * E[s], _k.Slice(s * total, total), _error);
        // The error of stiff components is damped as the method damps them: (M / (h gamma) - J)^-1 M / (h gamma) (Shampine).
        for (var block = 0; block < total; block += n)
        {
            var error = _error.Slice(block, n);
            _system.MultiplyMass(error, _r);
            for (var i = 0; i < n; i++) error[i] = _r[i] * c;
            _system.Solve(error);
        }
        return true;
    }

    private bool Newton(double t, double c, Span<double> stage)
    {
        var n = _n;
        var before = 0.0;
        for (var iteration = 0; iteration < MaxIterations; iteration++)
        {
            _system.Rhs(t, stage, _f);
            _evaluations++;
            for (var i = 0; i < n; i++) _error[i] = (stage[i] - _base[i]) * c;
            _system.MultiplyMass(_error[..n], _r);
            for (var i = 0; i < n; i++) _r[i] = _f[i] - _r[i];
            _system.Solve(_r);
            var sum = 0.0;
            for (var i = 0; i < n; i++)
            {
                stage[i] += _r[i];
                var scaled = _r[i] * _scale[i];
                sum = Math.FusedMultiplyAdd(scaled, scaled, sum);
            }
            var size = Math.Sqrt(sum / n);
            if (!double.IsFinite(size)) return false;
            if (size == 0.0) return true;
            if (iteration == 0)
            {
                // Without a rate yet, only a correction far below the tolerance ends it.
                if (size <= 1e-3 * NewtonTolerance) return true;
            }
            else
            {
                var rate = size / before;
                _rate = Math.Max(_rate, rate);
                // Corrections that no longer shrink are rounding; below a tenth of the tolerance that is good enough.
                if (rate >= 1.0) return size <= Stagnant;
                if (rate / (1.0 - rate) * size <= NewtonTolerance) return true;
            }
            before = size;
        }
        return before <= Stagnant;
    }

    private bool StageSensitivities(double t, double c, int s)
    {
        int n = _n, total = _total;
        _system.UpdateJacobian(t, _next[..n]);
        _sensitivities.Derivatives(t, _next[..n], _derivatives);
        if (!_system.Factor(c)) return false;
        for (var block = n; block < total; block += n)
        {
            var from = _base.Slice(block, n);
            var unknown = _next.Slice(block, n);
            _system.MultiplyMass(from, unknown);
            for (var i = 0; i < n; i++) unknown[i] = Math.FusedMultiplyAdd(c, unknown[i], _derivatives[block - n + i]);
            _system.Solve(unknown);
            var slope = _k.Slice((s * total) + block, n);
            for (var i = 0; i < n; i++) slope[i] = (unknown[i] - from[i]) * c;
        }
        return true;
    }

    /// <summary>Slopes at the start: f; where a row of M is zero, what keeps the algebraic equation satisfied.</summary>
    private void StartSlope(double t)
    {
        var n = _n;
        var f = _k[..n];
        _system.Rhs(t, _y[..n], f);
        _evaluations = 1;
        if (ErrorNorm.NonFinite(f) is >= 0 and var bad) throw new NonFiniteException(t, bad);
        _system.UpdateJacobian(t, _y[..n]);
        if (_system.NonFiniteJacobian() is { Row: >= 0 } entry) throw new NonFiniteJacobianException(t, entry.Row, entry.Column);
        if (_sensitivities.Count > 0)
        {
            _sensitivities.Derivatives(t, _y[..n], _derivatives);
            for (var block = n; block < _total; block += n)
            {
                var slope = _k.Slice(block, n);
                _system.MultiplyJacobian(_y.Slice(block, n), slope);
                for (var i = 0; i < n; i++) slope[i] += _derivatives[block - n + i];
            }
        }
        var mass = _system.MassDiagonal!;
        if (mass.Length == 0) return;
        // (c M - J) k = c f, with c large: differential rows give k = f / m, algebraic ones 0 = J k + df/dt.
        _f.Clear();
        if (!_system.IsAutonomous) _system.TimeDerivative(t, _y[..n], _f);
        var c = 1e12 * (1.0 + _system.JacobianNorm());
        for (var i = 0; i < n; i++) f[i] = mass[i] == 0.0 ? _f[i] : c * f[i];
        if (!_system.Factor(c)) throw new HighIndexException(t, Array.IndexOf(mass, 0.0));
        _system.Solve(f);
        // What algebraic rows of sensitivities start from is wiped out by the first step.
        for (var block = n; block < _total; block += n)
        {
            for (var i = 0; i < n; i++) _k[block + i] = mass[i] == 0.0 ? 0.0 : _k[block + i] / mass[i];
        }
    }

    /// <summary>The continuous extension: the cubic through values and slopes at both ends, raised to order 5 by those of the step before
    /// where its length is comparable (Hermite).</summary>
    private void Dense(double h, double hBefore)
    {
        var total = _total;
        var r = hBefore / h;
        var quintic = r is >= LeastRatio and <= LargestRatio;
        var w = r * r * (1 + r) * (1 + r);
        var dw = -2 * r * (1 + r) * (1 + (2 * r));
        var slope = _k[((Stages - 1) * total)..];
        for (var i = 0; i < total; i++)
        {
            double rise = _next[i] - _y[i], d0 = h * _k[i], d1 = h * slope[i];
            double c2 = (3 * rise) - (2 * d0) - d1, c3 = d0 + d1 - (2 * rise);
            double a = 0.0, b = 0.0;
            if (quintic)
            {
                // theta^2 (1 - theta)^2 (a + b theta) is added so that value and slope at theta = -r are met.
                var value = (_before[i] - (_y[i] + (r * (-d0 + (r * (c2 - (r * c3))))))) / w;
                b = ((h * _slopeBefore[i]) - (d0 + (r * ((-2 * c2) + (3 * r * c3)))) - (dw * value)) / w;
                a = value + (b * r);
            }
            _dense[i] = d0;
            _dense[total + i] = c2 + a;
            _dense[(2 * total) + i] = c3 - (2 * a) + b;
            _dense[(3 * total) + i] = a - (2 * b);
            _dense[(4 * total) + i] = b;
        }
    }

    private static void Add(double factor, ReadOnlySpan<double> what, Span<double> to)
    {
        if (factor == 0.0) return;
        what = what[..to.Length];
        for (var i = 0; i < to.Length; i++) to[i] = Math.FusedMultiplyAdd(factor, what[i], to[i]);
    }

    private static double[] Lagrange(int[] nodes, int s) =>
        [.. nodes.Select(j => nodes.Where(m => m != j).Aggregate(1.0, (product, m) => product * (C[s] - C[m]) / (C[j] - C[m])))];
}
