using Athanor.Compute.Linear;
using Athanor.Compute.Ode;

namespace Athanor.Compute.Plants;

/// <summary>
/// The two-stage singly diagonally implicit Runge-Kutta method of order two, γ = 1 - 1/√2 (R. Alexander, SIAM J. Numer. Anal. 14 (1977)
/// 1006; L-stable and stiffly accurate), and its exact derivatives: at the converged stages the implicit function theorem gives
/// (I - γ h J(y₁)) S₁ = S + γ h P(y₁) and (I - γ h J(y₂)) S₂ = S + (1 + √2) (S₁ - S) + γ h P(y₂), P the derivatives by inputs and
/// parameters. The factors of a stage serve all columns.
/// </summary>
/// <remarks>
/// <para>Stages of states that cannot be negative are looked for on their own side of zero alone: rate laws with a saturation constant K
/// have a pole at -K, and a root that means nothing behind it.</para>
/// <para>A substep without such stages (the Newton iteration does not converge, or the step crosses a layer that it is too long for: a
/// substrate that runs out) is taken in two halves; from the third halving on by the implicit Euler method where the other has no stages, as
/// that method keeps the sign at any length. Its error is then that of a stretch of an eighth, once per layer. All of this depends on
/// the state alone, so that the map is the same each time; its derivatives are those of the steps that were taken.</para>
/// </remarks>
internal sealed class ImplicitFlow<TModel>
    where TModel : struct, IOdeModel<TModel>
{
    private const int MostIterations = 20, MostHalvings = 9, FirstOrderFrom = 3;

    // Share of the way to zero that an iteration may go.
    private const double Reach = 0.9;

    private static readonly double Gamma = 1.0 - (1.0 / Math.Sqrt(2.0)), Lead = 1.0 + Math.Sqrt(2.0);

    private readonly TModel _model;
    private readonly double[] _floor, _tolerance;
    private readonly int[] _columns, _pivots;
    private readonly int _n, _width;

    private readonly double[] _first, _second, _base, _rate, _matrix, _jacobian, _sensitivity, _trial, _derivatives;

    /// <param name="floor">Per state: what no stage may go below; negative infinity for none.</param>
    /// <param name="tolerance">Per state: the absolute error of a stage that does not count.</param>
    /// <param name="columns">Parameters that derivatives are wanted by, after those by the states.</param>
    public ImplicitFlow(TModel model, double[] floor, double[] tolerance, int[] columns, bool derivatives)
    {
        (_model, _floor, _tolerance, _columns) = (model, floor, tolerance, columns);
        var n = _n = model.Dimension;
        _width = derivatives ? n + columns.Length : 0;
        _pivots = new int[n];
        (_first, _second, _base, _rate) = (new double[n], new double[n], new double[n], new double[n]);
        (_matrix, _jacobian) = (new double[n * n], new double[n * n]);
        (_sensitivity, _trial) = (new double[_width * n], new double[_width * n]);
        _derivatives = columns.Length > 0 ? new double[model.ParameterCount * n] : [];
    }

    /// <summary>dx/d(column), n numbers each, at the present state.</summary>
    public Span<double> Sensitivity => _sensitivity;

    /// <summary>Replaces x, and the sensitivities, by those one substep later.</summary>
    /// <returns>False if there are no stages, however short the step.</returns>
    public bool Step(Span<double> x, double h, int halvings = 0)
    {
        if (Second(x, h, guarded: true)) return true;
        if (halvings >= FirstOrderFrom && First(x, h)) return true;
        if (halvings < MostHalvings) return Step(x, 0.5 * h, halvings + 1) && Step(x, 0.5 * h, halvings + 1);
        // A field that points below zero by itself: what the bound is there for is not so.
        return Second(x, h, guarded: false);
    }

    private bool Second(Span<double> x, double h, bool guarded)
    {
        var gh = Gamma * h;
        x.CopyTo(_first);
        if (!Newton(x, gh, _first, guarded)) return false;
        for (var i = 0; i < _n; i++) _base[i] = x[i] + (Lead * (_first[i] - x[i]));
        _first.CopyTo(_second, 0);
        if (!Newton(_base, gh, _second, guarded)) return false;
        if (_width > 0)
        {
            _sensitivity.CopyTo(_trial, 0);
            if (!Solve(_first, gh)) return false;
            for (var i = 0; i < _trial.Length; i++) _trial[i] = _sensitivity[i] + (Lead * (_trial[i] - _sensitivity[i]));
            if (!Solve(_second, gh)) return false;
            _trial.CopyTo(_sensitivity, 0);
        }
        _second.CopyTo(x);
        return true;
    }

    private bool First(Span<double> x, double h)
    {
        x.CopyTo(_first);
        if (!Newton(x, h, _first, guarded: true)) return false;
        if (_width > 0)
        {
            _sensitivity.CopyTo(_trial, 0);
            if (!Solve(_first, h)) return false;
            _trial.CopyTo(_sensitivity, 0);
        }
        _first.CopyTo(x);
        return true;
    }

    /// <summary>y = start + gh f(y), from the y that is given. Newton's method with the Jacobian of each iterate; damped where the
    /// corrections grow.</summary>
    private bool Newton(ReadOnlySpan<double> start, double gh, Span<double> y, bool guarded)
    {
        double last = double.PositiveInfinity, share = 1.0;
        for (var iteration = 0; iteration < MostIterations; iteration++)
        {
            _model.Rhs(0.0, y, _rate);
            for (var i = 0; i < _n; i++) _rate[i] = start[i] + (gh * _rate[i]) - y[i];
            if (!Factor(y, gh)) return false;
            SmallLu.Solve(_matrix, _pivots, _rate);
            var size = 0.0;
            for (var i = 0; i < _n; i++) size = Math.Max(size, Math.Abs(_rate[i]) / ((1e-10 * Math.Abs(y[i])) + (1e-2 * _tolerance[i])));
            if (!double.IsFinite(size)) return false;
            share = size > last ? Math.Max(0.5 * share, 1.0 / 16.0) : Math.Min(1.0, 2.0 * share);
            last = size;
            var clipped = false;
            for (var i = 0; i < _n; i++)
            {
                double change = share * _rate[i], room = y[i] - _floor[i];
                if (guarded && room >= 0.0 && change < -Reach * room)
                {
                    change = -Reach * room;
                    clipped = true;
                }
                y[i] += change;
            }
            // The correction that was just made is that small, so that the error left is its square.
            if (size <= 1.0 && share == 1.0 && !clipped) return true;
        }
        return false;
    }

    /// <summary>Factors of I - gh J(y).</summary>
    private bool Factor(ReadOnlySpan<double> y, double gh)
    {
        _model.Jacobian(0.0, y, _jacobian);
        for (var i = 0; i < _matrix.Length; i++) _matrix[i] = -gh * _jacobian[i];
        for (var i = 0; i < _n; i++) _matrix[(i * _n) + i] += 1.0;
        return SmallLu.Factor(_matrix, _pivots);
    }

    /// <summary>The columns of the trial sensitivities, each S, become (I - gh J)⁻¹ (S + gh P) at the stage y.</summary>
    private bool Solve(ReadOnlySpan<double> y, double gh)
    {
        if (!Factor(y, gh)) return false;
        if (_columns.Length > 0) _model.ParameterDerivatives(0.0, y, _derivatives);
        for (var c = 0; c < _width; c++)
        {
            var column = _trial.AsSpan(c * _n, _n);
            if (c >= _n)
            {
                var slope = _derivatives.AsSpan(_columns[c - _n] * _n, _n);
                for (var i = 0; i < _n; i++) column[i] += gh * slope[i];
            }
            SmallLu.Solve(_matrix, _pivots, column);
        }
        return true;
    }
}
