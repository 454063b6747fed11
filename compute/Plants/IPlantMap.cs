using System.Runtime.Intrinsics;

namespace Athanor.Compute.Plants;

/// <summary>
/// A plant over one stretch of time with inputs held: x' = F(x, u, p, dt). Filters and optimisers are generic over structs of this kind, so
/// that the JIT compiles them for each model, as solvers are for theirs.
/// </summary>
/// <remarks>Every member is pure and may be called from several threads at once. Lanes give the bits of one at a time.</remarks>
public interface IPlantMap
{
    /// <summary>n.</summary>
    int States { get; }

    /// <summary>m.</summary>
    int Inputs { get; }

    /// <summary>k: what may be estimated or adapted; all else is constant.</summary>
    int Parameters { get; }

    /// <summary>Writes the state after <paramref name="dtS"/> seconds, in the units of the model's states.</summary>
    void Advance(ReadOnlySpan<double> x, ReadOnlySpan<double> u, ReadOnlySpan<double> p, double dtS, Span<double> next);

    /// <summary>Writes the next state and the exact derivatives of the map.</summary>
    /// <param name="a">dx'/dx, shape (n, n) row-major.</param>
    /// <param name="b">dx'/du, shape (n, m) row-major; empty: not wanted.</param>
    /// <param name="e">dx'/dp, shape (n, k) row-major; empty: not wanted.</param>
    void Linearise(
        ReadOnlySpan<double> x, ReadOnlySpan<double> u, ReadOnlySpan<double> p, double dtS, Span<double> next, Span<double> a,
        Span<double> b,
        Span<double> e);

    /// <summary>Whether eight at a time cost less than eight times one; the members work in either case.</summary>
    bool HasLanes { get; }

    /// <summary>As <see cref="Advance"/>; lane l of each vector belongs to plant l, time too.</summary>
    void AdvanceLanes(
        ReadOnlySpan<Vector512<double>> x, ReadOnlySpan<Vector512<double>> u, ReadOnlySpan<Vector512<double>> p, Vector512<double> dtS,
        Span<Vector512<double>> next);

    /// <summary>As <see cref="Linearise"/>, eight at a time.</summary>
    void LineariseLanes(
        ReadOnlySpan<Vector512<double>> x, ReadOnlySpan<Vector512<double>> u, ReadOnlySpan<Vector512<double>> p, Vector512<double> dtS,
        Span<Vector512<double>> next, Span<Vector512<double>> a, Span<Vector512<double>> b, Span<Vector512<double>> e);
}

/// <summary>A map whose lanes wait for their own results most of the time: several times eight at once cost little more than
/// eight.</summary>
internal interface IWidePlantMap : IPlantMap
{
    /// <summary>As <see cref="IPlantMap.LineariseLanes"/> without b and e, for several groups of eight one after the other in each span,
    /// with the same bits.</summary>
    void LineariseWide(
        int groups, ReadOnlySpan<Vector512<double>> x, ReadOnlySpan<Vector512<double>> u, ReadOnlySpan<Vector512<double>> p,
        ReadOnlySpan<Vector512<double>> dtS, Span<Vector512<double>> next, Span<Vector512<double>> a);
}

/// <summary>What wants the map's own type of a plant that is only known at run time.</summary>
public interface IPlantVisitor<out TResult>
{
    TResult Visit<TMap>(in TMap map, PlantModel model)
        where TMap : struct, IPlantMap;
}
