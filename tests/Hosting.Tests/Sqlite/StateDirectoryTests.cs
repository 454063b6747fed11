using Athanor.Hosting.Runtime;
using Athanor.Hosting.Stores;

namespace Hosting.Tests.Sqlite;

public sealed class StateDirectoryTests : IDisposable
{
    private readonly TemporaryDirectory _temporary = new();

    public void Dispose() => _temporary.Dispose();

    [Fact]
    public void A_missing_directory_is_made_with_its_layout()
    {
        using var state = StateDirectory.Open(_temporary.File("deep/state"));
        Assert.True(Directory.Exists(state.BlobsPath));
        Assert.True(Directory.Exists(state.KeysPath));
        Assert.Equal("athanor-state 1\n", File.ReadAllText(Path.Combine(state.Root, "format")));
        if (!OperatingSystem.IsWindows())
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(state.KeysPath));
    }

    [Fact]
    public void A_second_opening_is_refused_and_names_the_holder()
    {
        var path = _temporary.File("state");
        using (StateDirectory.Open(path))
        {
            var e = Assert.Throws<StateLockedException>(() => StateDirectory.Open(path));
            Assert.Equal(Environment.ProcessId, e.Holder);
            Assert.Contains($"locked by process {Environment.ProcessId}", e.Message, StringComparison.Ordinal);
            Assert.Contains("node.sock", e.Message, StringComparison.Ordinal);
            Assert.True(StateDirectory.IsHeld(path, out var holder));
            Assert.Equal(Environment.ProcessId, holder);
            using var reader = StateDirectory.OpenForReading(path);
            Assert.False(reader.Locked);
        }
        Assert.False(StateDirectory.IsHeld(path, out _));
        StateDirectory.Open(path).Dispose();
    }

    [Fact]
    public void The_process_id_of_a_killed_holder_does_no_harm()
    {
        var path = _temporary.File("state");
        StateDirectory.Open(path).Dispose();
        File.WriteAllText(Path.Combine(path, "pid"), "1\n");
        using var state = StateDirectory.Open(path);
        Assert.Equal($"{Environment.ProcessId}\n", File.ReadAllText(Path.Combine(path, "pid")));
    }

    [Fact]
    public void A_directory_with_other_files_is_refused_and_left_as_it_is()
    {
        File.WriteAllText(_temporary.File("thesis.tex"), "");
        var e = Assert.Throws<StoreException>(() => StateDirectory.Open(_temporary.Path));
        Assert.Contains("thesis.tex", e.Message, StringComparison.Ordinal);
        Assert.Equal([_temporary.File("thesis.tex")], Directory.GetFileSystemEntries(_temporary.Path));
    }

    [Fact]
    public void A_file_is_refused_as_a_state_directory()
    {
        File.WriteAllText(_temporary.File("state"), "");
        var e = Assert.Throws<StoreException>(() => StateDirectory.Open(_temporary.File("state")));
        Assert.Contains("is a file", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("athanor-state 2\n", "state format 2")]
    [InlineData("athanor-stale 1\n", "should say \"athanor-state 1\"")]
    public void Another_format_is_refused(string format, string message)
    {
        var path = _temporary.File("state");
        StateDirectory.Open(path).Dispose();
        File.WriteAllText(Path.Combine(path, "format"), format);
        Assert.Contains(message, Assert.ThrowsAny<StoreException>(() => StateDirectory.Open(path)).Message, StringComparison.Ordinal);
        Assert.Contains(message, Assert.ThrowsAny<StoreException>(() => StateDirectory.OpenForReading(path)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void A_creation_that_was_cut_short_is_finished_by_the_next_opening()
    {
        var path = _temporary.File("state");
        Directory.CreateDirectory(path);
        File.WriteAllText(Path.Combine(path, "lock"), "");
        File.WriteAllText(Path.Combine(path, "format.new"), "athanor-");
        StateDirectory.Open(path).Dispose();
        Assert.Equal("athanor-state 1\n", File.ReadAllText(Path.Combine(path, "format")));
    }

    [Fact]
    public void Reading_from_a_missing_directory_says_so()
    {
        var e = Assert.Throws<StoreException>(() => StateDirectory.OpenForReading(_temporary.File("nowhere")));
        Assert.Contains("there is no such state directory", e.Message, StringComparison.Ordinal);
    }
}
