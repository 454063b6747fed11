using System.Diagnostics;
using Athanor.Hosting.Services;
using Athanor.Tests;

namespace Hosting.Tests.Services;

public sealed class PostgresServiceTests
{
    [Fact]
    public async Task Each_test_gets_a_database_of_its_own()
    {
        var server = await SharedPostgres.Server;
        var one = await SharedPostgres.NewDatabase();
        var two = await SharedPostgres.NewDatabase();
        Assert.NotEqual(one, two);
        Assert.Equal("on|on", await server.Sql("postgres", "select current_setting('fsync') || '|' || current_setting('synchronous_commit')"));
        Assert.Equal("127.0.0.1", await server.Sql("postgres", "show listen_addresses"));
    }

    [Fact]
    public async Task What_was_committed_survives_an_immediate_stop_and_a_kill()
    {
        await using var server = await PostgresService.Start(new PostgresServiceOptions());
        await server.CreateDatabase("a \"name\"");
        await server.Sql("a \"name\"", "create table t (n int); insert into t values (1)");
        var (port, first) = (server.Port, server.ProcessId);

        await server.Stop(immediate: true);
        Assert.Equal(0, server.ProcessId);
        await server.StartAgain();
        await server.Sql("a \"name\"", "insert into t values (2)");
        await server.Signal("KILL");
        await server.StartAgain();

        Assert.Equal("1,2", await server.Sql("a \"name\"", "select string_agg(n::text, ',' order by n) from t"));
        Assert.Equal(port, server.Port);
        Assert.NotEqual(first, server.ProcessId);
    }

    [Fact]
    public async Task A_standby_follows_and_takes_over()
    {
        await using var server = await PostgresService.Start(new PostgresServiceOptions());
        await server.Sql("postgres", "create table t (n int)");
        await using var standby = await server.StartStandby(new PostgresServiceOptions(), "follower");
        await server.Sql("postgres", "alter system set synchronous_standby_names = 'follower'; ");
        await server.Sql("postgres", "select pg_reload_conf()");
        await server.Sql("postgres", "set synchronous_commit = remote_apply; insert into t values (7)");
        await server.Stop(immediate: true);

        await standby.Promote();
        await standby.Sql("postgres", "insert into t values (8)");
        Assert.Equal("15", await standby.Sql("postgres", "select sum(n) from t"));
    }

    [Fact]
    public async Task A_server_and_its_temporary_folder_end_with_a_holder_that_was_killed()
    {
        var folder = Directory.CreateTempSubdirectory("athanor-tied-").FullName;
        // The holder is a shell that holds the pipe of tied.sh, as a killed test run would.
        var script = Path.Combine(folder, "tied.sh");
        var temporary = Path.Combine(folder, "temporary");
        Directory.CreateDirectory(temporary);
        await File.WriteAllTextAsync(script, ServicePackages.Script("tied.sh"));
        var start = new ProcessStartInfo("sh") { RedirectStandardInput = true, RedirectStandardOutput = true };
        foreach (var a in (string[])[script, "", Path.Combine(folder, "log"), temporary, "TERM", "sleep", "600"]) start.ArgumentList.Add(a);
        using var tied = Process.Start(start)!;
        var server = Process.GetProcessById(int.Parse((await tied.StandardOutput.ReadLineAsync())!));

        tied.StandardInput.Close();

        await tied.WaitForExitAsync(new CancellationTokenSource(TimeSpan.FromSeconds(10)).Token);
        Assert.True(server.WaitForExit(TimeSpan.FromSeconds(10)));
        Assert.False(Directory.Exists(temporary));
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public async Task A_port_that_is_taken_is_named()
    {
        await using var server = await PostgresService.Start(new PostgresServiceOptions());
        var e = await Assert.ThrowsAsync<ServiceException>(() => PostgresService.Start(new PostgresServiceOptions { Port = server.Port }));
        Assert.Contains(server.Port.ToString(), e.Message);
        Assert.Contains("Address already in use", e.Message);
    }
}
