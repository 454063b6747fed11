using System.Collections.Concurrent;
using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text.Json;
using Athanor.Hosting.Configuration;
using Athanor.Hosting.Runtime;
using Athanor.Hosting.Stores;
using Athanor.Nodes.Local;
using Athanor.Tests;

namespace Cluster.Tests;

/// <summary>Node processes of one cluster, over a database of their own on the test assembly's PostgreSQL.</summary>
internal sealed partial class ClusterNodes : IAsyncDisposable
{
    private readonly TestDirectory _directory = new();
    private readonly Dictionary<string, Process> _nodes = [];
    private readonly Dictionary<string, ConcurrentQueue<string>> _logs = [];
    private readonly long _begun = TimeProvider.System.GetTimestamp();

    private ClusterNodes(string config) => Config = config;

    public string Config { get; private set; }

    public ClusterMember Member { get; private set; } = null!;

    /// <summary>For how long the database has been up at least: for one lease after its start a free session lock proves nothing.</summary>
    public TimeSpan Age => TimeProvider.System.GetElapsedTime(_begun);

    public static Task<ClusterNodes> Start(string connection, params (string Name, string Roles)[] nodes) =>
        Start(connection, TimeSpan.FromSeconds(3), nodes);

    public static Task<ClusterNodes> Start(string connection, TimeSpan lease, params (string Name, string Roles)[] nodes) =>
        Start(connection, lease, "", nodes);

    /// <param name="more">Settings beside those that all such clusters have.</param>
    public static async Task<ClusterNodes> Start(string connection, TimeSpan lease, string more, params (string Name, string Roles)[] nodes)
    {
        var cluster = new ClusterNodes("");
        var root = cluster._directory.Path;
        cluster.Config = Path.Combine(root, "cluster.hocon");
        await File.WriteAllTextAsync(cluster.Config, $$"""
            athanor {
              state-directory = "{{root}}/nodes"
              keys-directory = "{{root}}/keys"
              blobs.directory = "{{root}}/blobs"
              node.name = "test"
              store { kind = "postgres", postgres { connection = {{JsonSerializer.Serialize(connection)}}, migrate = "auto", lock-wait = 1s } }
              shards { count = 8, lease = {{lease.TotalSeconds}}s, renew-every = 750ms, lease-margin = 500ms, view-every = 250ms, move-delay = 1s, move-share = 0.25 }
              slots.pools.cpu.count = 1
              transport { address = "127.0.0.1", port = 0 }
              gateway.port = 0
              {{more}}
            }
            """);
        foreach (var (name, roles) in nodes) await cluster.Add(name, roles);
        cluster.Member = await ClusterMember.Open(ClusterConfiguration.Load(cluster.Config), TimeProvider.System);
        return cluster;
    }

    public static async Task<ClusterNodes> Start(params (string Name, string Roles)[] nodes) =>
        await Start(await SharedPostgres.NewDatabase(), nodes);

    /// <summary>Starts a node; back when it takes part.</summary>
    public async Task Add(string name, string roles)
    {
        var process = NodeProcess.Launch("node", "--config", Config, "--name", name, "--roles", roles, "--json", "--until-stdin-closes");
        _nodes[name] = process;
        var log = _logs[name] = new ConcurrentQueue<string>();
        var errors = Keep(process.StandardError, log);
        while (await process.StandardOutput.ReadLineAsync().WaitAsync(NodeProcess.Long) is { } line)
        {
            if (line != "}") continue;
            _ = process.StandardOutput.ReadToEndAsync();
            return;
        }
        await errors;
        throw new InvalidOperationException($"node {name} ended: {LogOf(name)}");
    }

    private static async Task Keep(StreamReader reader, ConcurrentQueue<string> lines)
    {
        while (await reader.ReadLineAsync() is { } line) lines.Enqueue(line);
    }

    public void Signal(string name, int signal) => Assert.Equal(0, Kill(_nodes[name].Id, signal));

    /// <summary>What a node's log says so far.</summary>
    public string LogOf(string name) => string.Join('\n', _logs[name]);

    public async Task<int> ExitCode(string name)
    {
        await _nodes[name].WaitForExitAsync().WaitAsync(NodeProcess.Long);
        return _nodes[name].ExitCode;
    }

    public Task<(int ExitCode, string Output, string Error)> Command(params string[] arguments) =>
        NodeProcess.Run([.. arguments, "--config", Config]);

    public async Task<IReadOnlyList<ShardRow>> Shards() => await Member.Store.ReadShards(CancellationToken.None);

    /// <summary>Waits until the owners of all shards, in order, are as wanted; gives how long that took.</summary>
    public async Task<TimeSpan> Until(Func<string?[], bool> wanted)
    {
        var time = TimeProvider.System;
        var begun = time.GetTimestamp();
        while (true)
        {
            var owners = (await Shards()).OrderBy(s => s.Shard).Select(s => s.Owner).ToArray();
            if (wanted(owners)) return time.GetElapsedTime(begun);
            if (time.GetElapsedTime(begun) > NodeProcess.Long) throw new TimeoutException($"owners: {string.Join(' ', owners.Select(o => o ?? "-"))}");
            await Task.Delay(TimeSpan.FromMilliseconds(10), time);
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (Member is not null) await Member.DisposeAsync();
        foreach (var process in _nodes.Values)
        {
            if (!process.HasExited) process.Kill(entireProcessTree: true);
            process.Dispose();
        }
        _directory.Dispose();
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int process, int signal);
}
