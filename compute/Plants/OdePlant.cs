using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Athanor.Compute.Numerics;
using Athanor.Compute.Ode;

namespace Athanor.Compute.Plants;

/// <summary>
/// A model of ordinary differential equations as a plant: fixed substeps of the classical Runge-Kutta method with forward sensitivities.
/// Inputs and parameters are some of the model's own parameters.
/// </summary>
/// <param name="nominal">Values of all the model's parameters.</param>
/// <param name="inputs">Which of them are inputs.</param>
/// <param name="parameters">Which of them may be estimated.</param>
/// <param name="timeUnitS">Seconds in a unit of the model's time.</param>
/// <param name="substepS">Longest substep, s.</param>
public readonly struct OdePlant<TModel>(TModel model, double[] nominal, int[] inputs, int[] parameters, double timeUnitS, double substepS)
    : IPlantMap
    where TModel : struct, IOdeModel<TModel>
{
    private const int Lanes = 8;

    private readonly TModel _model = model;

    // Both empty, inputs alone, parameters alone, or both: columns of the sensitivities in that order.
    private readonly int[] _both = [.. inputs, .. parameters];

    public int States => _model.Dimension;

    public int Inputs => inputs.Length;

    public int Parameters => parameters.Length;

    public bool HasLanes => true;

    [SkipLocalsInit]
    public void Advance(ReadOnlySpan<double> x, ReadOnlySpan<double> u, ReadOnlySpan<double> p, double dtS, Span<double> next)
    {
        var (substeps, h) = Split(dtS);
        var field = new ScalarField<TModel>(Model(u, p), [], []);
        Rk4Flow<double, ScalarLanes<double>, ScalarField<TModel>>.Advance(ref field, x, h, substeps, next);
    }

    [SkipLocalsInit]
    public void Linearise(
        ReadOnlySpan<double> x, ReadOnlySpan<double> u, ReadOnlySpan<double> p, double dtS, Span<double> next, Span<double> a,
        Span<double> b,
        Span<double> e)
    {
        var (substeps, h) = Split(dtS);
        var columns = Columns(b.Length, e.Length);
        var all = columns.Length == 0 ? [] : new double[_model.ParameterCount * _model.Dimension];
        var field = new ScalarField<TModel>(Model(u, p), columns, all);
        Rk4Flow<double, ScalarLanes<double>, ScalarField<TModel>>.Linearise(ref field, x, h, substeps, next, a, b, e);
    }

    public void AdvanceLanes(
        ReadOnlySpan<Vector512<double>> x, ReadOnlySpan<Vector512<double>> u, ReadOnlySpan<Vector512<double>> p, Vector512<double> dtS,
        Span<Vector512<double>> next)
    {
        var (substeps, _) = Split(dtS[0]);
        if (!SameSplit(dtS, substeps))
        {
            LaneByLane.Run(this, x, u, p, dtS, next, default, default, default);
            return;
        }
        var field = new LaneField<TModel>(_model, LaneParameters(u, p), [], []);
        Rk4Flow<Vector512<double>, Lanes512<double>, LaneField<TModel>>.Advance(
            ref field, x, dtS / Vector512.Create(timeUnitS * substeps), substeps, next);
    }

    public void LineariseLanes(
        ReadOnlySpan<Vector512<double>> x, ReadOnlySpan<Vector512<double>> u, ReadOnlySpan<Vector512<double>> p, Vector512<double> dtS,
        Span<Vector512<double>> next, Span<Vector512<double>> a, Span<Vector512<double>> b, Span<Vector512<double>> e)
    {
        var (substeps, _) = Split(dtS[0]);
        if (!SameSplit(dtS, substeps))
        {
            LaneByLane.Run(this, x, u, p, dtS, next, a, b, e);
            return;
        }
        var columns = Columns(b.Length, e.Length);
        var all = columns.Length == 0 ? [] : new Vector512<double>[_model.ParameterCount * _model.Dimension];
        var field = new LaneField<TModel>(_model, LaneParameters(u, p), columns, all);
        Rk4Flow<Vector512<double>, Lanes512<double>, LaneField<TModel>>.Linearise(
            ref field, x, dtS / Vector512.Create(timeUnitS * substeps), substeps, next, a, b, e);
    }

    internal ReadOnlySpan<double> Nominal => nominal;

    internal ReadOnlySpan<int> InputPlaces => inputs;

    internal ReadOnlySpan<int> ParameterPlaces => parameters;

    internal double TimeUnitS => timeUnitS;

    internal (int Substeps, double Step) Split(double dtS)
    {
        // A stretch that is a whole number of substeps but for rounding must not get one more.
        var substeps = Math.Max(1, (int)Math.Ceiling((dtS / substepS) - 1e-9));
        return (substeps, dtS / (timeUnitS * substeps));
    }

    internal bool SameSplit(Vector512<double> dtS, int substeps)
    {
        for (var lane = 1; lane < Lanes; lane++)
        {
            if (dtS[lane] != dtS[0] && Split(dtS[lane]).Substeps != substeps) return false;
        }
        return true;
    }

    internal int[] Columns(int b, int e) => (b, e) switch
    {
        (0, 0) => [],
        (_, 0) => inputs,
        (0, _) => parameters,
        _ => _both,
    };

    [SkipLocalsInit]
    internal TModel Model(ReadOnlySpan<double> u, ReadOnlySpan<double> p)
    {
        Span<double> all = nominal.Length <= 256 ? stackalloc double[256] : new double[nominal.Length];
        all = all[..nominal.Length];
        nominal.CopyTo(all);
        for (var i = 0; i < inputs.Length; i++) all[inputs[i]] = u[i];
        for (var i = 0; i < parameters.Length; i++) all[parameters[i]] = p[i];
        return _model.With(all);
    }

    private Vector512<double>[] LaneParameters(ReadOnlySpan<Vector512<double>> u, ReadOnlySpan<Vector512<double>> p)
    {
        var all = new Vector512<double>[nominal.Length];
        for (var i = 0; i < all.Length; i++) all[i] = Vector512.Create(nominal[i]);
        for (var i = 0; i < inputs.Length; i++) all[inputs[i]] = u[i];
        for (var i = 0; i < parameters.Length; i++) all[parameters[i]] = p[i];
        return all;
    }
}

