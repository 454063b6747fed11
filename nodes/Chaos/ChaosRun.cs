using System.Net;
using System.Net.Sockets;
using Athanor.Hosting.Stores.Postgres;
using Athanor.Hosting.Transport;

namespace Athanor.Nodes.Chaos;

/// <summary>A fault kind's part of a run.</summary>
/// <param name="LongestSeconds">The longest that a command sent around such a fault took until it was acknowledged.</param>
/// <param name="Skipped">Why it was not injected; null if it was, or if there was no time for it.</param>
internal sealed record FaultFigures(string Fault, int Injected, double? LongestSeconds, string? Skipped);

internal sealed record ChaosResult(
    int Seed, double Minutes, int Nodes, string Disk, long Acknowledged, long Lost, long Doubled, long Events, long Retries, int Crashes,
    IReadOnlyList<FaultFigures> Faults, IReadOnlyList<string> Violations, string? Kept);

/// <param name="Rounds">How often each fault is injected; 0 for as often as there is time.</param>
/// <param name="NoNamespaces">Why the run is in no namespaces of its own (<see cref="ChaosNamespaces"/>); null if it is.</param>
internal sealed record ChaosSettings(
    double Minutes, int Rounds, int Seed, int Nodes, IReadOnlyList<string> Faults, string Folder, string? NoNamespaces, int Sessions = 10, int Counters = 24);

/// <summary>
/// A cluster of real parts under faults: node processes over a database of its own, sessions that ask and ask again, and a schedule of
/// faults from a seed. (The schedule is the seed's; what it meets is the machine's, so a run cannot be repeated to the letter.)
///
/// One fault at a time: it is injected, lasts, is healed, and the next comes after some commands were acknowledged again. At the end all is
/// healed, the sessions bring their last commands to an end, timers ring and work is done, and then the journal is judged
/// (<see cref="ChaosCheck"/>). On any violation the journal is kept. A fault that turns out to have had no effect is a violation, too.
///
/// Where there are namespaces the run is the database's host and each node is another one (<see cref="ChaosNetwork"/>); else all are this one.
/// </summary>
internal sealed class ChaosRun(ChaosSettings settings, Action<string> say)
{
    public const int Shards = 8;

    public static readonly TimeSpan Lease = TimeSpan.FromSeconds(4);

    private static readonly TimeSpan Recovery = TimeSpan.FromSeconds(60);
    private readonly Random _random = new(settings.Seed);
    private readonly Dictionary<string, int> _injected = [];
    private ChaosNetwork? _network;
    private string? _noNetwork;
    private string _disk = "";
    private TimeSpan _faultsTook;

    public async Task<ChaosResult> Run(CancellationToken cancellation)
    {
        (_network, _noNetwork) = settings.NoNamespaces is { } none ? (null, none) : await ChaosNetwork.Create(settings.Nodes);
        say(_noNetwork is null ? "starting the database ..." : $"{_noNetwork}; starting the database ...");
        var noMount = settings.NoNamespaces
            ?? (Environment.IsPrivilegedProcess ? null : "needs root, to mount a file system of its own for the database");
        var database = await ChaosDatabase.Start(settings.Folder, _network is not null, noMount, cancellation);
        var nodes = new List<ChaosProcess>();
        var keep = true;
        try
        {
            _disk = database.Disk();
            say($"the database's disk: {_disk}");
            var schema = new PostgresStoreOptions { Connection = database.Connection(), ShardCount = Shards, Migrate = MigrateMode.Auto };
            await (await PostgresStore.Open(schema, TimeProvider.System, cancellation)).DisposeAsync();
            nodes.AddRange(MakeNodes());
            say($"starting {nodes.Count} nodes ...");
            foreach (var node in nodes) node.Start(database.Connection());
            await Task.WhenAll(nodes.Select(node => node.Ready(Recovery).WaitAsync(cancellation)));
            var result = await Run(database, nodes, cancellation);
            keep = result.Violations.Count > 0;
            return result;
        }
        catch (OperationCanceledException)
        {
            keep = false;
            throw;
        }
        finally
        {
            foreach (var node in nodes) await node.DisposeAsync();
            await database.DisposeAsync();
            await database.Unmount(keep);
            if (keep) ChaosFolder.Keep(settings.Folder);
            else ChaosFolder.Delete(settings.Folder);
        }
    }

