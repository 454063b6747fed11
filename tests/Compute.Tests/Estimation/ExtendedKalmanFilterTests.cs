using Athanor.Compute.Estimation;
using Athanor.Compute.Linear;
using Athanor.Compute.Numerics;

namespace Athanor.Compute.Tests.Estimation;

public class ExtendedKalmanFilterTests
{
    /// <summary>x' = A x + B u dt, y = c x: a linear model, so that the extended filter must be the Kalman filter.</summary>
    private readonly struct Linear(double[] a, double[] b, double[] noise, double[] c, double variance) : IFilterModel
    {
        public int States => noise.Length;

        public void Predict(Span<double> x, ReadOnlySpan<double> inputs, double dt, Span<double> jacobian, Span<double> q)
        {
            Span<double> next = stackalloc double[x.Length];
            for (var i = 0; i < x.Length; i++)
            {
                next[i] = b[i] * inputs[0] * dt;
                for (var j = 0; j < x.Length; j++) next[i] += a[(i * x.Length) + j] * x[j];
                q[i] = noise[i] * dt;
            }
            next.CopyTo(x);
            a.CopyTo(jacobian);
        }

        public double Measure(ReadOnlySpan<double> x, Span<double> gradient, out double r)
        {
            c.CopyTo(gradient);
            r = variance;
            var sum = 0.0;
            for (var i = 0; i < x.Length; i++) sum += c[i] * x[i];
            return sum;
        }
    }

    private static readonly double[] A = [0.9, 0.1, 0.0, -0.05, 0.95, 0.08, 0.0, 0.02, 0.97];
    private static readonly double[] B = [0.1, 0.0, 0.3];
    private static readonly double[] Q = [0.02, 0.01, 0.005];
    private static readonly double[] C = [1.0, 0.0, 0.5];
    private const double R = 0.04;

    /// <summary>The Kalman filter by its usual formulas in plain loops: P - K S Kᵀ.</summary>
    private static void Kalman(double[] x, double[,] p, double u, double y)
    {
        const int n = 3;
        var x1 = new double[n];
        var ap = new double[n, n];
        var p1 = new double[n, n];
        for (var i = 0; i < n; i++)
        {
            x1[i] = B[i] * u;
            for (var j = 0; j < n; j++)
            {
                x1[i] += A[(i * n) + j] * x[j];
                for (var k = 0; k < n; k++) ap[i, j] += A[(i * n) + k] * p[k, j];
            }
        }
        for (var i = 0; i < n; i++)
        {
            for (var j = 0; j < n; j++)
            {
                p1[i, j] = i == j ? Q[i] : 0;
                for (var k = 0; k < n; k++) p1[i, j] += ap[i, k] * A[(j * n) + k];
            }
        }
        var pc = new double[n];
        double s = R, predicted = 0;
        for (var i = 0; i < n; i++)
        {
            for (var j = 0; j < n; j++) pc[i] += p1[i, j] * C[j];
            s += C[i] * pc[i];
            predicted += C[i] * x1[i];
        }
        for (var i = 0; i < n; i++)
        {
            x[i] = x1[i] + (pc[i] / s * (y - predicted));
            for (var j = 0; j < n; j++) p[i, j] = p1[i, j] - (pc[i] * pc[j] / s);
        }
    }

    [Fact]
    public void For_a_linear_model_it_is_the_Kalman_filter_to_1e_10()
    {
        var model = new Linear(A, B, Q, C, R);
        double[] x = [1, -2, 0.5], expected = [1, -2, 0.5];
        var p = new double[9];
        var reference = new double[3, 3];
        for (var i = 0; i < 3; i++) (p[i * 4], reference[i, i]) = (2.0 + i, 2.0 + i);
        var random = new Philox(7);
        for (var k = 0; k < 1000; k++)
        {
            var (u, y) = (random.NextNormal(), 3 * random.NextNormal());
            ExtendedKalmanFilter.Predict(model, x, p, [u], 1.0);
            ExtendedKalmanFilter.Update(model, x, p, y);
            Kalman(expected, reference, u, y);
            for (var i = 0; i < 3; i++)
            {
                Assert.Equal(expected[i], x[i], 1e-10);
                for (var j = 0; j < 3; j++) Assert.Equal(reference[i, j], p[(i * 3) + j], 1e-10);
            }
        }
    }

    [Fact]
    public void On_data_of_its_own_model_the_normalised_innovation_squared_is_one()
    {
        const int rows = 20_000;
        var model = new Linear(A, B, Q, C, R);
        double[] truth = [0, 0, 0], x = [0, 0, 0];
        var p = new double[9];
        var random = new Philox(11);
        var sum = 0.0;
        for (var k = 0; k < rows; k++)
        {
            var u = random.NextNormal();
            model.Predict(truth, [u], 1.0, new double[9], new double[3]);
            for (var i = 0; i < 3; i++) truth[i] += Math.Sqrt(Q[i]) * random.NextNormal();
            var y = truth[0] + (0.5 * truth[2]) + (Math.Sqrt(R) * random.NextNormal());
            ExtendedKalmanFilter.Predict(model, x, p, [u], 1.0);
            sum += ExtendedKalmanFilter.Update(model, x, p, y).Nis;
        }
        // The mean of n squared standard normals has variance 2 / n: four of its standard deviations.
        Assert.InRange(sum / rows, 1 - (4 * Math.Sqrt(2.0 / rows)), 1 + (4 * Math.Sqrt(2.0 / rows)));
    }

    [Fact]
    public void The_covariance_stays_symmetric_and_positive_when_the_instrument_is_far_better_than_the_start()
    {
        var model = new Linear(A, B, [1e-9, 1e-9, 1e-9], C, 1e-7);
        double[] x = [0, 0, 0];
        var p = new double[9];
        for (var i = 0; i < 3; i++) p[i * 4] = 1e4;
        for (var k = 0; k < 2000; k++)
        {
            ExtendedKalmanFilter.Predict(model, x, p, [0], 1.0);
            ExtendedKalmanFilter.Update(model, x, p, 0.0);
            for (var i = 0; i < 3; i++)
            {
                for (var j = 0; j < i; j++) Assert.Equal(p[(i * 3) + j], p[(j * 3) + i]);
            }
            var smallest = SymmetricEigen.Solve(p, 3).Values.Min();
            Assert.True(smallest > 0, $"step {k}: eigenvalue {smallest}");
        }
    }

    [Fact]
    public void An_innovation_variance_that_is_not_positive_is_refused()
    {
        var model = new Linear(A, B, Q, C, -1.0);
        Assert.Throws<ArithmeticException>(() => ExtendedKalmanFilter.Update(model, new double[3], new double[9], 1.0));
    }
}
