using Athanor.Hosting.Services;

namespace Hosting.Tests.Services;

public sealed class DevelopmentServicesTests
{
    [Fact]
    public async Task Up_is_idempotent_survives_a_crash_and_down_ends_what_it_started()
    {
        var folder = ServiceFolders.Temporary("services");
        var options = new DevelopmentOptions(folder) { PostgresPort = ServiceFolders.FreePort(), Services = [DevelopmentServices.Postgres] };
        try
        {
            Assert.Equal("never started", Assert.Single(await DevelopmentServices.StatusOf(options)).Change);
            var first = Assert.Single(await DevelopmentServices.Up(options));
            Assert.Equal("started", first.Change);
            Assert.Contains($"Port={options.PostgresPort};Username=athanor", first.Connection, StringComparison.Ordinal);
            Assert.Contains(first.Connection, await File.ReadAllTextAsync(DevelopmentServices.SettingsFile(folder)), StringComparison.Ordinal);

            var second = Assert.Single(await DevelopmentServices.Up(options));
            Assert.Equal(("was running", first.ProcessId), (second.Change, second.ProcessId));

            await new ProcessMark(first.ProcessId, 0).Signal("KILL");
            // The signal is sent, not yet taken: on a busy machine the process is seen for a while.
            while (ProcessMark.Of(first.ProcessId) is not null) await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System);
            var after = Assert.Single(await DevelopmentServices.Up(options));
            Assert.Equal(("started", first.Connection), (after.Change, after.Connection));
            Assert.NotEqual(first.ProcessId, after.ProcessId);

            Assert.Equal("stopped", Assert.Single(await DevelopmentServices.Down(options)).Change);
            Assert.Null(ProcessMark.Of(after.ProcessId));
            Assert.Equal("was not running", Assert.Single(await DevelopmentServices.Down(options)).Change);
        }
        finally
        {
            await DevelopmentServices.Down(options);
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void Under_a_folder_that_others_cannot_traverse_the_data_lie_elsewhere_and_are_found_again()
    {
        var folder = Directory.CreateTempSubdirectory("athanor-closed-").FullName;
        var wished = Path.Combine(folder, "services");
        string? place = null;
        try
        {
            Assert.Equal(wished, ServiceFolders.Reachable(wished, otherUser: false));
            place = ServiceFolders.Reachable(wished, otherUser: true);
            Assert.StartsWith("/var/tmp/", place, StringComparison.Ordinal);
            Assert.Equal(place, ServiceFolders.Reachable(wished, otherUser: true));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
            if (place is not null) Directory.Delete(place, recursive: true);
        }
    }
}
