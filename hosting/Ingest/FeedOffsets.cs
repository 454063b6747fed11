using System.Collections.Immutable;
using Athanor.Hosting.Stores;

namespace Athanor.Hosting.Ingest;

/// <summary>How far each shard's feed was published.</summary>
internal interface IFeedOffsets
{
    /// <summary>Number of the last event that is done with; 0 before the first.</summary>
    Task<long> Read(int shard, CancellationToken cancellation);

    Task Write(int shard, long before, long now, CancellationToken cancellation);
}

/// <summary>Offsets of this process alone: after a restart the feeds are read from the start, and what is still valid goes out again.</summary>
internal sealed class MemoryFeedOffsets : IFeedOffsets
{
    private readonly Dictionary<int, long> _offsets = [];

    public Task<long> Read(int shard, CancellationToken cancellation)
    {
        lock (_offsets) return Task.FromResult(_offsets.GetValueOrDefault(shard));
    }

    public Task Write(int shard, long before, long now, CancellationToken cancellation)
    {
        lock (_offsets) _offsets[shard] = now;
        return Task.CompletedTask;
    }
}

/// <summary>Offsets in the store, as of a read model without rows. Only the node that publishes moves writes them.</summary>
internal sealed class StoredFeedOffsets(IJournalStore store) : IFeedOffsets
{
    private const string Name = "ingest.moves";

    public async Task<long> Read(int shard, CancellationToken cancellation)
    {
        var all = await store.ReadOffsets(cancellation).ConfigureAwait(false);
        return all.FirstOrDefault(o => o.Name == Name && o.Shard == shard)?.Offset ?? 0;
    }

    /// <exception cref="IOException">Another node has gone on meanwhile: this one starts over.</exception>
    public async Task Write(int shard, long before, long now, CancellationToken cancellation)
    {
        var step = new ProjectionStep(Name, 0, shard, before, now, 0, ImmutableArray<ProjectionRow>.Empty, []);
        if (!await store.Project(step, cancellation).ConfigureAwait(false))
            throw new IOException($"another node publishes the moves of shard {shard}");
    }
}
