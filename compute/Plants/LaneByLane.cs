using System.Runtime.Intrinsics;

namespace Athanor.Compute.Plants;

/// <summary>Eight plants one after the other: where lanes are cut differently in time, or a map has none.</summary>
public static class LaneByLane
{
    /// <summary>As <see cref="IPlantMap.LineariseLanes"/>; with an empty <paramref name="a"/> as <see
    /// cref="IPlantMap.AdvanceLanes"/>.</summary>
    public static void Run<TMap>(
        in TMap map, ReadOnlySpan<Vector512<double>> x, ReadOnlySpan<Vector512<double>> u, ReadOnlySpan<Vector512<double>> p,
        Vector512<double> dtS, Span<Vector512<double>> next, Span<Vector512<double>> a, Span<Vector512<double>> b,
        Span<Vector512<double>> e)
        where TMap : struct, IPlantMap
    {
        double[] x1 = new double[x.Length], u1 = new double[u.Length], p1 = new double[p.Length], next1 = new double[next.Length];
        double[] a1 = new double[a.Length], b1 = new double[b.Length], e1 = new double[e.Length];
        for (var lane = 0; lane < Vector512<double>.Count; lane++)
        {
            From(x, lane, x1);
            From(u, lane, u1);
            From(p, lane, p1);
            if (a.Length == 0) map.Advance(x1, u1, p1, dtS[lane], next1);
            else map.Linearise(x1, u1, p1, dtS[lane], next1, a1, b1, e1);
            Into(next1, lane, next);
            Into(a1, lane, a);
            Into(b1, lane, b);
            Into(e1, lane, e);
        }
    }

    private static void From(ReadOnlySpan<Vector512<double>> lanes, int lane, double[] values)
    {
        for (var i = 0; i < values.Length; i++) values[i] = lanes[i][lane];
    }

    private static void Into(double[] values, int lane, Span<Vector512<double>> lanes)
    {
        for (var i = 0; i < values.Length; i++) lanes[i] = lanes[i].WithElement(lane, values[i]);
    }
}
