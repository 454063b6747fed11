using System.Runtime.Intrinsics;
using Athanor.Compute.Plants;

namespace Athanor.Compute.Tests.Estimation;

/// <summary>x' = x + dt (A x + B u): a linear map whose filter must be the Kalman filter.</summary>
internal readonly struct LinearPlant(double[] a, double[] b, int n) : IPlantMap
{
    public int States => n;

    public int Inputs => b.Length / n;

    public int Parameters => 0;

    public bool HasLanes => false;

    public static PlantModel Model(double[] a, double[] b, int n) => PlantModel.Of(
        new LinearPlant(a, b, n), "linear", [.. Enumerable.Range(0, n).Select(static i => new PlantQuantity($"x{i}", "", 1.0))],
        [.. Enumerable.Range(0, b.Length / n).Select(static i => new PlantQuantity($"u{i}", "", 0.0))], []);

    public void Advance(ReadOnlySpan<double> x, ReadOnlySpan<double> u, ReadOnlySpan<double> p, double dtS, Span<double> next)
    {
        var result = new double[n];
        for (var i = 0; i < n; i++)
        {
            var sum = 0.0;
            for (var j = 0; j < n; j++) sum += a[(i * n) + j] * x[j];
            for (var j = 0; j < u.Length; j++) sum += b[(i * u.Length) + j] * u[j];
            result[i] = x[i] + (dtS * sum);
        }
        result.CopyTo(next);
    }

    public void Linearise(
        ReadOnlySpan<double> x, ReadOnlySpan<double> u, ReadOnlySpan<double> p, double dtS, Span<double> next, Span<double> da,
        Span<double> db,
        Span<double> de)
    {
        Advance(x, u, p, dtS, next);
        for (var i = 0; i < n * n; i++) da[i] = (i % (n + 1) == 0 ? 1.0 : 0.0) + (dtS * a[i]);
        for (var i = 0; i < db.Length; i++) db[i] = dtS * b[i];
    }

    public void AdvanceLanes(
        ReadOnlySpan<Vector512<double>> x, ReadOnlySpan<Vector512<double>> u, ReadOnlySpan<Vector512<double>> p, Vector512<double> dtS,
        Span<Vector512<double>> next) => LineariseLanes(x, u, p, dtS, next, default, default, default);

    public void LineariseLanes(
        ReadOnlySpan<Vector512<double>> x, ReadOnlySpan<Vector512<double>> u, ReadOnlySpan<Vector512<double>> p, Vector512<double> dtS,
        Span<Vector512<double>> next, Span<Vector512<double>> da, Span<Vector512<double>> db, Span<Vector512<double>> de)
    {
        double[] x1 = new double[n], u1 = new double[u.Length], next1 = new double[n], a1 = new double[n * n];
        double[] b1 = new double[n * u.Length];
        for (var lane = 0; lane < 8; lane++)
        {
            for (var i = 0; i < n; i++) x1[i] = x[i][lane];
            for (var i = 0; i < u1.Length; i++) u1[i] = u[i][lane];
            Linearise(x1, u1, [], dtS[lane], next1, a1, b1, []);
            for (var i = 0; i < n; i++) next[i] = next[i].WithElement(lane, next1[i]);
            for (var i = 0; i < da.Length; i++) da[i] = da[i].WithElement(lane, a1[i]);
            for (var i = 0; i < db.Length; i++) db[i] = db[i].WithElement(lane, b1[i]);
        }
    }
}
