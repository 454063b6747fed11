using Athanor.Hosting.Stores;
using Athanor.Protocol;

namespace Athanor.Hosting.Journal.Feeds;

/// <summary>Makes a read model of shards' feeds: rows by key. Sees each event of a shard once, in order; rows and offset are committed
/// together, so nothing is counted twice whatever fails.</summary>
public interface IProjection
{
    /// <summary>Lower-case letters and dashes; changes when what it makes of an event changes (or rebuild it by hand).</summary>
    string Name { get; }

    /// <summary>One sentence for lists.</summary>
    string About { get; }

    /// <summary>Takes one event. Keys must belong to the event's shard alone (begin them with the entity's address, or with the shard), since
    /// shards are projected side by side.</summary>
    Task Apply(JournalRow row, ProjectionPage page, CancellationToken cancellation);
}

/// <summary>The rows that a page of events reads and writes.</summary>
public sealed class ProjectionPage(IJournalStore store, string name, int generation, MessageRegistry messages)
{
    private readonly Dictionary<string, ReadOnlyMemory<byte>?> _rows = new(StringComparer.Ordinal);
    private readonly HashSet<string> _changed = new(StringComparer.Ordinal);

    /// <summary>Kinds that this build knows, to decode events with.</summary>
    public MessageRegistry Messages => messages;

    internal IEnumerable<ProjectionRow> Written => _rows.Where(r => _changed.Contains(r.Key) && r.Value is not null)
        .OrderBy(static r => r.Key, StringComparer.Ordinal).Select(static r => new ProjectionRow(r.Key, r.Value!.Value));

    internal IEnumerable<string> Removed => _rows.Where(r => _changed.Contains(r.Key) && r.Value is null).Select(static r => r.Key)
        .Order(StringComparer.Ordinal);

    public async Task<ReadOnlyMemory<byte>?> Get(string key, CancellationToken cancellation)
    {
        if (_rows.TryGetValue(key, out var known)) return known;
        // The key itself and nothing behind it: no key goes on with a control character.
        var found = await store.ReadRows(name, generation, key, key + "\u0001", 1, cancellation).ConfigureAwait(false);
        // Without the cast null would become empty memory: byte[] converts to it.
        return _rows[key] = found.Count > 0 ? found[0].Body : (ReadOnlyMemory<byte>?)null;
    }

    public void Put(string key, ReadOnlyMemory<byte> body)
    {
        _rows[key] = body;
        _changed.Add(key);
    }

    public void Remove(string key)
    {
        _rows[key] = null;
        _changed.Add(key);
    }
}
