using Athanor.Bench.Kinetics;

namespace Athanor.Compute.Tests.Kinetics;

public sealed class ThirtyTests
{
    [Fact]
    public void The_model_of_thirty_species_is_what_its_generator_writes_from_the_seed()
    {
        var at = new DirectoryInfo(AppContext.BaseDirectory);
        while (at is not null && !File.Exists(Path.Combine(at.FullName, "Cluster.sln"))) at = at.Parent;
        var file = Path.Combine(at!.FullName, "bench", "kinetics", ThirtyWriter.FileName);
        Assert.True(ThirtyWriter.File() == File.ReadAllText(file), $"write it again: {ThirtyWriter.Command}");
    }
}
