using Athanor.Compute.Benchmarks;
using Athanor.Compute.Continuation;
using Athanor.Compute.SteadyStates;

namespace Athanor.Compute.Tests.Continuation;

/// <summary>The exothermic tank (E/R = 8750 K, Tf 350, q 100) in its coolant temperature, computed once for all tests of this class.</summary>
public sealed class ExothermicTank
{
    public ExothermicTank()
    {
        Field = new ProblemField(Catalogue.Find("exothermic-cstr"), "Tc");
        Diagram = Bifurcation.Compute(Field, new BifurcationRequest { From = 290, To = 320, Lower = [0, 250], Upper = [1.5, 600] });
    }

    public ProblemField Field { get; }

    public BifurcationDiagram Diagram { get; }
}

public sealed class ExothermicTankTests(ExothermicTank tank) : IClassFixture<ExothermicTank>
{
    private readonly BifurcationDiagram _diagram = tank.Diagram;

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
        double[] jacobian = new double[4];
        tank.Field.Jacobian(neutral.State.AsSpan(), neutral.Parameter, jacobian);
        Assert.Equal(0.0, jacobian[0] + jacobian[3], 1e-7);
        Assert.True((jacobian[0] * jacobian[3]) - (jacobian[1] * jacobian[2]) < 0);
    }
}
