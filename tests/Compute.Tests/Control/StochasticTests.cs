using Athanor.Compute.Control;
using Athanor.Compute.Numerics;

namespace Athanor.Compute.Tests.Control;

public class StochasticTests(Xunit.Abstractions.ITestOutputHelper output)
{
    private const double Bound = 357.6, Wanted = 0.9;

    [Fact]
    public void A_bound_holds_with_its_probability_on_plants_that_were_not_among_the_scenarios()
    {
        var settings = LoopTrial.Settings with
        {
            Kind = ControllerKind.Stochastic,
            Bounds = [new("T", 5.0, Maximum: Bound, LinearPenalty: 100.0, Probability: Wanted)],
            Scenarios = new(96, 5),
        };
        var chance = Share(settings);
        var nominal = Share(settings with { Kind = ControllerKind.Nmpc, Bounds = [new("T", 5.0, Maximum: Bound, LinearPenalty: 100.0)] });
        output.WriteLine(FormattableString.Invariant($"violated: {chance:P2} with the chance constraint of {1 - Wanted:P0}, {nominal:P2} without"));
        // 150 plants: three standard errors of a share of one tenth are 0.073.
        Assert.True(chance <= 1.0 - Wanted + 0.073, $"{chance}");
        Assert.True(nominal > 0.2, $"the bound is no trouble without it: {nominal}");
    }

    /// <summary>Share of plants above the bound at the samples after a set-point step up to it: the largest over the samples.</summary>
    private static double Share(ControllerSettings settings)
    {
        const int plants = 150, steps = 8;
        var random = new Philox(1234);
        var controller = Controller.Create(CstrProblem.Model, settings);
        var over = new int[steps];
        for (var plant = 0; plant < plants; plant++)
        {
            double[] truth = [7.2e10 * (1.0 + (0.02 * random.NextNormal())), 5e4 * (1.0 + (0.02 * random.NextNormal()))];
            double[] x = [0.4, 355.77], u = [298.53, 100.0], next = new double[2], memory = controller.Start();
            for (var k = 0; k < steps; k++)
            {
                var input = CstrProblem.Input(6.0 * k, [.. x], u) with { SetPoints = [0.37, 357.6], ParameterSd = [0.02 * 7.2e10, 0.02 * 5e4] };
                u = controller.Move(ref memory, input, Deadline.None).Move;
                CstrProblem.Model.Advance(x, u, truth, 6.0, next);
                next.CopyTo(x, 0);
                if (x[1] > Bound) over[k]++;
            }
        }
        return over.Max() / (double)plants;
    }
}
