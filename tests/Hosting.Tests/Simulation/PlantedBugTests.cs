using Athanor.Hosting.Simulation;
using Xunit.Abstractions;

namespace Hosting.Tests.Simulation;

/// <summary>The simulation is only worth what it finds: each of these bugs must break an invariant within some seeds. The table says which
/// seed found which.</summary>
public class PlantedBugTests(ITestOutputHelper output)
{
    private const int Seeds = 4000;

    [Fact]
    public void Every_planted_bug_is_found()
    {
        var bugs = Enum.GetValues<PlantedBug>().Where(static bug => bug != PlantedBug.None).ToList();
        var found = bugs.AsParallel().AsOrdered().WithDegreeOfParallelism(Environment.ProcessorCount).Select(Find).ToList();
        output.WriteLine("| bug | found by seed | as |\n|---|---|---|");
        for (var i = 0; i < bugs.Count; i++)
            output.WriteLine($"| {bugs[i]} | {found[i]?.Seed.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "none"} | {found[i]?.Violation?.Split('\n')[0]} |");
        var missed = bugs.Where((_, i) => found[i] is null).ToList();
        Assert.True(missed.Count == 0, $"not found by {Seeds} seeds: {string.Join(", ", missed)}");
    }

    private static SeedOutcome? Find(PlantedBug bug)
    {
        for (var seed = 1L; seed <= Seeds; seed++)
        {
            if (Campaign.RunSeed(seed, bug) is { Violation: not null } outcome) return outcome;
        }
        return null;
    }
}
