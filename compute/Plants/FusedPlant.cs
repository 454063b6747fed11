using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Athanor.Compute.Numerics;
using Athanor.Compute.Ode;

namespace Athanor.Compute.Plants;

/// <summary>A model's slopes and all their derivatives at one point, written once for one plant and for eight in lanes, with the
/// exponentials that they share.</summary>
internal interface IFusedKernel
{
    /// <param name="p">In the order of the model's parameters.</param>
    static abstract void Rhs<TVector, TLanes>(ReadOnlySpan<TVector> y, ReadOnlySpan<TVector> p, Span<TVector> dy)
        where TVector : unmanaged
        where TLanes : struct, ILanes<TVector, double>;

    /// <param name="columns">Parameters that derivatives are wanted to.</param>
    /// <param name="dy">The bits of <see cref="Rhs"/>.</param>
    /// <param name="jacobian">(n, n) row-major.</param>
    /// <param name="derivatives">(columns, n) row-major.</param>
    static abstract void Tangent<TVector, TLanes>(
        ReadOnlySpan<TVector> y, ReadOnlySpan<TVector> p, ReadOnlySpan<int> columns, Span<TVector> dy, Span<TVector> jacobian,
        Span<TVector> derivatives)
        where TVector : unmanaged
        where TLanes : struct, ILanes<TVector, double>;
}

/// <summary>The method of <see cref="OdePlant{TModel}"/> over such a kernel.</summary>
internal readonly struct FusedPlant<TModel, TKernel>(OdePlant<TModel> plain) : IPlantMap
    where TModel : struct, IOdeModel<TModel>
    where TKernel : struct, IFusedKernel
{
    private const int Most = 32;

    private readonly OdePlant<TModel> _plain = plain;

    public int States => _plain.States;

    public int Inputs => _plain.Inputs;

    public int Parameters => _plain.Parameters;

    public bool HasLanes => true;

    [SkipLocalsInit]
    public void Advance(ReadOnlySpan<double> x, ReadOnlySpan<double> u, ReadOnlySpan<double> p, double dtS, Span<double> next)
    {
        var (substeps, h) = _plain.Split(dtS);
        Span<double> values = stackalloc double[Most];
        var field = new Field<double, ScalarLanes<double>>(States, Fill<double, ScalarLanes<double>>(values, u, p), []);
        Rk4Flow<double, ScalarLanes<double>, Field<double, ScalarLanes<double>>>.Advance(ref field, x, h, substeps, next);
    }

    [SkipLocalsInit]
    public void Linearise(
        ReadOnlySpan<double> x, ReadOnlySpan<double> u, ReadOnlySpan<double> p, double dtS, Span<double> next, Span<double> a,
        Span<double> b,
        Span<double> e)
    {
        var (substeps, h) = _plain.Split(dtS);
        Span<double> values = stackalloc double[Most];
        var field = new Field<double, ScalarLanes<double>>(
            States, Fill<double, ScalarLanes<double>>(values, u, p), _plain.Columns(b.Length, e.Length));
        Rk4Flow<double, ScalarLanes<double>, Field<double, ScalarLanes<double>>>.Linearise(ref field, x, h, substeps, next, a, b, e);
    }

    [SkipLocalsInit]
    public void AdvanceLanes(
        ReadOnlySpan<Vector512<double>> x, ReadOnlySpan<Vector512<double>> u, ReadOnlySpan<Vector512<double>> p, Vector512<double> dtS,
        Span<Vector512<double>> next)
    {
        var (substeps, _) = _plain.Split(dtS[0]);
        if (!_plain.SameSplit(dtS, substeps))
        {
            LaneByLane.Run(this, x, u, p, dtS, next, default, default, default);
            return;
        }
        Span<Vector512<double>> values = stackalloc Vector512<double>[Most];
        var field = new Field<Vector512<double>, Lanes512<double>>(States, Fill<Vector512<double>, Lanes512<double>>(values, u, p), []);
        Rk4Flow<Vector512<double>, Lanes512<double>, Field<Vector512<double>, Lanes512<double>>>.Advance(
            ref field, x, dtS / Vector512.Create(_plain.TimeUnitS * substeps), substeps, next);
    }

    [SkipLocalsInit]
    public void LineariseLanes(
        ReadOnlySpan<Vector512<double>> x, ReadOnlySpan<Vector512<double>> u, ReadOnlySpan<Vector512<double>> p, Vector512<double> dtS,
        Span<Vector512<double>> next, Span<Vector512<double>> a, Span<Vector512<double>> b, Span<Vector512<double>> e)
    {
        var (substeps, _) = _plain.Split(dtS[0]);
        if (!_plain.SameSplit(dtS, substeps))
        {
            LaneByLane.Run(this, x, u, p, dtS, next, a, b, e);
            return;
        }
        Span<Vector512<double>> values = stackalloc Vector512<double>[Most];
        var field = new Field<Vector512<double>, Lanes512<double>>(
            States, Fill<Vector512<double>, Lanes512<double>>(values, u, p), _plain.Columns(b.Length, e.Length));
        Rk4Flow<Vector512<double>, Lanes512<double>, Field<Vector512<double>, Lanes512<double>>>.Linearise(
            ref field, x, dtS / Vector512.Create(_plain.TimeUnitS * substeps), substeps, next, a, b, e);
    }

    private Span<TVector> Fill<TVector, TLanes>(Span<TVector> values, ReadOnlySpan<TVector> u, ReadOnlySpan<TVector> p)
        where TVector : unmanaged
        where TLanes : struct, ILanes<TVector, double>
    {
        var nominal = _plain.Nominal;
        for (var i = 0; i < nominal.Length; i++) values[i] = TLanes.Create(nominal[i]);
        var inputs = _plain.InputPlaces;
        for (var i = 0; i < inputs.Length; i++) values[inputs[i]] = u[i];
        var parameters = _plain.ParameterPlaces;
        for (var i = 0; i < parameters.Length; i++) values[parameters[i]] = p[i];
        return values[..nominal.Length];
    }

    private readonly ref struct Field<TVector, TLanes>(int states, ReadOnlySpan<TVector> p, ReadOnlySpan<int> columns)
        : ITangentField<TVector>
        where TVector : unmanaged
        where TLanes : struct, ILanes<TVector, double>
    {
        private readonly ReadOnlySpan<TVector> _p = p;
        private readonly ReadOnlySpan<int> _columns = columns;

        public int States => states;

        public int Columns => _columns.Length;

        public void Rhs(scoped ReadOnlySpan<TVector> y, scoped Span<TVector> dy) => TKernel.Rhs<TVector, TLanes>(y, _p, dy);

        public void Tangent(
            scoped ReadOnlySpan<TVector> y, scoped Span<TVector> dy, scoped Span<TVector> jacobian, scoped Span<TVector> derivatives) =>
            TKernel.Tangent<TVector, TLanes>(y, _p, _columns, dy, jacobian, derivatives);
    }
}
