using Athanor.Compute.Fitting;

namespace Athanor.Compute.Tests.Fitting;

public sealed class LevenbergMarquardtTests
{
    [Fact]
    public void Rosenbrocks_valley_is_followed_to_its_end()
    {
        var problem = new Rosenbrock();
        var result = LevenbergMarquardt.Minimise(ref problem, [-1.2, 1], [-10, -10], [10, 10], new LevenbergMarquardtOptions());
        Assert.InRange(result.SumOfSquares, 0, 1e-20);
        Assert.Equal(1, result.Parameters[0], 1e-9);
        Assert.Equal([0, 0], result.AtBound);
    }

    [Fact]
    public void An_active_bound_is_kept_and_reported_and_the_rest_is_optimal()
    {
        var problem = new Rosenbrock();
        var result = LevenbergMarquardt.Minimise(ref problem, [-1.2, 1], [-10, -10], [0.5, 10], new LevenbergMarquardtOptions());
        Assert.Equal(0.5, result.Parameters[0]);
        Assert.Equal(0.25, result.Parameters[1], 1e-9);
        Assert.Equal([1, 0], result.AtBound);
        Assert.Equal(0.25, result.SumOfSquares, 1e-12);
    }

    [Fact]
    public void A_start_outside_the_bounds_is_moved_inside()
    {
        var problem = new Rosenbrock();
        var result = LevenbergMarquardt.Minimise(ref problem, [99, -99], [-10, -10], [10, 10], new LevenbergMarquardtOptions());
        Assert.Equal(1, result.Parameters[0], 1e-9);
    }

    [Fact]
    public void A_problem_without_a_value_at_the_start_says_so()
    {
        var problem = new Nowhere();
        var result = LevenbergMarquardt.Minimise(ref problem, [1.0], [0.0], [2.0], new LevenbergMarquardtOptions());
        Assert.Equal(FitEnd.NoStart, result.End);
        Assert.Equal(double.PositiveInfinity, result.SumOfSquares);
    }

    [Fact]
    public void Bounds_out_of_order_are_refused()
    {
        var problem = new Rosenbrock();
        var error = Assert.Throws<ArgumentException>(
            () => LevenbergMarquardt.Minimise(ref problem, [0, 0], [1, 0], [0, 1], new LevenbergMarquardtOptions()));
        Assert.Contains("parameter 0", error.Message, StringComparison.Ordinal);
    }

    private struct Rosenbrock : ILeastSquares
    {
        public readonly int Parameters => 2;

        public readonly int Residuals => 2;

        public readonly bool Evaluate(ReadOnlySpan<double> x, Span<double> residuals, Span<double> jacobian)
        {
            residuals[0] = 10 * (x[1] - (x[0] * x[0]));
            residuals[1] = 1 - x[0];
            jacobian[0] = -20 * x[0];
            jacobian[1] = 10;
            jacobian[2] = -1;
            jacobian[3] = 0;
            return true;
        }
    }

    private struct Nowhere : ILeastSquares
    {
        public readonly int Parameters => 1;

        public readonly int Residuals => 1;

        public readonly bool Evaluate(ReadOnlySpan<double> x, Span<double> residuals, Span<double> jacobian) => false;
    }
}
