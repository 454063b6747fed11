using System.Diagnostics;
using System.Globalization;
using Athanor.Hosting.Configuration;
using Athanor.Hosting.Services;
using Athanor.Hosting.Stores;
using Athanor.Nodes.Cli;
using Athanor.Nodes.Gateway;
using Athanor.Nodes.Local;
using Athanor.Nodes.Reports;
using Athanor.Protocol;

namespace Athanor.Nodes.Demo;

/// <summary>
/// The demo's cluster: three node processes with different roles over a private PostgreSQL, which lies in the demo's directory and ends with
/// this process. This process takes part without roles.
///
/// Half way the node <c>b</c>, which owns shards and runs work, is killed as <c>kill -9</c> does, and started again once the others own its
/// shards: what happened is said while it happens, and stands in the report. The nodes end when this process closes their standard input,
/// however it ends; what they have done lies in the database, and the same command goes on from there.
/// </summary>
internal sealed class DemoCluster : IAsyncDisposable
{
    private const string GatewayNode = "c";
    private const string Victim = "b";

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan Glance = TimeSpan.FromMilliseconds(20);

    private static readonly IReadOnlyDictionary<string, string> Roles = new SortedDictionary<string, string>(StringComparer.Ordinal)
    {
        ["a"] = "shards",
        [Victim] = "shards,compute",
        [GatewayNode] = "shards,compute,gateway",
    };

    private readonly string _root;
    private readonly string _config;
    private readonly PostgresService _server;
    private readonly Dictionary<string, Node> _nodes = new(StringComparer.Ordinal);

    private readonly long _begun = TimeProvider.System.GetTimestamp();
    private Death? _death;

    /// <summary>A shard of the killed node, and who owned it next.</summary>
    private sealed record TakenShard(int Shard, Epoch Before, string By, Epoch After, double Seconds);

    /// <param name="At">When the node was killed, in s since the start of the cluster; the others are counted from there.</param>
    private sealed record Death(double At, IReadOnlyList<TakenShard> Shards, double Back);

    private sealed record Node(Process Process, Task<string> Ready, Task<string> Errors);

    private DemoCluster(string root, string config, PostgresService server) => (_root, _config, _server) = (root, config, server);

    public ClusterConnection Connection { get; private set; } = null!;

    public string GatewayDirectory => Path.Combine(_root, "nodes", GatewayNode);

    public Uri Gateway => (GatewayFile.Read(GatewayDirectory)
        ?? throw new UserException($"node {GatewayNode} serves no gateway", ExitCodes.Failure)).Url;

