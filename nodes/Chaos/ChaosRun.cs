using System.Net;
using System.Net.Sockets;
using Athanor.Hosting.Stores.Postgres;

namespace Athanor.Nodes.Chaos;

/// <summary>A fault kind's part of a run.</summary>
/// <param name="LongestSeconds">The longest that a command sent around such a fault took until it was acknowledged.</param>
internal sealed record FaultFigures(string Fault, int Injected, double? LongestSeconds, string? Skipped);

internal sealed record ChaosResult(
    int Seed, double Minutes, int Nodes, long Acknowledged, long Lost, long Doubled, long Events, long Retries, int Crashes,
    IReadOnlyList<FaultFigures> Faults, IReadOnlyList<string> Violations, string? Kept);

internal sealed record ChaosSettings(double Minutes, int Seed, int Nodes, IReadOnlyList<string> Faults, string Folder, int Sessions = 10, int Counters = 24);

/// <summary>
/// A cluster of real parts under faults: node processes over a database of its own, sessions that ask and ask again, and a schedule of
/// faults from a seed. (The schedule is the seed's; what it meets is the machine's, so a run cannot be repeated to the letter.)
///
/// One fault at a time: it is injected, lasts, is healed, and the next comes after some commands were acknowledged again. At the end all is
/// healed, the sessions bring their last commands to an end, timers ring and work is done, and then the journal is judged
/// (<see cref="ChaosCheck"/>). On any violation the journal is kept.
/// </summary>
internal sealed class ChaosRun(ChaosSettings settings, Action<string> say)
{
    public const int Shards = 8;

    public static readonly TimeSpan Lease = TimeSpan.FromSeconds(4);

    private static readonly TimeSpan Recovery = TimeSpan.FromSeconds(60);
    private readonly Random _random = new(settings.Seed);
    private readonly Dictionary<string, int> _injected = [];

    public async Task<ChaosResult> Run(CancellationToken cancellation)
    {
        Directory.CreateDirectory(settings.Folder);
        say("starting the database ...");
        var database = await ChaosDatabase.Start(settings.Folder, cancellation);
        var nodes = new List<ChaosProcess>();
        ChaosResult? result = null;
        try
        {
            var schema = new PostgresStoreOptions { Connection = database.Connection(), ShardCount = Shards, Migrate = MigrateMode.Auto };
            await (await PostgresStore.Open(schema, TimeProvider.System, cancellation)).DisposeAsync();
            for (var i = 0; i < settings.Nodes; i++) nodes.Add(Node($"chaos-{(char)('a' + i)}", database.Port));
            say($"starting {nodes.Count} nodes ...");
            foreach (var node in nodes) node.Start(database.Connection(node.Database.Port));
            await Task.WhenAll(nodes.Select(static node => node.Ready(Recovery)));
            return result = await Run(database, nodes, cancellation);
        }
        finally
        {
            foreach (var node in nodes)
            {
                await node.DisposeAsync();
                node.Database.Dispose();
                node.Door.Dispose();
            }
            await database.DisposeAsync();
            await database.Unmount(keep: result is not { Violations.Count: 0 });
            if (result is { Violations.Count: 0 }) Directory.Delete(settings.Folder, recursive: true);
        }
    }

    private ChaosProcess Node(string name, int databasePort)
    {
        var port = FreePort();
        return new ChaosProcess(name, settings.Folder, new Relay(databasePort), port, new Relay(port));
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private async Task<ChaosResult> Run(ChaosDatabase database, List<ChaosProcess> nodes, CancellationToken cancellation)
    {
        var workload = new ChaosWorkload(nodes, settings.Seed, settings.Sessions, settings.Counters);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        using var giveUp = new CancellationTokenSource();
        var running = workload.Run(stop.Token, giveUp.Token);
        using var supervisor = TimeProvider.System.CreateTimer(_ => Supervise(), null, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1));
        var violations = new List<string>();
        var skipped = new Dictionary<string, string>();
        try
        {
            await Schedule(database, nodes, workload, violations, skipped, cancellation);
        }
        finally
        {
            await stop.CancelAsync();
        }
        say("faults are over; bringing all to rest ...");
        _supervised = false;
        giveUp.CancelAfter(Recovery);
        await running;
        // What failed over has another address; the store for judging is opened anew.
        await using var store = await PostgresStore.Open(
            new PostgresStoreOptions { Connection = database.Connection(), ShardCount = Shards }, TimeProvider.System, CancellationToken.None);
        var check = new ChaosCheck(store, workload, nodes);
        var unrest = await Rest(check, CancellationToken.None);
        if (unrest is not null) violations.Add($"not at rest after {Recovery.TotalSeconds:0} s: {unrest}");
        var verdict = await check.Judge(CancellationToken.None);
        violations.AddRange(verdict.Violations);
        return new ChaosResult(
            settings.Seed, settings.Minutes, nodes.Count, workload.Acknowledged, verdict.Lost, verdict.Doubled, verdict.Events, workload.Retries,
            nodes.Sum(static node => node.Crashes), Figures(workload, skipped), violations, violations.Count > 0 ? settings.Folder : null);

        void Supervise()
        {
            if (!_supervised) return;
            foreach (var node in nodes) node.Supervise(database.Connection(node.Database.Port));
        }
    }

