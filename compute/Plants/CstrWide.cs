using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Athanor.Compute.Numerics;

namespace Athanor.Compute.Plants;

/// <summary>
/// Several groups of eight reactors, stage by stage in turn. A stage is one chain of a division, an exponential and what follows, about a
/// hundred cycles in which one group alone leaves the machine idle; four chains side by side fill it. Between stages the numbers lie in the
/// first-level cache. Operations and their order are those of <see cref="CstrFlow{TVector, TLanes}"/>.
/// </summary>
internal static class CstrWide
{
    public const int Groups = 4;

    // State, sums and slopes: two states and four sensitivities each.
    private const int Six = 6, Sums = 6, Slopes = 12, Work = 18;

    [SkipLocalsInit]
    public static void Linearise(
        ReadOnlySpan<CstrFlow<Vector512<double>, Lanes512<double>>> flows, ReadOnlySpan<Vector512<double>> h, int substeps,
        ReadOnlySpan<Vector512<double>> x, Span<Vector512<double>> next, Span<Vector512<double>> a)
    {
        Span<Vector512<double>> work = stackalloc Vector512<double>[Groups * Work], steps = stackalloc Vector512<double>[Groups * 2];
        for (var g = 0; g < flows.Length; g++)
        {
            var w = work.Slice(g * Work, Six);
            (w[0], w[1], w[2], w[3], w[4], w[5]) =
                (x[2 * g], x[(2 * g) + 1], Vector512<double>.One, Vector512<double>.Zero, Vector512<double>.Zero, Vector512<double>.One);
            (steps[2 * g], steps[(2 * g) + 1]) = (Vector512.Create(0.5) * h[g], h[g] / Vector512.Create(6.0));
        }
        for (var step = 0; step < substeps; step++)
        {
            for (var g = 0; g < flows.Length; g++) First(flows[g], ref work[g * Work]);
            for (var g = 0; g < flows.Length; g++) Middle(flows[g], ref work[g * Work], steps[2 * g]);
            for (var g = 0; g < flows.Length; g++) Middle(flows[g], ref work[g * Work], steps[2 * g]);
            for (var g = 0; g < flows.Length; g++) Last(flows[g], ref work[g * Work], h[g], steps[(2 * g) + 1]);
        }
        for (var g = 0; g < flows.Length; g++)
        {
            var w = work.Slice(g * Work, Six);
            w[..2].CopyTo(next[(2 * g)..]);
            w[2..].CopyTo(a[(4 * g)..]);
        }
    }

    private static void First(in CstrFlow<Vector512<double>, Lanes512<double>> flow, ref Vector512<double> w)
    {
        flow.Slopes(
            w, At(ref w, 1), At(ref w, 2), At(ref w, 3), At(ref w, 4), At(ref w, 5), out var kc, out var kt, out var k00, out var k01,
            out var k10,
            out var k11);
        Put(ref w, Sums, kc, kt, k00, k01, k10, k11);
        Put(ref w, Slopes, kc, kt, k00, k01, k10, k11);
    }

    private static void Middle(in CstrFlow<Vector512<double>, Lanes512<double>> flow, ref Vector512<double> w, Vector512<double> half)
    {
        Shifted(flow, ref w, half, out var kc, out var kt, out var k00, out var k01, out var k10, out var k11);
        var two = Vector512.Create(2.0);
        Put(
            ref w, Sums, Fma(two, kc, At(ref w, Sums)), Fma(two, kt, At(ref w, Sums + 1)), Fma(two, k00, At(ref w, Sums + 2)),
            Fma(two, k01, At(ref w, Sums + 3)), Fma(two, k10, At(ref w, Sums + 4)), Fma(two, k11, At(ref w, Sums + 5)));
        Put(ref w, Slopes, kc, kt, k00, k01, k10, k11);
    }

    private static void Last(
        in CstrFlow<Vector512<double>, Lanes512<double>> flow, ref Vector512<double> w, Vector512<double> h, Vector512<double> sixth)
    {
        Shifted(flow, ref w, h, out var kc, out var kt, out var k00, out var k01, out var k10, out var k11);
        Put(
            ref w, 0, Fma(sixth, At(ref w, Sums) + kc, w), Fma(sixth, At(ref w, Sums + 1) + kt, At(ref w, 1)),
            Fma(sixth, At(ref w, Sums + 2) + k00, At(ref w, 2)), Fma(sixth, At(ref w, Sums + 3) + k01, At(ref w, 3)),
            Fma(sixth, At(ref w, Sums + 4) + k10, At(ref w, 4)), Fma(sixth, At(ref w, Sums + 5) + k11, At(ref w, 5)));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Shifted(
        in CstrFlow<Vector512<double>, Lanes512<double>> flow, ref Vector512<double> w, Vector512<double> h, out Vector512<double> kc,
        out Vector512<double> kt, out Vector512<double> k00, out Vector512<double> k01, out Vector512<double> k10,
        out Vector512<double> k11) =>
        flow.Slopes(
            Fma(h, At(ref w, Slopes), w), Fma(h, At(ref w, Slopes + 1), At(ref w, 1)), Fma(h, At(ref w, Slopes + 2), At(ref w, 2)),
            Fma(h, At(ref w, Slopes + 3), At(ref w, 3)), Fma(h, At(ref w, Slopes + 4), At(ref w, 4)), Fma(h, At(ref w, Slopes + 5),
            At(ref w, 5)),
            out kc, out kt, out k00, out k01, out k10, out k11);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<double> Fma(Vector512<double> a, Vector512<double> b, Vector512<double> c) =>
        Vector512.FusedMultiplyAdd(a, b, c);

    // Every group has all of its 18 numbers in the work space above: no bounds to check in the innermost loop.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ref Vector512<double> At(ref Vector512<double> w, int i) => ref Unsafe.Add(ref w, i);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Put(
        ref Vector512<double> w, int at, Vector512<double> a, Vector512<double> b, Vector512<double> c, Vector512<double> d,
        Vector512<double> e,
        Vector512<double> f)
    {
        At(ref w, at) = a;
        At(ref w, at + 1) = b;
        At(ref w, at + 2) = c;
        At(ref w, at + 3) = d;
        At(ref w, at + 4) = e;
        At(ref w, at + 5) = f;
    }
}