    public static async Task<DemoCluster> Start(DemoRunOptions options, CancellationToken cancellation)
    {
        var root = Path.GetFullPath(options.StateDirectory);
        var server = await PostgresService.Start(new PostgresServiceOptions { Folder = Path.Combine(root, "postgres") }, cancellation);
        var cluster = new DemoCluster(root, Path.Combine(root, "cluster.hocon"), server);
        try
        {
            var connection = await cluster.Database(cancellation);
            await File.WriteAllTextAsync(cluster._config, Settings(root, connection, options.Config), cancellation);
            if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(cluster._config, UnixFileMode.UserRead | UnixFileMode.UserWrite);
            // The first brings the schema.
            foreach (var name in Roles.Keys)
            {
                cluster.Launch(name);
                await cluster.Listens(name, cancellation);
            }
            var settings = ClusterConfiguration.Load(cluster._config);
            cluster.Connection = await ClusterConnection.OpenCluster(settings, direct: true, cancellation);
            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    /// <summary>What runs where, for the user.</summary>
    public IEnumerable<string> Describe() =>
    [
        $"Three nodes over a private PostgreSQL (port {_server.Port}, process {_server.ProcessId}) in {_root}",
        .. Roles.Select(r => $"  {r.Key}: {r.Value.Replace(",", ", ", StringComparison.Ordinal)} (process {_nodes[r.Key].Process.Id})"),
    ];

    /// <summary>Kills a node that owns shards without a word, sees who takes them over, and starts it again.</summary>
    public async Task Half(Action<string> say, CancellationToken cancellation)
    {
        var time = TimeProvider.System;
        var node = _nodes[Victim];
        var owned = await Owned(cancellation);
        var at = time.GetElapsedTime(_begun).TotalSeconds;
        var killed = time.GetTimestamp();
        node.Process.Kill(entireProcessTree: false);
        say(string.Create(CultureInfo.InvariantCulture,
            $"{at:0.0} s: node {Victim}, process {node.Process.Id}, killed as by kill -9; it owned the shards {string.Join(", ", owned.Keys)}"));
        while (!node.Process.HasExited) await Task.Delay(Glance, time, cancellation);

        var taken = new SortedDictionary<int, TakenShard>();
        while (taken.Count < owned.Count)
        {
            foreach (var shard in await Connection.Store!.ReadShards(cancellation))
            {
                if (taken.ContainsKey(shard.Shard) || !owned.TryGetValue(shard.Shard, out var before) || shard.Owner is not { } by || by == Victim) continue;
                taken[shard.Shard] = new TakenShard(shard.Shard, before, by, shard.Epoch, time.GetElapsedTime(killed).TotalSeconds);
            }
            if (time.GetElapsedTime(killed) > Patience)
                throw new UserException($"nobody took over {owned.Count - taken.Count} shards of the killed node {Victim}", ExitCodes.Failure);
            await Task.Delay(Glance, time, cancellation);
        }
        foreach (var by in taken.Values.GroupBy(static t => t.By).OrderBy(static g => g.Key, StringComparer.Ordinal))
            say(string.Create(CultureInfo.InvariantCulture,
                $"{at + by.Max(static t => t.Seconds):0.0} s: node {by.Key} took over {string.Join(", ", by.Select(static t => t.Shard))}, {by.Max(static t => t.Seconds):0.0} s after the kill"));

        Launch(Victim);
        await Listens(Victim, cancellation);
        var back = time.GetElapsedTime(killed).TotalSeconds;
        say(string.Create(CultureInfo.InvariantCulture, $"{at + back:0.0} s: node {Victim} is back as process {_nodes[Victim].Process.Id}; shards move to it again"));
        _death = new Death(at, [.. taken.Values], back);
    }

    /// <summary>The section of the report on what befell the nodes. Not part of the result: that is the same without it.</summary>
    public void Tell(Report report)
    {
        if (_death is not { } death) return;
        var section = report.Section("Three nodes, one killed");
        section.Say("The steps above ran on three node processes with the roles " + string.Join("; ", Roles.Select(static r => $"{r.Key}: {r.Value}"))
            + $". Node {Victim} was killed as by kill -9 beside the fourth step, and started again. Nothing was told to the others.");
        section.Add(new Figure("Killed", string.Create(CultureInfo.InvariantCulture, $"node {Victim}, {death.At:0.0} s after the start")));
        section.Add(new Figure("Its shards taken over by", string.Join(", ", death.Shards.GroupBy(static t => t.By)
            .OrderBy(static g => g.Key, StringComparer.Ordinal).Select(static g => $"{g.Key}: {g.Count()}"))));
        section.Add(new Figure("All of them owned again after", Seconds(death.Shards.Max(static t => t.Seconds))));
        section.Add(new Figure($"Node {Victim} back after", Seconds(death.Back)));
        section.Add(new Table("Shards of the killed node", ["shard", "epoch before", "taken over by", "epoch", "after"],
            [.. death.Shards.Select(static t => (IReadOnlyList<string>)[$"{t.Shard}", $"{t.Before}", t.By, $"{t.After}", Seconds(t.Seconds)])]));

        static string Seconds(double seconds) => string.Create(CultureInfo.InvariantCulture, $"{seconds:0.0} s");
    }

    /// <summary>The victim's shards, once it has some: a run that goes on from an earlier one comes here before any have moved to it.</summary>
    private async Task<SortedDictionary<int, Epoch>> Owned(CancellationToken cancellation)
    {
        var time = TimeProvider.System;
        var begun = time.GetTimestamp();
        while (true)
        {
            var shards = await Connection.Store!.ReadShards(cancellation);
            var owned = new SortedDictionary<int, Epoch>(shards.Where(static s => s.Owner == Victim).ToDictionary(static s => s.Shard, static s => s.Epoch));
            if (owned.Count > 0) return owned;
            if (time.GetElapsedTime(begun) > Patience) throw new UserException($"no shard has moved to node {Victim}", ExitCodes.Failure);
            await Task.Delay(Glance, time, cancellation);
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (Connection is not null) await Connection.DisposeAsync();
        foreach (var node in _nodes.Values)
        {
            try
            {
                node.Process.StandardInput.Close();
            }
            catch (IOException)
            {
                // It is gone already.
            }
        }
        var time = TimeProvider.System;
        var begun = time.GetTimestamp();
        foreach (var node in _nodes.Values)
        {
            while (!node.Process.HasExited && time.GetElapsedTime(begun) < TimeSpan.FromSeconds(30))
                await Task.Delay(Glance, time);
            if (!node.Process.HasExited) node.Process.Kill();
            node.Process.Dispose();
        }
        await _server.DisposeAsync();
    }

    private void Launch(string name)
    {
        var process = Process.Start(SelfProcess.StartInfo(
            ["node", "--config", _config, "--name", name, "--roles", Roles[name], "--json", "--until-stdin-closes"]))!;
        _nodes[name] = new Node(process, Ready(process), process.StandardError.ReadToEndAsync());
    }

    private async Task Listens(string name, CancellationToken cancellation)
    {
        var node = _nodes[name];
        var said = await node.Ready.WaitAsync(Patience, TimeProvider.System, cancellation);
        if (said == "") throw new UserException($"node {name} did not start: {(await node.Errors).Trim()}", ExitCodes.Environment);
        _ = node.Process.StandardOutput.ReadToEndAsync(CancellationToken.None);
    }

    private static async Task<string> Ready(Process process)
    {
        var text = "";
        while (await process.StandardOutput.ReadLineAsync() is { } line)
        {
            text += line;
            if (line == "}") return text;
        }
        return "";
    }

    /// <summary>The connection string of this demo's database, made if it is missing. Its name lies in the demo's directory: with that it is
    /// forgotten, wherever the server's data had to be put.</summary>
    private async Task<string> Database(CancellationToken cancellation)
    {
        var file = Path.Combine(_root, "database");
        if (!File.Exists(file))
        {
            var name = $"demo_{Guid.NewGuid():N}";
            await _server.CreateDatabase(name, cancellation);
            await File.WriteAllTextAsync(file, name, cancellation);
        }
        return _server.ConnectionString(await File.ReadAllTextAsync(file, cancellation));
    }

    private static string Settings(string root, string connection, string? config) =>
        $$"""
        # Written by athanor demo --cluster. Holds a password: readable by its owner only.
        {{(config is null ? "" : $"include file({Quoted(Path.GetFullPath(config))})")}}
        athanor {
          state-directory = {{Quoted(root + "/nodes")}}
          keys-directory = {{Quoted(root + "/keys")}}
          blobs.directory = {{Quoted(root + "/blobs")}}
          node.name = "demo"
          store { kind = "postgres", postgres { connection = {{Quoted(connection)}}, migrate = "auto" } }
          shards { lease = 3s, renew-every = 750ms, lease-margin = 500ms, view-every = 500ms, move-delay = 2s, move-share = 0.25 }
          transport { address = "127.0.0.1", port = 0 }
          gateway.port = 0
        }

        """;

    private static string Quoted(string text) => System.Text.Json.JsonSerializer.Serialize(text);
}
