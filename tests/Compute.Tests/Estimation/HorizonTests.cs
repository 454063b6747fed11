using Athanor.Compute.Estimation;
using Athanor.Compute.Linear;
using Athanor.Compute.Numerics;

namespace Athanor.Compute.Tests.Estimation;

public sealed class HorizonTests
{
    private static readonly double[] A = [-0.05, 0.04, -0.03, -0.02], B = [0.1, 0.0];
    private static readonly double[] Noise = [0.02, 0.03], Sd = [0.5, 0.4], Prior = [1.0, 2.0];

    [Theory]
    [InlineData(1000)]
    [InlineData(3)]
    public void In_the_linear_case_moving_horizon_is_the_batch_least_squares_of_all_samples(int horizon)
    {
        const int steps = 30;
        const double dt = 2.0;
        var settings = EstimatorJson.Parse(
            """
            {"kind":"mhe","gate":0,"period-s":2,"process-noise":{"x0":0.02,"x1":0.03},"initial-sd":{"x0":0.5,"x1":0.4},
             "sensors":{"y":{"of":{"x0":1,"x1":0.5},"noise":0.3}}}
            """)
            with
        { Horizon = horizon };
        var estimator = Estimator.Create(LinearPlant.Model(A, B, 2), settings);
        var memory = estimator.Start(0.0, Prior, [0.3]);
        var random = new Philox(21);
        var measured = new double[steps];
        for (var k = 1; k <= steps; k++)
        {
            measured[k - 1] = 1.5 + random.NextNormal();
            var output = estimator.Step(ref memory, new EstimatorInput(k * dt, [0.3], [new Sample(0, k * dt, measured[k - 1])]));
            if (k % 10 != 0) continue;
            var batch = Batch(measured.AsSpan(0, k), dt);
            Assert.Equal(batch[0], output.Mean[0], 1e-9);
            Assert.Equal(batch[1], output.Mean[1], 1e-9);
        }
    }

    /// <summary>The last state of the course that makes all squares least, by dense normal equations.</summary>
    private static double[] Batch(ReadOnlySpan<double> measured, double dt)
    {
        int steps = measured.Length, n = 2 * (steps + 1);
        double[] normal = new double[n * n], right = new double[n];
        for (var i = 0; i < 2; i++) Square([(i, 1.0)], Prior[i], Sd[i]);
        for (var k = 0; k < steps; k++)
        {
            for (var i = 0; i < 2; i++)
            {
                (int, double)[] row =
                [
                    ((2 * (k + 1)) + i, 1.0), (2 * k, -((i == 0 ? 1.0 : 0.0) + (dt * A[2 * i]))),
                    ((2 * k) + 1, -((i == 1 ? 1.0 : 0.0) + (dt * A[(2 * i) + 1]))),
                ];
                Square(row, dt * B[i] * 0.3, Noise[i] * Math.Sqrt(dt));
            }
            Square([(2 * (k + 1), 1.0), ((2 * (k + 1)) + 1, 0.5)], measured[k], 0.3);
        }
        Assert.True(SmallCholesky.Factor(normal, n));
        SmallCholesky.Solve(normal, n, right);
        return right[^2..];

        void Square((int Column, double Value)[] row, double value, double sd)
        {
            foreach (var (i, a) in row)
            {
                right[i] += a * value / (sd * sd);
                foreach (var (j, b) in row) normal[(i * n) + j] += a * b / (sd * sd);
            }
        }
    }
}
