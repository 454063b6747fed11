using Athanor.Compute.Benchmarks;
using Athanor.Compute.Continuation;
using Athanor.Compute.Problems;
using Athanor.Compute.SteadyStates;

namespace Athanor.Compute.Tests.Continuation;

/// <summary>The exothermic tank (E/R = 8750 K, Tf 350, q 100) in its coolant temperature, computed once for all tests of this class.</summary>
public sealed class ExothermicTank
{
    public ExothermicTank()
    {
        Field = ProblemField.Of(Catalogue.Find("exothermic-cstr"), "Tc");
        Diagram = Bifurcation.Compute(Field, new BifurcationRequest { From = 290, To = 320, Lower = [0, 250], Upper = [1.5, 600] });
    }

    public ProblemField Field { get; }

    public BifurcationDiagram Diagram { get; }
}

public sealed class ExothermicTankTests(ExothermicTank tank) : IClassFixture<ExothermicTank>
{
    private readonly BifurcationDiagram _diagram = tank.Diagram;

    [Fact]
    public void Its_steady_states_are_proven_to_be_all_at_every_temperature_searched() =>
        Assert.All(_diagram.Searches, s => Assert.StartsWith("Proven", s, StringComparison.Ordinal));

    private SpecialPoint[] Of(SpecialPointKind kind) => [.. _diagram.SpecialPoints.Where(s => s.Kind == kind)];

    [Fact]
    public void Its_folds_are_at_the_published_temperatures()
    {
        var folds = Of(SpecialPointKind.Fold).OrderBy(f => f.Parameter).ToArray();
        Assert.Equal(2, folds.Length);
        Assert.All(folds, f => Assert.True(f.Located));
        Assert.Equal(298.080457, folds[0].Parameter, 1e-6);
        Assert.Equal(360.510713, folds[0].State[1], 1e-5);
        Assert.Equal(303.229272, folds[1].Parameter, 1e-6);
        Assert.Equal(335.654068, folds[1].State[1], 1e-5);
    }

    [Fact]
    public void It_has_exactly_one_Hopf_point()
    {
        var hopf = Assert.Single(Of(SpecialPointKind.Hopf));
        Assert.True(hopf.Located);
        Assert.Equal(306.219869, hopf.Parameter, 1e-6);
        Assert.Equal(379.610629, hopf.State[1], 1e-5);
    }

    [Fact]
    public void Where_the_trace_vanishes_on_the_saddles_there_is_a_neutral_saddle_and_no_Hopf_point()
    {
        var neutral = Assert.Single(Of(SpecialPointKind.NeutralSaddle));
        Assert.Equal(303.179, neutral.Parameter, 1e-3);
        var jacobian = new double[4];
        tank.Field.Jacobian(neutral.State.AsSpan(), neutral.Parameter, jacobian);
        Assert.Equal(0.0, jacobian[0] + jacobian[3], 1e-7);
        Assert.True((jacobian[0] * jacobian[3]) - (jacobian[1] * jacobian[2]) < 0);
    }

    [Fact]
    public void Its_Hopf_point_is_supercritical_and_its_cycle_ends_at_a_homoclinic_orbit_below_the_upper_fold()
    {
        Assert.True(Of(SpecialPointKind.Hopf)[0].IsSupercritical);
        var cycles = Assert.Single(_diagram.Cycles);
        Assert.Equal(CycleEnd.Homoclinic, cycles.End);
        Assert.Equal(303.22438, cycles.EndParameter, 1e-5);
        Assert.All(cycles.Cycles, c => Assert.True(c.IsStable));
        Assert.DoesNotContain(_diagram.SpecialPoints, s => s.Kind == SpecialPointKind.CycleFold);
        // The orbit ends at the saddle, whose trace is negative there: so the cycle near it is stable (Andronov and Leontovich).
        double[] f = new double[2], jacobian = new double[4];
        tank.Field.Rhs(cycles.EndState!.Value.AsSpan(), cycles.Cycles[^1].Parameter, f);
        tank.Field.Jacobian(cycles.EndState.Value.AsSpan(), cycles.EndParameter, jacobian);
        Assert.All(f, v => Assert.Equal(0.0, v, 1e-8));
        Assert.True((jacobian[0] * jacobian[3]) - (jacobian[1] * jacobian[2]) < 0);
        Assert.True(jacobian[0] + jacobian[3] < 0);
    }

