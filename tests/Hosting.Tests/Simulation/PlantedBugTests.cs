using Xunit.Abstractions;

namespace Hosting.Tests.Simulation;

/// <summary>The simulation is only worth what it finds: each of these bugs must break an invariant within a few seeds.</summary>
public class PlantedBugTests(ITestOutputHelper output)
{
    private const int Seeds = 40;

    [Theory]
    [InlineData(PlantedBug.FenceRemoved)]
    [InlineData(PlantedBug.AcknowledgedBeforeCommit)]
    [InlineData(PlantedBug.MailboxRowDropped)]
    [InlineData(PlantedBug.HandledMailKept)]
    [InlineData(PlantedBug.ReplyRowDropped)]
    [InlineData(PlantedBug.TimerRowDropped)]
    [InlineData(PlantedBug.MailReordered)]
    public void A_planted_bug_is_found(PlantedBug bug)
    {
        for (var seed = 1; seed <= Seeds; seed++)
        {
            try
            {
                new World(seed, new SimulationOptions { Bug = bug }).Run();
            }
            catch (ViolationException violation)
            {
                output.WriteLine($"{bug} was found by seed {seed}: {violation.Message}");
                return;
            }
        }
        Assert.Fail($"{bug} was not found by {Seeds} seeds");
    }
}
