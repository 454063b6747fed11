using System.Diagnostics;

namespace Athanor.Hosting.Simulation;

/// <summary>What a seed came to: the hash of its trace, or the invariant that did not hold.</summary>
public sealed record SeedOutcome(long Seed, ulong TraceHash, string? Violation);

/// <summary>What a campaign has run so far.</summary>
public sealed record CampaignTotals
{
    public long Seeds { get; init; }

    /// <summary>Seeds that were run a second time, with the same trace.</summary>
    public long Repeated { get; init; }

    /// <summary>Events of the worlds: each is a step of a core, a store call, or a message.</summary>
    public long Events { get; init; }

    public double VirtualHours { get; init; }

    public long CommandsAcknowledged { get; init; }

    /// <summary>Calls, messages and decisions that were made to fail, to be late or to come twice.</summary>
    public long SmallFaults { get; init; }

    /// <summary>Faults of a node, the database or the clock, by kind.</summary>
    public IReadOnlyDictionary<string, long> Misfortunes { get; init; } = new Dictionary<string, long>();

    public double Seconds { get; init; }

    public double SeedsPerSecond => Seconds > 0 ? Seeds / Seconds : 0;
}

/// <summary>Runs many seeds over several threads. A seed is one virtual cluster with faults from start to rest; see docs/reliability.md.</summary>
public sealed class Campaign(long first, long count, int threads, PlantedBug bug = PlantedBug.None)
{
    /// <summary>Every so many seeds one is run twice, and its traces are compared.</summary>
    public const int RepeatEvery = 250;

    private const int MostFailures = 5;
    private readonly long[] _misfortunes = new long[14];
    private readonly List<SeedOutcome> _failures = [];
    private readonly Lock _lock = new();
    private readonly long _started = Stopwatch.GetTimestamp();
    private long _next;
    private long _seeds;
    private long _repeated;
    private long _events;
    private long _ticks;
    private long _acknowledged;
    private long _smallFaults;

    /// <summary>Seeds whose invariants did not hold, the lowest first; a campaign ends after a few.</summary>
    public IReadOnlyList<SeedOutcome> Failures
    {
        get
        {
            lock (_lock) return [.. _failures.OrderBy(static failure => failure.Seed)];
        }
    }

    public CampaignTotals Totals => new()
    {
        Seeds = Volatile.Read(ref _seeds),
        Repeated = Volatile.Read(ref _repeated),
        Events = Volatile.Read(ref _events),
        VirtualHours = TimeSpan.FromTicks(Volatile.Read(ref _ticks)).TotalHours,
        CommandsAcknowledged = Volatile.Read(ref _acknowledged),
        SmallFaults = Volatile.Read(ref _smallFaults),
        Misfortunes = Enumerable.Range(0, _misfortunes.Length).ToDictionary(
            static bit => ((Misfortunes)(1 << bit)).ToString(), bit => Volatile.Read(ref _misfortunes[bit])),
        Seconds = Stopwatch.GetElapsedTime(_started).TotalSeconds,
    };

    /// <summary>Runs one seed.</summary>
    /// <param name="trace">Where everything that goes into and out of each node is written as text.</param>
    public static SeedOutcome RunSeed(long seed, PlantedBug bug = PlantedBug.None, TextWriter? trace = null) =>
        RunSeed(new World(seed, SimulationOptions.Draw(seed, bug)) { TraceTo = trace }, seed);

    private static SeedOutcome RunSeed(World world, long seed)
    {
        try
        {
            return new SeedOutcome(seed, world.Run(), null);
        }
        catch (ViolationException violation)
        {
            return new SeedOutcome(seed, world.TraceHash, violation.Message);
        }
        catch (Exception error) when (error is not OutOfMemoryException)
        {
            // The core threw: that is as bad as a broken promise.
            return new SeedOutcome(seed, world.TraceHash, error.ToString());
        }
    }

    public async Task Run(CancellationToken cancellation)
    {
        var workers = Enumerable.Range(0, threads).Select(_ => Task.Factory.StartNew(
            () => Work(cancellation), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default));
        await Task.WhenAll(workers).ConfigureAwait(false);
    }

    private void Work(CancellationToken cancellation)
    {
        while (!cancellation.IsCancellationRequested)
        {
            var index = Interlocked.Increment(ref _next) - 1;
            if (index >= count) return;
            lock (_lock)
            {
                if (_failures.Count >= MostFailures) return;
            }
            var seed = first + index;
            var world = new World(seed, SimulationOptions.Draw(seed, bug));
            var outcome = RunSeed(world, seed);
            if (outcome.Violation is null && index % RepeatEvery == 0)
            {
                var again = RunSeed(seed, bug);
                if (again.TraceHash != outcome.TraceHash)
                    outcome = outcome with { Violation = $"its trace was {outcome.TraceHash:x16}, and {again.TraceHash:x16} when it was run again" };
                Interlocked.Increment(ref _repeated);
            }
            Count(world);
            if (outcome.Violation is null) continue;
            lock (_lock) _failures.Add(outcome);
        }
    }

    private void Count(World world)
    {
        Interlocked.Increment(ref _seeds);
        Interlocked.Add(ref _events, world.Events);
        Interlocked.Add(ref _ticks, world.Now.Ticks);
        Interlocked.Add(ref _acknowledged, world.Acknowledged);
        Interlocked.Add(ref _smallFaults, world.SmallFaults);
        for (var bit = 0; bit < world.Befell.Length; bit++)
        {
            if (world.Befell[bit] > 0) Interlocked.Add(ref _misfortunes[bit], world.Befell[bit]);
        }
    }
}