    [Theory]
    [InlineData(306.0)]
    [InlineData(304.8)]
    [InlineData(303.5)]
    public void An_integration_over_one_period_comes_back_to_its_start(double coolant)
    {
        var cycle = _diagram.Cycles[0].Cycles.MinBy(c => Math.Abs(c.Parameter - coolant))!;
        var end = Simulate(cycle.Parameter, [cycle.Values[0], cycle.Values[1]], [cycle.Period]).At(0).ToArray();
        Assert.Equal(cycle.Values[0], end[0], 2e-6);
        Assert.Equal(cycle.Values[1], end[1], 1e-3);
    }

    [Theory]
    [InlineData(-0.0005, 1)]
    [InlineData(0.0005, 2)]
    public void From_the_saddle_the_tank_ignites_once_below_the_homoclinic_orbit_and_again_and_again_above(double offset, int least)
    {
        var coolant = _diagram.Cycles[0].EndParameter + offset;
        var saddle = SteadyStateSearch.Find(tank.Field, coolant, [0, 250], [1.5, 600]).States.Single(s => s.Kind == "saddle");
        // A little along the unstable direction, to the hot side: C falls as T rises.
        var unstable = saddle.Eigenvalues[0].Real;
        var jacobian = new double[4];
        tank.Field.Jacobian(saddle.State.AsSpan(), coolant, jacobian);
        var direction = (unstable - jacobian[3]) / jacobian[2];
        const double kick = 1e-3;
        var trajectory = Simulate(
            coolant, [saddle.State[0] + (kick * direction), saddle.State[1] + kick], [.. Enumerable.Range(1, 4000).Select(k => 0.05 * k)]);
        var ignitions = 0;
        for (var k = 1; k < trajectory.Times.Length; k++)
        {
            if (trajectory[k - 1, 1] < 400.0 && trajectory[k, 1] >= 400.0) ignitions++;
        }
        if (least == 1) Assert.Equal(1, ignitions);
        else Assert.True(ignitions >= least, $"{ignitions}");
    }

    [Fact]
    public void A_cold_tank_whose_coolant_is_warmed_ignites_just_above_the_upper_fold_and_not_below()
    {
        var fold = Of(SpecialPointKind.Fold).MaxBy(f => f.Parameter)!;
        var cold = SteadyStateSearch.Find(tank.Field, 303.0, [0, 250], [1.5, 600]).States[^1];
        Assert.True(cold.IsStable);
        double Hottest(double coolant)
        {
            var trajectory = Simulate(coolant, [.. cold.State], [.. Enumerable.Range(1, 3000).Select(k => 0.1 * k)]);
            return Enumerable.Range(0, 3000).Max(k => trajectory[k, 1]);
        }
        Assert.True(Hottest(fold.Parameter - 0.003) < 336.0);
        Assert.True(Hottest(fold.Parameter + 0.003) > 440.0);
    }

    [Fact]
    public void A_hot_tank_goes_out_where_its_cycle_ends_and_not_at_the_lower_fold()
    {
        var end = _diagram.Cycles[0].EndParameter;
        double Coldest(double coolant)
        {
            var trajectory = Simulate(coolant, [0.1, 390.0], [.. Enumerable.Range(1, 300).Select(k => (double)k)]);
            return trajectory[299, 1];
        }
        // Midway between the two folds the upper state exists but is unstable, and no cycle is left: the tank ends cold.
        Assert.True(Coldest(301.0) < 330.0);
        Assert.True(Coldest(end - 0.05) < 336.0);
    }

    private static Trajectory Simulate(double coolant, double[] start, double[] times)
    {
        var problem = Catalogue.Find("exothermic-cstr");
        var parameters = problem.NominalParameters;
        parameters[problem.ParameterIndex("Tc")] = coolant;
        return problem.Solve(new OdeRequest
        {
            Parameters = parameters,
            Initial = start,
            Times = times,
            Options = problem.DefaultOptions with { RelativeTolerance = 1e-11, AbsoluteTolerances = [1e-12, 1e-10] },
        });
    }
}