/// <summary>One plant.</summary>
internal readonly ref struct ScalarField<TModel>(TModel model, ReadOnlySpan<int> columns, Span<double> all) : ITangentField<double>
    where TModel : struct, IOdeModel<TModel>
{
    private readonly TModel _model = model;
    private readonly ReadOnlySpan<int> _columns = columns;
    private readonly Span<double> _all = all;

    public int States => _model.Dimension;

    public int Columns => _columns.Length;

    public void Rhs(scoped ReadOnlySpan<double> y, scoped Span<double> dy) => _model.Rhs(0.0, y, dy);

    public void Tangent(
        scoped ReadOnlySpan<double> y, scoped Span<double> dy, scoped Span<double> jacobian, scoped Span<double> derivatives)
    {
        _model.Rhs(0.0, y, dy);
        _model.Jacobian(0.0, y, jacobian);
        if (_columns.Length == 0) return;
        var n = y.Length;
        _model.ParameterDerivatives(0.0, y, _all);
        for (var c = 0; c < _columns.Length; c++) _all.Slice(_columns[c] * n, n).CopyTo(derivatives[(c * n)..]);
    }
}

/// <summary>Eight plants. What a model has no lanes for is done lane by lane, with the same bits.</summary>
internal readonly ref struct LaneField<TModel>(
    TModel model, ReadOnlySpan<Vector512<double>> parameters, ReadOnlySpan<int> columns, Span<Vector512<double>> all)
    : ITangentField<Vector512<double>>
    where TModel : struct, IOdeModel<TModel>
{
    private readonly TModel _model = model;
    private readonly ReadOnlySpan<Vector512<double>> _parameters = parameters;
    private readonly ReadOnlySpan<int> _columns = columns;
    private readonly Span<Vector512<double>> _all = all;

    public int States => _model.Dimension;

    public int Columns => _columns.Length;

    public void Rhs(scoped ReadOnlySpan<Vector512<double>> y, scoped Span<Vector512<double>> dy) =>
        _model.RhsLanes(default, y, _parameters, dy);

    public void Tangent(
        scoped ReadOnlySpan<Vector512<double>> y, scoped Span<Vector512<double>> dy, scoped Span<Vector512<double>> jacobian,
        scoped Span<Vector512<double>> derivatives)
    {
        _model.RhsLanes(default, y, _parameters, dy);
        var n = y.Length;
        var derivativesInLanes = _columns.Length > 0 && _model is ILaneDerivatives;
        if (derivativesInLanes)
        {
            ((ILaneDerivatives)_model).ParameterDerivativesLanes(default, y, _parameters, _all);
            for (var c = 0; c < _columns.Length; c++) _all.Slice(_columns[c] * n, n).CopyTo(derivatives[(c * n)..]);
        }
        if (_model.HasLaneJacobian) _model.JacobianLanes(default, y, _parameters, jacobian);
        if (!_model.HasLaneJacobian || (_columns.Length > 0 && !derivativesInLanes))
            Singly(y, _model.HasLaneJacobian ? default : jacobian, derivativesInLanes ? default : derivatives);
    }

    private void Singly(
        scoped ReadOnlySpan<Vector512<double>> y, scoped Span<Vector512<double>> jacobian, scoped Span<Vector512<double>> derivatives)
    {
        int n = y.Length, count = _parameters.Length;
        double[] state = new double[n], values = new double[count];
        double[] square = new double[jacobian.Length], all = derivatives.Length == 0 ? [] : new double[count * n];
        for (var lane = 0; lane < Vector512<double>.Count; lane++)
        {
            for (var i = 0; i < n; i++) state[i] = y[i][lane];
            for (var k = 0; k < count; k++) values[k] = _parameters[k][lane];
            var model = _model.With(values);
            if (square.Length > 0) model.Jacobian(0.0, state, square);
            for (var i = 0; i < square.Length; i++) jacobian[i] = jacobian[i].WithElement(lane, square[i]);
            if (all.Length == 0) continue;
            model.ParameterDerivatives(0.0, state, all);
            for (var c = 0; c < _columns.Length; c++)
            {
                for (var i = 0; i < n; i++)
                    derivatives[(c * n) + i] = derivatives[(c * n) + i].WithElement(lane, all[(_columns[c] * n) + i]);
            }
        }
    }
}
