using System.Runtime.Intrinsics;
using Athanor.Compute.Ode;

namespace Athanor.Compute.Plants;

/// <summary>
/// A stiff model of ordinary differential equations as a plant: fixed substeps of an L-stable implicit method of order two with its exact
/// derivatives, see <see cref="ImplicitFlow{TModel}"/>. Fast modes are damped whatever the substep, which so follows what is to be seen
/// of the plant, not its fastest time constant.
/// </summary>
/// <remarks>
/// <para>States whose least value is zero stay at or above it, within their absolute tolerance. A state that comes in below (an
/// optimiser's trial point) goes through as max(x, 0) with what it lacked carried along: continuous, and with a slope that leads
/// back.</para>
/// <para>Where the equations have no solution, however short the step, the result is not a number, as where an explicit method left the
/// region of the model: estimators then say so, optimisers take it for a step too far.</para>
/// </remarks>
/// <param name="lowest">Least value per state; only zero counts.</param>
/// <param name="tolerance">Absolute tolerance per state.</param>
public readonly struct ImplicitPlant<TModel>(OdePlant<TModel> plain, double[] lowest, double[] tolerance) : IPlantMap
    where TModel : struct, IOdeModel<TModel>
{
    private readonly OdePlant<TModel> _plain = plain;
    private readonly double[] _tolerance = tolerance;

    private readonly double[] _floor =
        [.. lowest.Zip(tolerance, static (low, error) => low == 0.0 ? -error : double.NegativeInfinity)];

    public int States => _plain.States;

    public int Inputs => _plain.Inputs;

    public int Parameters => _plain.Parameters;

    public bool HasLanes => false;

    public void Advance(ReadOnlySpan<double> x, ReadOnlySpan<double> u, ReadOnlySpan<double> p, double dtS, Span<double> next) =>
        Run(x, u, p, dtS, next, default, default, default);

    public void Linearise(
        ReadOnlySpan<double> x, ReadOnlySpan<double> u, ReadOnlySpan<double> p, double dtS, Span<double> next, Span<double> a,
        Span<double> b,
        Span<double> e) => Run(x, u, p, dtS, next, a, b, e);

    public void AdvanceLanes(
        ReadOnlySpan<Vector512<double>> x, ReadOnlySpan<Vector512<double>> u, ReadOnlySpan<Vector512<double>> p, Vector512<double> dtS,
        Span<Vector512<double>> next) => LaneByLane.Run(this, x, u, p, dtS, next, default, default, default);

    public void LineariseLanes(
        ReadOnlySpan<Vector512<double>> x, ReadOnlySpan<Vector512<double>> u, ReadOnlySpan<Vector512<double>> p, Vector512<double> dtS,
        Span<Vector512<double>> next, Span<Vector512<double>> a, Span<Vector512<double>> b, Span<Vector512<double>> e) =>
        LaneByLane.Run(this, x, u, p, dtS, next, a, b, e);

    private void Run(
        ReadOnlySpan<double> x, ReadOnlySpan<double> u, ReadOnlySpan<double> p, double dtS, Span<double> next, Span<double> a,
        Span<double> b, Span<double> e)
    {
        int n = x.Length, m = b.Length / n, k = e.Length / n;
        var (substeps, h) = _plain.Split(dtS);
        var flow = new ImplicitFlow<TModel>(_plain.Model(u, p), _floor, _tolerance, _plain.Columns(b.Length, e.Length), a.Length > 0);
        var lacking = new double[n];
        for (var i = 0; i < n; i++)
        {
            next[i] = x[i] < _floor[i] ? 0.0 : x[i];
            lacking[i] = x[i] - next[i];
            if (a.Length > 0 && lacking[i] == 0.0) flow.Sensitivity[(i * n) + i] = 1.0;
        }
        var solved = true;
        for (var step = 0; solved && step < substeps; step++) solved = flow.Step(next, h);
        if (!solved)
        {
            next.Fill(double.NaN);
            a.Fill(double.NaN);
            b.Fill(double.NaN);
            e.Fill(double.NaN);
            return;
        }
        for (var i = 0; i < n; i++) next[i] += lacking[i];
        if (a.Length == 0) return;
        var sensitivity = flow.Sensitivity;
        for (var i = 0; i < n; i++)
        {
            for (var j = 0; j < n; j++) a[(i * n) + j] = sensitivity[(j * n) + i];
            if (lacking[i] != 0.0) a[(i * n) + i] += 1.0;
            for (var j = 0; j < m; j++) b[(i * m) + j] = sensitivity[((n + j) * n) + i];
            for (var j = 0; j < k; j++) e[(i * k) + j] = sensitivity[((n + m + j) * n) + i];
        }
    }
}
