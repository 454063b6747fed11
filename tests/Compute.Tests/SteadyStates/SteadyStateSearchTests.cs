using Athanor.Compute.Benchmarks;
using Athanor.Compute.Problems;
using Athanor.Compute.SteadyStates;
using Athanor.Compute.Tests.Continuation;

namespace Athanor.Compute.Tests.SteadyStates;

public sealed class SteadyStateSearchTests
{
    private static readonly double[] TankLower = [0, 250], TankUpper = [1.5, 600];

    private static ProblemField Tank => ProblemField.Of(Catalogue.Find("exothermic-cstr"), "Tc");

    [Fact]
    public void The_exothermic_tank_has_three_steady_states_at_300_K_and_they_are_proven_to_be_all()
    {
        var found = SteadyStateSearch.Find(Tank, 300.0, TankLower, TankUpper);
        Assert.True(found.IsProven, found.Statement);
        Assert.Equal(3, found.States.Length);
        Assert.Equal(["unstable focus", "saddle", "stable focus"], found.States.Select(s => s.Kind));
        var saddle = found.States[1];
        Assert.Equal(0.4999, saddle.State[0], 1e-4);
        Assert.Equal(350.006, saddle.State[1], 1e-3);
        Assert.Equal(2.83, saddle.Eigenvalues[0].Real, 5e-3);
    }

    [Theory]
    [InlineData(298.08045, 1)]
    [InlineData(298.08046, 3)]
    [InlineData(303.22927, 3)]
    [InlineData(303.22928, 1)]
    public void The_number_of_steady_states_changes_at_the_folds_and_nowhere_else(double coolant, int count)
    {
        var found = SteadyStateSearch.Find(Tank, coolant, TankLower, TankUpper);
        Assert.True(found.IsProven, found.Statement);
        Assert.Equal(count, found.States.Length);
    }

    [Fact]
    public void Starts_with_deflation_find_the_same_three_and_do_not_claim_a_proof()
    {
        var sampled = SteadyStateSearch.Find(new ProblemField(Catalogue.Find("exothermic-cstr"), "Tc"), 300.0, TankLower, TankUpper);
        var proven = SteadyStateSearch.Find(Tank, 300.0, TankLower, TankUpper);
        Assert.False(sampled.IsProven);
        Assert.Contains("no proof", sampled.Statement, StringComparison.Ordinal);
        Assert.Equal(3, sampled.States.Length);
        for (var k = 0; k < 3; k++)
        {
            Assert.Equal(proven.States[k].State[0], sampled.States[k].State[0], 1e-10);
            Assert.Equal(proven.States[k].State[1], sampled.States[k].State[1], 1e-8);
        }
    }

