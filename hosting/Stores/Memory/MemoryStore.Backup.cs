namespace Athanor.Hosting.Stores.Memory;

/// <summary>A backup of everything, as a database's: taken between two commits, put back whole.</summary>
internal sealed partial class MemoryStore
{
    /// <summary>The tables as they were at one moment.</summary>
    internal sealed class Backup
    {
        public required MemoryStore Tables { get; init; }
    }

    public Backup TakeBackup()
    {
        lock (_gate)
        {
            var copy = new MemoryStore(ShardCount, _time, _incarnation, _keyLifetime);
            CopyTo(copy);
            return new Backup { Tables = copy };
        }
    }

    /// <summary>Puts a backup back. It says nothing of the incarnation: see <see cref="RaiseIncarnation"/>.</summary>
    public void PutBack(Backup backup)
    {
        lock (_gate) backup.Tables.CopyTo(this);
    }

    private void CopyTo(MemoryStore to)
    {
        if (_segments.Count > 0 || _offsets.Count > 0 || _rows.Count > 0 || _origins.Count > 0)
            throw new NotSupportedException("a store with sealed segments, read models or copied entities is not backed up in memory");
        (to._incarnation, to._featureLevel) = (_incarnation, _featureLevel);
        for (var shard = 0; shard < ShardCount; shard++) to._shards[shard] = _shards[shard].Copy();
        Replace(to._entities, _entities.Select(static pair => KeyValuePair.Create(pair.Key, pair.Value.Copy())));
        Replace(to._replies, _replies);
        Replace(to._nodes, _nodes);
        _work.CopyTo(to._work);
    }

    private static void Replace<TKey, TValue>(IDictionary<TKey, TValue> table, IEnumerable<KeyValuePair<TKey, TValue>> rows)
        where TKey : notnull
    {
        table.Clear();
        foreach (var (key, value) in rows) table.Add(key, value);
    }

    public ShardRow RowOf(int shard)
    {
        lock (_gate) return _shards[shard].Row;
    }

    /// <summary>Heads of the entities that are faulted.</summary>
    public IReadOnlyList<HeadRow> Faulted()
    {
        lock (_gate)
        {
            List<HeadRow>? faulted = null;
            foreach (var rows in _entities.Values)
            {
                if (rows.Head is { Fault: not null } head) (faulted ??= []).Add(head);
            }
            return faulted is null ? [] : faulted;
        }
    }

    /// <summary>Tells a result once more, as a store with a bug would.</summary>
    public void ResultAgain(string workId, StoredMessage command)
    {
        lock (_gate)
        {
            if (Done(_work.Find(workId)) is { } entry) Tell(entry, command);
        }
    }

    /// <summary>Ends the leases of a node whose session is known to be gone, and of its shards.</summary>
    public void EndLeases(string node)
    {
        lock (_gate)
        {
            if (_nodes.TryGetValue(node, out var row)) _nodes[node] = row with { LeaseUntil = DateTimeOffset.MinValue };
            foreach (var table in _shards)
            {
                if (table.Row.Owner == node) table.Row = table.Row with { LeaseUntil = DateTimeOffset.MinValue };
            }
        }
    }
}
