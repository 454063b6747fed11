using Athanor.Nodes.Cli;

namespace Nodes.Tests.Cli;

public sealed class TrainSettingsTests : IDisposable
{
    private readonly string _file = Path.Combine(Directory.CreateTempSubdirectory("athanor-").FullName, "run.hocon");

    public void Dispose() => Directory.Delete(Path.GetDirectoryName(_file)!, recursive: true);

    [Fact]
    public void A_spec_file_is_read_and_its_data_lie_beside_it()
    {
        File.WriteAllText(_file, "data = table.csv\ntargets = [y, z]\nhidden = [8, 4]\nsteps = 700\nlearning-rate = 0.02\nseed = 9\n");
        var settings = TrainSettings.Read(_file);
        Assert.Equal(Path.Combine(Path.GetDirectoryName(_file)!, "table.csv"), settings.Data);
        Assert.Equal(["y", "z"], settings.Targets.ToArray());
        Assert.Equal([8, 4], settings.Hidden.ToArray());
        Assert.Equal((700L, 1000L, 32, 0.02, 9UL), (settings.Steps, settings.SegmentSteps, settings.Batch, settings.LearningRate, settings.Seed));
    }

    [Theory]
    [InlineData("data = a.csv\nlearning-rte = 1", ":2: there is no key 'learning-rte'")]
    [InlineData("steps = many", ":1: 'steps' is 'many'; a number would be right")]
    [InlineData("hidden = [8, wide]", ":1: 'hidden' is 'wide'; a number would be right")]
    [InlineData("data = ${nowhere}", ":1")]
    public void A_wrong_spec_is_named_by_file_and_line(string text, string says)
    {
        File.WriteAllText(_file, text);
        var thrown = Assert.Throws<UserException>(() => TrainSettings.Read(_file));
        Assert.Contains(_file + says, thrown.Message);
        Assert.Equal(ExitCodes.BadInput, thrown.ExitCode);
    }
}
