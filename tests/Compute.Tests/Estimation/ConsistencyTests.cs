using Athanor.Bench.Estimation;
using Xunit.Abstractions;

namespace Athanor.Compute.Tests.Estimation;

/// <summary>50 runs of each filter against a plant with the noise that the filter is told of; the table of
/// docs/validation/estimation.md.</summary>
public sealed class ConsistencyTests(ITestOutputHelper output)
{
    private const int Runs = 50;

    [Theory]
    [InlineData("reactor", "ekf")]
    [InlineData("reactor", "iekf")]
    [InlineData("reactor", "ukf")]
    [InlineData("reactor", "mhe")]
    [InlineData("reactor", "enkf")]
    [InlineData("drift", "ekf")]
    [InlineData("drift", "ukf")]
    [InlineData("klatt-engell", "ekf")]
    [InlineData("klatt-engell", "ukf")]
    public void With_its_own_noise_a_filter_is_as_good_as_it_says(string plant, string kind)
    {
        var result = Run(Case(plant, kind));
        Assert.True(result.NeesConsistent, $"NEES {result.Nees} is not 1 within {result.NeesBand}");
        Assert.True(result.NisConsistent, $"NIS {result.Nis} is not within {result.NisBand}");
        Assert.InRange(result.NeesInside, 0.90, 0.99);
        Assert.InRange(result.NisInside, 0.90, 0.99);
        // The live check of a step's window is at 99.9 %; windows overlap, so a false alarm lasts.
        Assert.True(result.LiveConsistent > 0.98);
    }

    [Theory]
    [InlineData("reactor", "ekf", 2.0)]
    [InlineData("reactor", "ekf", 0.5)]
    [InlineData("reactor", "ukf", 2.0)]
    [InlineData("klatt-engell", "ekf", 2.0)]
    [InlineData("klatt-engell", "ekf", 0.5)]
    public void A_noise_that_is_wrong_twofold_is_flagged(string plant, string kind, double wrong)
    {
        var result = Run(Case(plant, kind, wrong));
        Assert.False(result.NisConsistent);
        Assert.Equal(wrong > 1.0, result.Nis < 1.0);
        Assert.True(result.LiveConsistent < 0.35, $"the live check was content for {result.LiveConsistent:P0} of the steps");
    }

    [Fact]
    public void With_threefold_noise_the_unscented_and_the_iterated_filter_are_nearer_to_the_truth_than_the_extended_one()
    {
        var extended = Run(ConsistencyCases.Reactor("ekf", noise: 3.0));
        foreach (var kind in new[] { "ukf", "iekf" })
        {
            var other = Run(ConsistencyCases.Reactor(kind, noise: 3.0));
            Assert.True(other.Rmse[0] < extended.Rmse[0] && other.Rmse[1] < extended.Rmse[1]);
            Assert.True(Math.Abs(other.Nees - 1.0) < Math.Abs(extended.Nees - 1.0));
        }
    }

    private static ConsistencyCase Case(string plant, string kind, double wrong = 1.0) => plant switch
    {
        "reactor" => ConsistencyCases.Reactor(kind, wrong),
        "drift" => ConsistencyCases.Drift(kind, wrong),
        _ => ConsistencyCases.KlattEngell(kind, wrong),
    };

    private ConsistencyResult Run(ConsistencyCase experiment)
    {
        output.WriteLine($"seed {Consistency.Seed}, runs 0 to {Runs - 1}");
        var result = Consistency.Run(experiment, Runs);
        output.WriteLine(
            $"{result.Name}: NEES {result.Nees:F4} ± {result.NeesBand:F4}, {result.NeesInside:P1} of the steps inside; NIS {result.Nis:F4} in " +
            $"{result.NisBand}, {result.NisInside:P1} inside; live {result.LiveConsistent:P1}");
        return result;
    }
}
