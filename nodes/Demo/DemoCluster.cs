using System.Diagnostics;
using Athanor.Hosting.Configuration;
using Athanor.Hosting.Services;
using Athanor.Nodes.Cli;
using Athanor.Nodes.Gateway;
using Athanor.Nodes.Local;

namespace Athanor.Nodes.Demo;

/// <summary>
/// The demo's cluster: three node processes with different roles over a private PostgreSQL, which lies in the demo's directory and ends with
/// this process. This process takes part without roles.
///
/// Half way the node <c>b</c>, which owns shards and runs work, is killed as <c>kill -9</c> does, and started again. The nodes end when this
/// process closes their standard input, however it ends; what they have done lies in the database, and the same command goes on from there.
/// </summary>
internal sealed class DemoCluster : IAsyncDisposable
{
    private const string GatewayNode = "c";
    private const string Victim = "b";

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

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

    /// <summary>Kills a node without a word, and starts it again.</summary>
    public async Task Half(CancellationToken cancellation)
    {
        var node = _nodes[Victim];
        node.Process.Kill(entireProcessTree: false);
        while (!node.Process.HasExited) await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System, cancellation);
        Launch(Victim);
        await Listens(Victim, cancellation);
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
                await Task.Delay(TimeSpan.FromMilliseconds(20), time);
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