    private volatile bool _supervised;

    private async Task Schedule(
        ChaosDatabase database, List<ChaosProcess> nodes, ChaosWorkload workload, List<string> violations, Dictionary<string, string> skipped,
        CancellationToken cancellation)
    {
        var begun = TimeProvider.System.GetTimestamp();
        var left = new List<string>();
        await Served(workload, violations, "the start", cancellation);
        while (TimeProvider.System.GetElapsedTime(begun).TotalMinutes < settings.Minutes && violations.Count == 0)
        {
            cancellation.ThrowIfCancellationRequested();
            // Each kind once in a random order, then again.
            if (left.Count == 0) left.AddRange(settings.Faults.OrderBy(_ => _random.Next()));
            var fault = left[^1];
            left.RemoveAt(left.Count - 1);
            var faults = new ChaosFaults(database, nodes, _random, node => database.Connection(node.Database.Port));
            if (faults.Skipped(fault) is { } why)
            {
                if (skipped.TryAdd(fault, why)) say($"{fault} is skipped: {why}");
                if (settings.Faults.All(skipped.ContainsKey)) return;
                continue;
            }
            workload.Fault = fault;
            _injected[fault] = _injected.GetValueOrDefault(fault) + 1;
            var seconds = TimeProvider.System.GetElapsedTime(begun).TotalSeconds;
            say(string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{seconds,7:0.0} s  {workload.Acknowledged,8} acknowledged  {fault}"));
            _supervised = false;
            await faults.Inject(fault, cancellation);
            _supervised = true;
            await Served(workload, violations, fault, cancellation);
            await Task.Delay(TimeSpan.FromSeconds(1 + 3 * _random.NextDouble()), TimeProvider.System, cancellation);
        }
    }

    /// <summary>Waits until each session has had something acknowledged again, on the average.</summary>
    private async Task Served(ChaosWorkload workload, List<string> violations, string after, CancellationToken cancellation)
    {
        var begun = TimeProvider.System.GetTimestamp();
        var goal = workload.Acknowledged + settings.Sessions * 2;
        while (workload.Acknowledged < goal)
        {
            if (TimeProvider.System.GetElapsedTime(begun) > Recovery * 2)
            {
                violations.Add($"the cluster did not serve again within {Recovery.TotalSeconds * 2:0} s after {after}");
                return;
            }
            await Task.Delay(TimeSpan.FromMilliseconds(100), TimeProvider.System, cancellation);
        }
    }

    private async Task<string?> Rest(ChaosCheck check, CancellationToken cancellation)
    {
        var begun = TimeProvider.System.GetTimestamp();
        var quiet = 0;
        while (true)
        {
            var unrest = await check.WhatIsNotAtRest(cancellation);
            quiet = unrest is null ? quiet + 1 : 0;
            if (quiet == 2) return null;
            if (TimeProvider.System.GetElapsedTime(begun) > Recovery) return unrest ?? "";
            await Task.Delay(TimeSpan.FromSeconds(1), TimeProvider.System, cancellation);
        }
    }

    private IReadOnlyList<FaultFigures> Figures(ChaosWorkload workload, Dictionary<string, string> skipped) =>
    [
        .. settings.Faults.Order(StringComparer.Ordinal).Select(fault => new FaultFigures(
            fault, _injected.GetValueOrDefault(fault), workload.Gaps.TryGetValue(fault, out var gap) ? Math.Round(gap.TotalSeconds, 2) : null,
            skipped.GetValueOrDefault(fault))),
    ];
}
