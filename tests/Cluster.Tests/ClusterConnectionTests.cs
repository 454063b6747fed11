using System.Collections.Immutable;
using Athanor.Actors;
using Athanor.Hosting.Configuration;
using Athanor.Hosting.Runtime;
using Athanor.Hosting.Stores;
using Athanor.Nodes.Local;
using Athanor.Protocol;
using Athanor.Protocol.Models;

namespace Cluster.Tests;

/// <summary>Commands that meet on one state directory.</summary>
public sealed class ClusterConnectionTests : IDisposable
{
    private static readonly EntityAddress Model = EntityAddress.Of("models", "m1");

    private readonly TestDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task The_first_command_hosts_the_second_connects_and_the_first_waits_for_it()
    {
        var first = await Open(EmbeddedRole.AppendOnly);
        var second = await Open(EmbeddedRole.AppendOnly);
        Assert.Equal((false, true), (first.IsRemote, second.IsRemote));
        Assert.NotNull(first.Store);
        Assert.Null(second.Store);

        var ending = first.DisposeAsync().AsTask();
        Assert.IsNotType<Rejected>(await second.Client.Ask(Model, new RegisterModel("kinetics", "over the socket")));
        Assert.False(ending.IsCompleted);
        await second.DisposeAsync();
        await ending.WaitAsync(NodeProcess.Long);

        await using var third = await Open(EmbeddedRole.AppendOnly);
        Assert.False(third.IsRemote);
        Assert.Equal(["m1"], (await third.Client.List("default", "models")).Select(e => e.Address.Id));
    }

    [Fact]
    public async Task A_command_that_needs_slots_waits_for_a_host_that_has_none()
    {
        var reader = await Open(EmbeddedRole.AppendOnly);
        var worker = Open(EmbeddedRole.Full);
        Assert.IsNotType<Rejected>(await reader.Client.Ask(Model, new RegisterModel("kinetics", "")));
        Assert.False(worker.IsCompleted);
        await reader.DisposeAsync();
        await using var hosting = await worker.WaitAsync(NodeProcess.Long);
        Assert.False(hosting.IsRemote);
        Assert.Equal(EmbeddedRole.Full, hosting.Hosted!.Role);
    }

    [Fact]
    public async Task The_socket_speaks_of_everything_and_names_errors()
    {
        await using var host = await Open(EmbeddedRole.Full);
        using var client = new SocketClient(SocketPath.Of(_directory.State), Athanor.Hosting.Families.Messages, TimeProvider.System);
        var bytes = new byte[3 << 20];
        new Random(1).NextBytes(bytes);
        var hash = await client.PutBlob(bytes);
        Assert.Equal(bytes, await client.GetBlob(hash));
        await Assert.ThrowsAsync<KeyNotFoundException>(() => client.GetBlob(new string('0', 64)));
        Assert.IsType<Rejected>(await client.Query(EntityAddress.Of("turtles", "x"), new Describe()));
        await Assert.ThrowsAsync<ArgumentException>(() => client.Query(EntityAddress.Of("models", "no good"), new Describe()));
        Assert.Empty(await client.Running());
        Assert.Empty(await client.Work(WorkStatus.Parked));
        var info = await client.Host();
        Assert.Equal((EmbeddedRole.Full, Environment.ProcessId, true), (info.Role, info.Process, info.Health.Ready));
    }

    [Fact]
    public async Task A_socket_left_behind_by_a_killed_process_is_no_obstacle()
    {
        await using (var node = await NodeProcess.Start(_directory.State)) await node.KillNow();
        Assert.True(File.Exists(SocketPath.Of(_directory.State)));
        await using var host = await Open(EmbeddedRole.AppendOnly);
        await using var other = await Open(EmbeddedRole.AppendOnly);
        Assert.Equal((false, true), (host.IsRemote, other.IsRemote));
    }

    [Fact]
    public async Task A_deep_state_directory_has_its_socket_elsewhere()
    {
        var deep = Path.Combine(_directory.Path, string.Join('/', Enumerable.Repeat("deep-directory", 8)));
        await using var host = await Open(EmbeddedRole.AppendOnly, deep);
        await using var other = await Open(EmbeddedRole.AppendOnly, deep);
        Assert.True(other.IsRemote);
        Assert.False(SocketPath.Of(deep).StartsWith(deep, StringComparison.Ordinal));
    }

    private Task<ClusterConnection> Open(EmbeddedRole role, string? state = null) => ClusterConnection.Open(
        new AthanorOptions
        {
            StateDirectory = state ?? _directory.State,
            Slots = new SlotOptions { Pools = ImmutableSortedDictionary<string, PoolOptions>.Empty.Add("cpu", new PoolOptions { Count = 1 }) },
        },
        role);
}
