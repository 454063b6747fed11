using Athanor.Hosting.Stores;
using Athanor.Protocol;

namespace Athanor.Hosting.Simulation;

/// <summary>An invariant did not hold.</summary>
public sealed class ViolationException(string what) : Exception(what);

/// <summary>What the journal says of each operation, kept beside it commit by commit, so that an effect that comes twice is seen in the
/// commit that brings it.</summary>
internal sealed class Ledger(World world)
{
    private readonly uint[] _seen = new uint[world.OperationsEnd];
    private readonly int[] _eventOf = new int[world.OperationsEnd];
    private readonly Dictionary<EntityAddress, List<(TimeSpan At, long Events)>> _growth = [];

    public const EventKind LastOfClient = EventKind.Asked;

    public bool Has(long op, EventKind kind) => (_seen[op] & Bit(kind)) != 0;

    /// <summary>Whether the operation's own event is in the journal.</summary>
    public bool HasOwn(long op) => (_seen[op] & (Bit(LastOfClient + 1) - 1)) != 0;

    /// <summary>Number of the operation's own event in its entity.</summary>
    public long NumberOf(long op) => _eventOf[op];

    private static uint Bit(EventKind kind) => 1u << (int)kind;

    public void Add(JournalRow row)
    {
        var e = (SimEvent)World.Codec.Decode(row.Event);
        Grow(row);
        if (e.Kind == EventKind.CrunchRetried) return;
        if ((_seen[e.Op] & Bit(e.Kind)) != 0)
            throw new ViolationException($"{e.Kind} of operation {e.Op} was applied twice, the second time as event {row.EntityNumber} of {row.Entity.Id}");
        _seen[e.Op] |= Bit(e.Kind);
        if (e.Kind <= LastOfClient) _eventOf[e.Op] = (int)row.EntityNumber;
    }

    /// <summary>What is judged at the moment of the commit alone: the store's clock is then what it was.</summary>
    public void CheckTime(JournalRow row)
    {
        if (world.Options.Misfortunes.HasFlag(Misfortunes.ClockStep)) return;
        var e = (SimEvent)World.Codec.Decode(row.Event);
        if (e.Kind != EventKind.Rang) return;
        var due = row.Time.AddTicks(-e.Amount);
        if (world.Clock.Now < due - TimeSpan.FromSeconds(1))
            throw new ViolationException($"alarm {e.Op} rang {(due - world.Clock.Now).TotalSeconds:0.0} s early");
    }

    private void Grow(JournalRow row)
    {
        if (!_growth.TryGetValue(row.Entity, out var growth)) _growth.Add(row.Entity, growth = []);
        growth.Add((world.Now, row.EntityNumber));
    }

    /// <summary>How many events of an entity were committed at a time.</summary>
    public long CommittedAt(EntityAddress entity, TimeSpan time)
    {
        if (!_growth.TryGetValue(entity, out var growth)) return 0;
        for (var i = growth.Count - 1; i >= 0; i--)
        {
            if (growth[i].At <= time) return growth[i].Events;
        }
        return 0;
    }

    /// <summary>The journal is another one: a backup was put back, or a standby took over.</summary>
    public void Rebuild()
    {
        Array.Clear(_seen);
        Array.Clear(_eventOf);
        _growth.Clear();
        for (var i = 0; i < world.Options.Entities; i++)
        {
            foreach (var row in SimulatedStore.Now(world.Store.Inner.ReadEntity(SimDecider.Account(i), true, default)).Events) Add(row);
        }
    }
}
