using Athanor.Compute.Benchmarks;
using Athanor.Compute.Continuation;
using Athanor.Compute.SteadyStates;

namespace Athanor.Compute.Tests.Continuation;

/// <summary>Branches of steady states against diagrams that are known by hand.</summary>
public sealed class BranchTests
{
    private static BifurcationDiagram Diagram(IVectorField field, double from, double to, double[] lower, double[] upper) =>
        Bifurcation.Compute(field, new BifurcationRequest { From = from, To = to, Lower = [.. lower], Upper = [.. upper], Cycles = false });

    private static SpecialPoint[] Of(BifurcationDiagram diagram, SpecialPointKind kind) =>
        [.. diagram.SpecialPoints.Where(s => s.Kind == kind).OrderBy(s => s.Parameter)];

    [Theory]
    [InlineData(-2.0, 2.0)]
    [InlineData(2.0, -2.0)]
    public void The_folds_of_a_cubic_are_found_to_rounding_from_either_end(double from, double to)
    {
        var diagram = Diagram(Fields.Cubic(), from, to, [-4], [4]);
        Assert.Equal(2, diagram.SpecialPoints.Length);
        var folds = Of(diagram, SpecialPointKind.Fold);
        Assert.Equal(-2.0 / 3.0, folds[0].Parameter, 1e-12);
        Assert.Equal(1.0, folds[0].State[0], 1e-9);
        Assert.Equal(2.0 / 3.0, folds[1].Parameter, 1e-12);
        Assert.Equal(-1.0, folds[1].State[0], 1e-9);
        Assert.Single(diagram.Branches);
    }

    [Fact]
    public void Both_ends_give_one_branch_with_the_same_points_of_change_and_steps_within_their_bound()
    {
        var diagram = Diagram(Fields.Cubic(), -2, 2, [-4], [4]);
        var branch = diagram.Branches[0];
        Assert.Equal((BranchEnd.RangeEnd, BranchEnd.RangeEnd), (branch.Start, branch.End));
        var ends = new[] { branch.Points[0].Parameter, branch.Points[^1].Parameter };
        Assert.Equal([-2.0, 2.0], ends.Order());
        for (var k = 1; k < branch.Points.Length; k++)
        {
            double dp = (branch.Points[k].Parameter - branch.Points[k - 1].Parameter) / 4.0, dx = branch.Points[k].State[0] - branch.Points[k - 1].State[0];
            Assert.True(Math.Sqrt((dp * dp) + (dx * dx / 9.0)) < 0.02);
        }
    }

    [Fact]
    public void Every_point_of_a_branch_is_a_steady_state()
    {
        var field = Fields.Cubic();
        var f = new double[1];
        foreach (var point in Diagram(field, -2, 2, [-4], [4]).Branches[0].Points)
        {
            field.Rhs(point.State.AsSpan(), point.Parameter, f);
            Assert.Equal(0.0, f[0], 1e-13);
        }
    }

    [Fact]
    public void A_closed_branch_that_reaches_neither_end_is_found_and_closes()
    {
        var diagram = Diagram(Fields.Circle(), -2, 2, [-3], [3]);
        var branch = Assert.Single(diagram.Branches);
        Assert.Equal(BranchEnd.Closed, branch.End);
        var folds = Of(diagram, SpecialPointKind.Fold);
        Assert.Equal([-1.0, 1.0], folds.Select(s => Math.Round(s.Parameter, 12)));
    }

    [Fact]
    public void A_pitchfork_is_one_branch_point_with_two_branches_and_no_fold()
    {
        var diagram = Diagram(Fields.Pitchfork(), -1, 1.3, [-2], [2]);
        var point = Assert.Single(diagram.SpecialPoints);
        Assert.Equal(SpecialPointKind.BranchPoint, point.Kind);
        Assert.Equal(0.0, point.Parameter, 1e-6);
        Assert.Equal(2, diagram.Branches.Length);
        Assert.Contains(diagram.Branches, b => b.Points.Any(p => p.State[0] > 1.0) && b.Points.Any(p => p.State[0] < -1.0));
    }

    [Fact]
    public void The_chemostat_is_washed_out_at_a_transcritical_point_where_Monod_says()
    {
        var diagram = Diagram(ProblemField.Of(Catalogue.Find("bioreactor"), "D"), 0.05, 0.8, [0, 0, 0], [100, 100, 200]);
        var point = Assert.Single(diagram.SpecialPoints);
        Assert.Equal(SpecialPointKind.BranchPoint, point.Kind);
        Assert.Equal(0.5 * 20.0 / 20.1, point.Parameter, 1e-6);
        Assert.Equal(0.0, point.State[1], 1e-4);
        Assert.Equal(2, diagram.Branches.Length);
        foreach (var branch in diagram.Branches)
        {
            foreach (var p in branch.Points.Where(p => Math.Abs(p.Parameter - point.Parameter) > 1e-3))
            {
                var washedOut = Math.Abs(p.State[1]) < 1e-9;
                if (washedOut || p.State[1] > 0) Assert.Equal(washedOut == p.Parameter > point.Parameter, p.IsStable);
            }
        }
    }

    [Theory]
    [InlineData(0.5)]
    [InlineData(1.0)]
    [InlineData(2.0)]
    public void The_Brusselator_has_its_Hopf_point_at_one_plus_a_squared(double a)
    {
        var diagram = Diagram(Fields.Brusselator(a), 0.2, 3.0 + (a * a), [0, 0], [10, 20]);
        var hopf = Assert.Single(diagram.SpecialPoints);
        Assert.Equal(SpecialPointKind.Hopf, hopf.Kind);
        Assert.Equal(1.0 + (a * a), hopf.Parameter, 1e-10);
        Assert.Equal(a, hopf.Frequency, 1e-9);
        Assert.Equal(2.0 * Math.PI / a, hopf.Period, 1e-8);
        // Kuznetsov, Elements of Applied Bifurcation Theory, example 3.1: -(2 + a²) / (2 a (1 + a²)), there with |q|² = (1 + 2 a²) / (1 + a²);
        // here |q| = 1.
        Assert.True(hopf.IsSupercritical);
        Assert.Equal(-(2.0 + (a * a)) / (2.0 * a * (1.0 + (2.0 * a * a))), hopf.Lyapunov, 1e-9);
    }

    [Fact]
    public void A_range_that_is_no_range_and_a_box_that_does_not_fit_are_refused()
    {
        Assert.Contains("two different", Assert.Throws<ArgumentException>(() => Diagram(Fields.Cubic(), 1, 1, [-4], [4])).Message, StringComparison.Ordinal);
        Assert.Contains("bounds", Assert.Throws<ArgumentException>(() => Diagram(Fields.Cubic(), 0, 1, [-4, 0], [4, 1])).Message, StringComparison.Ordinal);
        Assert.Contains("between", Assert.Throws<ArgumentException>(() => Diagram(Fields.Cubic(), 0, 1, [4], [-4])).Message, StringComparison.Ordinal);
        Assert.Contains(
            "No steady state in this box",
            Assert.Throws<NoSteadyStateException>(() => Diagram(Fields.Cubic(), -0.1, 0.1, [3], [4])).Message, StringComparison.Ordinal);
    }
}