    /// <summary>Nodes with addresses of their own have certificates, as nodes on a network must.</summary>
    private IEnumerable<ChaosProcess> MakeNodes()
    {
        using var authority = _network is null
            ? null
            : DevelopmentAuthority.Create(Path.Combine(settings.Folder, ChaosNode.Certificates), "chaos", TimeProvider.System);
        for (var i = 0; i < settings.Nodes; i++)
        {
            var (name, index) = ($"chaos-{(char)('a' + i)}", i);
            authority?.Issue(CertificateUse.Node, name, TimeSpan.FromDays(2));
            yield return _network is { } network
                ? new ChaosProcess(name, i, settings.Folder, ChaosNetwork.Address(i), ChaosNetwork.NodePort, info => network.On(index, info))
                : new ChaosProcess(name, i, settings.Folder, "127.0.0.1", FreePort(), static info => info);
        }
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
            settings.Seed, Math.Round(_faultsTook.TotalMinutes, 2), nodes.Count, _disk, workload.Acknowledged, verdict.Lost, verdict.Doubled, verdict.Events, workload.Retries,
            nodes.Sum(static node => node.Crashes), Figures(workload, skipped), violations, violations.Count > 0 ? settings.Folder : null);

        void Supervise()
        {
            if (!_supervised) return;
            foreach (var node in nodes) node.Supervise(database.Connection());
        }
    }

    private volatile bool _supervised;

    private async Task Schedule(
        ChaosDatabase database, List<ChaosProcess> nodes, ChaosWorkload workload, List<string> violations, Dictionary<string, string> skipped,
        CancellationToken cancellation)
    {
        var begun = TimeProvider.System.GetTimestamp();
        var left = new List<string>();
        var faults = new ChaosFaults(database, _network, _noNetwork, nodes, _random);
        await Served(workload, violations, "the start", cancellation);
        var rounds = 0;
        while (violations.Count == 0)
        {
            cancellation.ThrowIfCancellationRequested();
            _faultsTook = TimeProvider.System.GetElapsedTime(begun);
            if (settings.Rounds == 0 && _faultsTook.TotalMinutes >= settings.Minutes) return;
            // Each kind once in a random order, then again.
            if (left.Count == 0)
            {
                if (settings.Rounds > 0 && rounds++ == settings.Rounds) return;
                left.AddRange(settings.Faults.OrderBy(_ => _random.Next()));
            }
            var fault = left[^1];
            left.RemoveAt(left.Count - 1);
            if (faults.Skipped(fault) is { } why)
            {
                if (skipped.TryAdd(fault, why)) say($"{fault} is skipped: {why}");
                if (settings.Faults.All(skipped.ContainsKey)) return;
                continue;
            }
            workload.Fault = fault;
            _injected[fault] = _injected.GetValueOrDefault(fault) + 1;
            say(string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{_faultsTook.TotalSeconds,7:0.0} s  {workload.Acknowledged,8} acknowledged  {fault}"));
            _supervised = false;
            if (await faults.Inject(fault, cancellation) is { } noFault) violations.Add($"{fault} had no effect: {noFault}");
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
        .. ChaosFaults.All.Keys.Select(fault => new FaultFigures(
            fault, _injected.GetValueOrDefault(fault), workload.Gaps.TryGetValue(fault, out var gap) ? Math.Round(gap.TotalSeconds, 2) : null,
            settings.Faults.Contains(fault) ? skipped.GetValueOrDefault(fault) : "not among --faults")),
    ];
}
