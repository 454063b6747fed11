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