    [Fact]
    public void A_box_without_a_steady_state_is_proven_empty_and_said_so()
    {
        var found = SteadyStateSearch.Find(Tank, 300.0, [0.6, 250], [0.8, 600]);
        Assert.True(found.IsProven);
        var error = Assert.Throws<NoSteadyStateException>(() => found.OrThrow());
        Assert.Contains("no steady state", error.Message, StringComparison.Ordinal);
        Assert.Contains("Proven", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Where_nothing_is_found_without_a_proof_the_message_says_that_too()
    {
        var found = SteadyStateSearch.Find(Fields.Cubic(), 0.0, [3.0], [4.0]);
        var error = Assert.Throws<NoSteadyStateException>(() => found.OrThrow());
        Assert.Contains("No steady state in this box", error.Message, StringComparison.Ordinal);
        Assert.Contains("no proof", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_chemostat_rests_where_Monods_equations_say_and_is_washed_out_above_the_critical_dilution()
    {
        var field = ProblemField.Of(Catalogue.Find("bioreactor"), "D");
        double[] lower = [0, 0, 0], upper = [100, 100, 200];
        var both = SteadyStateSearch.Find(field, 0.1, lower, upper);
        Assert.True(both.IsProven, both.Statement);
        Assert.Equal(2, both.States.Length);
        var working = both.States[0];
        Assert.True(working.IsStable);
        Assert.Equal(0.025, working.State[0], 1e-10);
        Assert.Equal(9.9875, working.State[1], 1e-10);
        Assert.Equal(19.975, working.State[2], 1e-10);
        Assert.False(both.States[1].IsStable);
        Assert.Equal(0.0, both.States[1].State[1], 1e-10);

        var washedOut = SteadyStateSearch.Find(field, 0.5, lower, upper);
        Assert.True(washedOut.IsProven, washedOut.Statement);
        Assert.Equal(20.0, Assert.Single(washedOut.States).State[0], 1e-10);
        Assert.True(washedOut.States[0].IsStable);
    }

    [Fact]
    public void The_tank_of_Klatt_and_Engell_rests_at_its_published_point_only()
    {
        var found = SteadyStateSearch.Find(ProblemField.Of(Catalogue.Find("klatt-engell"), "Qk"), -1113.5, [0, 0, 50, 20], [10, 10, 250, 250]);
        Assert.True(found.IsProven, found.Statement);
        var state = Assert.Single(found.States).State;
        Assert.Equal(2.1402, state[0], 1e-4);
        Assert.Equal(1.0903, state[1], 1e-4);
        Assert.Equal(114.19, state[2], 1e-2);
        Assert.Equal(112.91, state[3], 1e-2);
    }

    [Theory]
    [InlineData("robertson", "k1")]
    [InlineData("consecutive", "k1")]
    public void A_closed_system_has_no_isolated_steady_states_and_is_told_so(string name, string parameter)
    {
        var problem = Catalogue.Find(name);
        var found = SteadyStateSearch.Find(
            ProblemField.Of(problem, parameter), 0.04, [.. problem.States.Select(s => s.Lower)], [.. problem.States.Select(s => s.Upper)]);
        Assert.Empty(found.States);
        Assert.Contains("conserved", found.Statement, StringComparison.Ordinal);
    }

    [Fact]
    public void A_problem_that_depends_on_time_is_refused_by_name()
    {
        var error = Assert.Throws<ArgumentException>(() => new ProblemField(new Driven(), "a"));
        Assert.Contains("driven depends on time", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_parameter_that_a_problem_does_not_have_is_refused_with_those_it_has()
    {
        var error = Assert.Throws<ArgumentException>(() => ProblemField.Of(Catalogue.Find("exothermic-cstr"), "Tcool"));
        Assert.Contains("Tc, Tf, Cf", error.Message, StringComparison.Ordinal);
    }

    /// <summary>x' = a + t - x.</summary>
    private sealed class Driven : OdeProblem
    {
        [System.Diagnostics.CodeAnalysis.SetsRequiredMembers]
        public Driven()
        {
            (Name, Title, Source, TimeUnit, End) = ("driven", "a driven state", "none", "s", 1.0);
            States = [new OdeState("x", "", 0.0)];
            Parameters = [new OdeParameter("a", "", 1.0)];
        }

        public override Trajectory Solve(OdeRequest request, CancellationToken cancellation = default) => throw new NotSupportedException();

        public override SensitivityTrajectory SolveSensitivities(OdeRequest request, CancellationToken cancellation = default) =>
            throw new NotSupportedException();

        public override BatchResult SolveMany(OdeBatch batch, CancellationToken cancellation = default) => throw new NotSupportedException();

        public override void Rhs(double t, ReadOnlySpan<double> y, ReadOnlySpan<double> parameters, Span<double> dy) =>
            dy[0] = parameters[0] + t - y[0];

        public override void Jacobian(double t, ReadOnlySpan<double> y, ReadOnlySpan<double> parameters, Span<double> jacobian) =>
            jacobian[0] = -1.0;

        public override void ParameterDerivatives(
            double t, ReadOnlySpan<double> y, ReadOnlySpan<double> parameters, Span<double> derivatives) => derivatives[0] = 1.0;
    }
}
