namespace Cluster.Tests;

/// <summary>What a user of the command line sees after a mistake: one sentence that says what would be right, an exit code, no stack trace.</summary>
public sealed class BadInputTests : IDisposable
{
    private readonly DirectoryInfo _work = Directory.CreateTempSubdirectory("athanor-bad-");

    private string State => Path.Combine(_work.FullName, "state");

    public void Dispose() => _work.Delete(recursive: true);

    [Theory]
    [InlineData("athanor {\n  shards.leese = 10s\n}\n", "bad.hocon:2", "did you mean 'lease'?")]
    [InlineData("athanor {\n\n  shards.lease = 10 apples\n}\n", "bad.hocon:3", "ms")]
    [InlineData("athanor.node.name = ${NO_SUCH_VARIABLE}\n", "bad.hocon:1", "NO_SUCH_VARIABLE")]
    [InlineData("athanor { shards.count = \n", "bad.hocon", "")]
    public async Task A_wrong_setting_is_refused_with_its_file_its_line_and_what_would_be_right(string text, string where, string what)
    {
        var file = Path.Combine(_work.FullName, "bad.hocon");
        await File.WriteAllTextAsync(file, text);
        var error = await Refused(2, "twins", "list", "--config", file, "--state", State);
        Assert.Contains(where, error);
        Assert.Contains(what, error);
        Assert.False(Directory.Exists(State), "a refused command must not make a state directory");
    }

    [Fact]
    public async Task An_entity_that_does_not_exist_is_named_with_the_way_to_those_that_do()
    {
        var error = await Refused(1, "twins", "show", "nowhere", "--state", State);
        Assert.Contains("default/twins/nowhere", error);
        Assert.Contains("twins list", error);
    }

    [Fact]
    public async Task An_id_that_is_none_is_refused() =>
        Assert.Contains("letters, digits", await Refused(2, "models", "show", "a/b c", "--state", State));

    [Fact]
    public async Task An_address_that_is_none_is_refused() =>
        Assert.Contains("family/id", await Refused(2, "replay", "tclab", "--state", State));

    [Fact]
    public async Task A_state_directory_that_cannot_be_made_is_named()
    {
        // Nobody may make folders there, not even root.
        var error = await Refused(3, "twins", "list", "--state", "/proc/athanor-state");
        Assert.Contains("/proc/athanor-state", error);
    }

    [Fact]
    public async Task A_directory_that_holds_something_else_is_left_alone()
    {
        Directory.CreateDirectory(State);
        await File.WriteAllTextAsync(Path.Combine(State, "letters.txt"), "dear");
        Assert.Contains("letters.txt", await Refused(3, "twins", "list", "--state", State));
        await Refused(2, "demo", "--new", "--state", State);
        Assert.Equal("dear", await File.ReadAllTextAsync(Path.Combine(State, "letters.txt")));
    }

    [Fact]
    public async Task Every_command_has_help_with_examples()
    {
        var (_, root, _) = await NodeProcess.Run("--help");
        var commands = root[root.IndexOf("Commands:", StringComparison.Ordinal)..].Split('\n').Skip(1)
            .Select(line => line.Trim().Split(' ')[0]).Where(name => name.Length > 0).ToArray();
        Assert.True(commands.Length >= 12, root);
        foreach (var command in commands)
        {
            var (exit, help, error) = await NodeProcess.Run(command, "--help");
            Assert.True(exit == 0 && help.Contains($"Examples:\n  athanor {command}"), $"{command}: {help}{error}");
        }
    }

    private static async Task<string> Refused(int exitCode, params string[] arguments)
    {
        var (exit, _, error) = await NodeProcess.Run(arguments);
        Assert.True(exit == exitCode, $"exit code {exit}, not {exitCode}: {error}");
        Assert.StartsWith("athanor: ", error);
        Assert.DoesNotContain("   at ", error);
        return error;
    }
}
