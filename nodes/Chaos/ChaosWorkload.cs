using System.Collections.Concurrent;
using System.Globalization;

namespace Athanor.Nodes.Chaos;

/// <summary>What a client asked for, and whether it was told that it is done.</summary>
internal sealed class ChaosOperation(long op, string counter, ChaosKind kind, int session, long number, long amount, string other)
{
    public long Op { get; } = op;

    public string Counter { get; } = counter;

    public ChaosKind Kind { get; } = kind;

    public int Session { get; } = session;

    public long Number { get; } = number;

    public long Amount { get; } = amount;

    public string Other { get; } = other;

    public bool IsAcknowledged { get; set; }
}

/// <summary>Sessions that each send one operation after the other, again and again under its key, through whichever node answers, until it is
/// acknowledged.</summary>
internal sealed class ChaosWorkload(IReadOnlyList<ChaosProcess> nodes, int seed, int sessions, int counters)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Think = TimeSpan.FromMilliseconds(80);
    private static readonly TimeSpan Again = TimeSpan.FromMilliseconds(100);
    private readonly ConcurrentQueue<ChaosOperation> _operations = new();
    private readonly ConcurrentDictionary<string, TimeSpan> _gaps = new();
    private long _lastOp;
    private long _acknowledged;

    public IEnumerable<ChaosOperation> Operations => _operations;

    public long Acknowledged => Volatile.Read(ref _acknowledged);

    public long Retries { get; private set; }

    /// <summary>The fault that was injected last.</summary>
    public string Fault { get; set; } = "";

    /// <summary>Longest time from the first sending of a command to its acknowledgement, by the fault injected last before it came.</summary>
    public IReadOnlyDictionary<string, TimeSpan> Gaps => _gaps;

    public IReadOnlyList<string> Counters { get; } = [.. Enumerable.Range(0, counters).Select(static i => $"c-{i}")];

    /// <summary>Runs until it is stopped; then each session brings its operation to its end, or gives it up when even that is over.</summary>
    public Task Run(CancellationToken stop, CancellationToken giveUp) =>
        Task.WhenAll(Enumerable.Range(0, sessions).Select(session => Task.Run(() => Session(session, stop, giveUp), CancellationToken.None)));

    private async Task Session(int session, CancellationToken stop, CancellationToken giveUp)
    {
        var random = new Random(HashCode.Combine(seed, session));
        for (var number = 1L; !stop.IsCancellationRequested; number++)
        {
            var operation = Make(random, session, number);
            _operations.Enqueue(operation);
            await Bring(operation, random, giveUp);
            if (giveUp.IsCancellationRequested) return;
            await Task.Delay(Think, TimeProvider.System, CancellationToken.None);
        }
    }

    private ChaosOperation Make(Random random, int session, long number)
    {
        var op = Interlocked.Increment(ref _lastOp);
        var counter = Counters[random.Next(Counters.Count)];
        var other = Counters[random.Next(Counters.Count)];
        return random.Next(10) switch
        {
            < 4 => new ChaosOperation(op, counter, ChaosKind.Credit, session, number, random.Next(1, 100), ""),
            < 7 => new ChaosOperation(op, counter, ChaosKind.Send, session, number, random.Next(1, 100), other),
            < 9 => new ChaosOperation(op, counter, ChaosKind.SetAlarm, session, number, random.Next(10, 4000), ""),
            _ => new ChaosOperation(op, counter, ChaosKind.Dig, session, number, random.Next(10, 600), ""),
        };
    }

    private async Task Bring(ChaosOperation o, Random random, CancellationToken giveUp)
    {
        var begun = TimeProvider.System.GetTimestamp();
        var key = Guid.CreateVersion7(TimeProvider.System.GetUtcNow());
        var line = string.Create(CultureInfo.InvariantCulture, $"{o.Counter} {key} {o.Kind} {o.Op} {o.Session} {o.Number} {o.Amount} {o.Other}");
        while (!giveUp.IsCancellationRequested)
        {
            var node = nodes[random.Next(nodes.Count)];
            if (node.IsReady && await node.Ask("ask", line.TrimEnd(), Patience) is not null)
            {
                o.IsAcknowledged = true;
                Interlocked.Increment(ref _acknowledged);
                var took = TimeProvider.System.GetElapsedTime(begun);
                _gaps.AddOrUpdate(Fault, took, (_, longest) => took > longest ? took : longest);
                return;
            }
            Retries++;
            await Task.Delay(Again, TimeProvider.System, CancellationToken.None);
        }
    }
}
