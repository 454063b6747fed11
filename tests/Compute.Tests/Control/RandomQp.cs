using Athanor.Compute.Control.Qp;
using Athanor.Compute.Numerics;

namespace Athanor.Compute.Tests.Control;

/// <summary>A random stage-wise problem: dynamics per stage, diagonal cost, bounds, rates and soft bounds.</summary>
internal sealed class RandomQp
{
    public required int Stages, N, M, Soft;
    public required bool Rates;
    public required double Bound;
    public double RateBound => 0.5 * Bound;
    public double SoftBound => 0.4;
    public const double Linear = 0.3, Quadratic = 4.0;
    public required double[][] A, B, Offset;
    public required double[] Q, R, Terminal, Start, Previous;

    public double[] StartWithMoves => Rates ? [.. Start, .. Previous] : Start;

    public static RandomQp Make(ref Philox random, int stages, int n, int m, bool rates, int soft, double bound)
    {
        var problem = new RandomQp
        {
            Stages = stages,
            N = n,
            M = m,
            Rates = rates,
            Soft = soft,
            Bound = bound,
            A = new double[stages][],
            B = new double[stages][],
            Offset = new double[stages][],
            Q = new double[n],
            R = new double[m],
            Terminal = new double[n * n],
            Start = new double[n],
            Previous = new double[m],
        };
        for (var k = 0; k < stages; k++)
        {
            problem.A[k] = new double[n * n];
            problem.B[k] = new double[n * m];
            problem.Offset[k] = new double[n];
            for (var i = 0; i < n * n; i++) problem.A[k][i] = 0.5 * random.NextNormal() / Math.Sqrt(n);
            for (var i = 0; i < n; i++) problem.A[k][(i * n) + i] += 0.8; // some eigenvalues outside the unit circle
            for (var i = 0; i < n * m; i++) problem.B[k][i] = random.NextNormal();
            for (var i = 0; i < n && double.IsFinite(bound); i++) problem.Offset[k][i] = 0.1 * random.NextNormal();
        }
        for (var i = 0; i < n; i++) problem.Q[i] = 0.5 + (0.4 * Math.Abs(random.NextNormal()));
        for (var i = 0; i < m; i++) problem.R[i] = 0.1 + (0.1 * Math.Abs(random.NextNormal()));
        for (var i = 0; i < n; i++) problem.Start[i] = 1.5 * random.NextNormal();
        for (var i = 0; i < n; i++) problem.Terminal[(i * n) + i] = 5.0;
        for (var i = 0; i < m && double.IsFinite(bound); i++) problem.Previous[i] = 0.5 * bound;
        return problem;
    }

    public void OneSystem()
    {
        for (var k = 1; k < Stages; k++) (A[k], B[k]) = (A[0], B[0]);
    }

    public StageQp Build()
    {
        var states = Rates ? N + M : N;
        List<HardQuantity> hard = [.. Enumerable.Range(0, M).Select(static i => new HardQuantity(i))];
        if (Rates) hard.AddRange(Enumerable.Range(0, M).Select(i => new HardQuantity(i, N + i)));
        var qp = new StageQp(Stages, states, M, [.. hard], [.. Enumerable.Range(0, Soft)]);
        for (var k = 0; k < Stages; k++)
        {
            for (var i = 0; i < N; i++)
            {
                B[k].AsSpan(i * M, M).CopyTo(qp.Dynamics(k, i));
                A[k].AsSpan(i * N, N).CopyTo(qp.Dynamics(k, i)[M..]);
                qp.Offset(k)[i] = Offset[k][i];
                if (k > 0) qp.Cost(k, M + i)[M + i] = Q[i];
            }
            for (var i = 0; i < M; i++)
            {
                if (Rates) qp.Dynamics(k, N + i)[i] = 1.0;
                qp.Cost(k, i)[i] = R[i];
                qp.Hard.Set((k * hard.Count) + i, -Bound, Bound);
                if (Rates) qp.Hard.Set((k * hard.Count) + M + i, -RateBound, RateBound);
            }
            for (var i = 0; i < Soft; i++) qp.Soft.Set((k * Soft) + i, -SoftBound, SoftBound, Linear, Quadratic);
        }
        for (var i = 0; i < N; i++) Terminal.AsSpan(i * N, N).CopyTo(qp.Cost(Stages, M + i)[M..]);
        qp.DynamicsWritten();
        return qp;
    }
}
