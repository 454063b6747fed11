using Athanor.Compute.Control;
using Athanor.Compute.Control.Qp;
using Athanor.Compute.Numerics;

namespace Athanor.Compute.Tests.Control;

/// <summary>The stage-wise interior point against a discrete Riccati equation, and against a dense method that shares no code with it.
/// </summary>
public class StageQpTests
{
    [Fact]
    public void Without_bounds_the_first_input_is_that_of_the_discrete_riccati_equation()
    {
        var random = new Philox(11);
        for (var round = 0; round < 6; round++)
        {
            int n = 2 + round, m = 1 + (round % 3);
            var problem = RandomQp.Make(ref random, stages: 400, n, m, rates: false, soft: 0, bound: double.PositiveInfinity);
            problem.OneSystem();
            var (gain, cost) = DiscreteRiccati.Solve(problem.A[0], problem.B[0], problem.Q, problem.R, n, m);
            for (var i = 0; i < n * n; i++) problem.Terminal[i] = cost[i];
            var qp = problem.Build();
            Assert.Equal(QpStatus.Solved, qp.Solve(problem.Start, new(1e-12, 0.1, 0.02, false), Deadline.None));
            for (var k = 0; k < 3; k++)
            {
                for (var i = 0; i < m; i++)
                {
                    var u = 0.0;
                    for (var j = 0; j < n; j++) u -= gain[(i * n) + j] * qp.Point(k)[m + j];
                    Assert.Equal(u, qp.Point(k)[i], 1e-8);
                }
            }
        }
    }

    [Theory]
    [InlineData(2, 2, false, 0, 0.3)]
    [InlineData(2, 2, true, 0, 0.3)]
    [InlineData(4, 2, true, 0, 0.2)]
    [InlineData(3, 1, true, 0, 0.1)]
    [InlineData(7, 3, true, 0, 0.2)]
    [InlineData(14, 4, true, 0, 0.2)]
    [InlineData(2, 2, false, 2, 0.3)]
    [InlineData(4, 2, true, 2, 0.3)]
    public void The_optimum_is_that_of_a_dense_dual_method(int n, int m, bool rates, int soft, double bound)
    {
        var random = new Philox((ulong)(100 + n), (ulong)m);
        var total = 0;
        for (var round = 0; round < 4; round++)
        {
            var problem = RandomQp.Make(ref random, stages: 8, n, m, rates, soft, bound);
            var qp = problem.Build();
            Assert.Equal(QpStatus.Solved, qp.Solve(problem.StartWithMoves, new(1e-13, 0.1, 0.02, false), Deadline.None));
            var (inputs, active) = DenseQp.Solve(problem);
            total += active;
            for (var k = 0; k < 8; k++)
            {
                for (var i = 0; i < m; i++) Assert.Equal(inputs[(k * m) + i], qp.Point(k)[i], 1e-8);
            }
        }
        Assert.True(total > 0, "no bound is active: the cases show nothing");
    }

    [Fact]
    public void A_warm_start_needs_fewer_iterations_and_gives_the_same_optimum()
    {
        var random = new Philox(5);
        var problem = RandomQp.Make(ref random, stages: 20, 2, 2, rates: true, soft: 0, bound: 0.3);
        var qp = problem.Build();
        qp.Solve(problem.StartWithMoves, new(1e-11, 0.1, 0.02, false), Deadline.None);
        var cold = qp.Iterations;
        var u = qp.Point(0)[0];
        Assert.Equal(QpStatus.Solved, qp.Solve(problem.StartWithMoves, new(1e-11, 1e-5, 1e-5, true), Deadline.None));
        Assert.True(qp.Iterations < cold, $"{qp.Iterations} warm, {cold} cold");
        Assert.Equal(u, qp.Point(0)[0], 1e-8);
    }

    [Fact]
    public void Preparing_before_the_start_is_known_changes_no_bit()
    {
        var random = new Philox(6);
        var problem = RandomQp.Make(ref random, stages: 20, 2, 2, rates: false, soft: 0, bound: 0.3);
        var options = new QpOptions(1e-11, 0.1, 0.02, false);
        StageQp once = problem.Build(), split = problem.Build();
        once.Solve(problem.StartWithMoves, options, Deadline.None);
        Assert.True(split.Prepare(options));
        split.Solve(problem.StartWithMoves, options, Deadline.None);
        for (var k = 0; k <= 20; k++) Assert.Equal(once.Point(k).ToArray(), split.Point(k).ToArray());
    }

    [Fact]
    public void A_cost_that_is_not_convex_along_the_inputs_fails_instead_of_giving_a_number()
    {
        var random = new Philox(7);
        var problem = RandomQp.Make(ref random, stages: 5, 2, 1, rates: false, soft: 0, bound: double.PositiveInfinity);
        var qp = problem.Build();
        qp.Cost(4, 0)[0] = -100.0;
        Assert.Equal(QpStatus.Failed, qp.Solve(problem.Start, new(1e-10, 0.1, 0.02, false), Deadline.None));
    }
}
