using System.Collections.Concurrent;
using System.Collections.Immutable;

namespace Athanor.Hosting.Stores.Sqlite;

/// <summary>Nodes, shards and their leases, by the store's clock.</summary>
public sealed partial class SqliteStore
{
    /// <summary>What nodes said and were asked. Only kept while the store is open: its one node lives no longer than that.</summary>
    private readonly ConcurrentDictionary<string, (TimeSpan Skew, bool Drain)> _asked = new(StringComparer.Ordinal);

    public Task<NodeRow> RenewNode(
        string node, string address, ImmutableArray<string> roles, TimeSpan lease, CancellationToken cancellation) => Write(
        connection =>
        {
            var row = new NodeRow(node, address, roles, _clock.Now() + lease);
            NodeTable.Put(connection, row);
            return row;
        },
        cancellation);

    public Task RemoveNode(string node, CancellationToken cancellation) => Write(
        connection =>
        {
            connection.Prepare("DELETE FROM node WHERE node = ?").Bind(node).Run();
            _asked.TryRemove(node, out _);
            return true;
        },
        cancellation);

    public async Task<IReadOnlyList<NodeRow>> ReadNodes(CancellationToken cancellation)
    {
        var rows = await Read<IReadOnlyList<NodeRow>>(
            connection => _reports.ReadAll(connection.Prepare($"{NodeTable.Table.Select} ORDER BY node"), NodeTable.Current), cancellation)
            .ConfigureAwait(false);
        return [.. rows.Select(row => _asked.TryGetValue(row.Node, out var asked) ? row with { Skew = asked.Skew, MustDrain = asked.Drain } : row)];
    }

    public async Task NoteSkew(string node, TimeSpan skew, CancellationToken cancellation)
    {
        if (!await IsNode(node, cancellation).ConfigureAwait(false)) return;
        _asked.AddOrUpdate(node, (skew, false), (_, asked) => (skew, asked.Drain));
    }

    public async Task<bool> AskToDrain(string node, CancellationToken cancellation)
    {
        if (!await IsNode(node, cancellation).ConfigureAwait(false)) return false;
        _asked.AddOrUpdate(node, (TimeSpan.Zero, true), static (_, asked) => (asked.Skew, true));
        return true;
    }

    private async Task<bool> IsNode(string node, CancellationToken cancellation) =>
        (await ReadNodes(cancellation).ConfigureAwait(false)).Any(row => row.Node == node);

    public Task<IReadOnlyList<ShardRow>> ReadShards(CancellationToken cancellation) => Read<IReadOnlyList<ShardRow>>(
        connection => _reports.ReadAll(connection.Prepare($"{ShardTable.Table.Select} ORDER BY shard"), ShardTable.Current), cancellation);

    public Task<ShardRow?> Claim(int shard, string node, Epoch seen, TimeSpan lease, CancellationToken cancellation) => Write(
        connection =>
        {
            var row = ShardTable.Read(connection, shard);
            var now = _clock.Now();
            if (row.Epoch != seen || (row.Owner is not null && row.LeaseUntil > now)) return null;
            row = row with
            {
                Owner = node,
                Epoch = new Epoch(Math.Max(row.Epoch.Incarnation, _incarnation), row.Epoch.Counter + 1),
                LeaseUntil = now + lease,
            };
            ShardTable.Put(connection, row);
            return row;
        },
        cancellation);

    public Task<IReadOnlyList<int>> RenewShards(
        string node, IReadOnlyList<(int Shard, Epoch Epoch)> shards, TimeSpan lease, CancellationToken cancellation) =>
        Write<IReadOnlyList<int>>(
            connection =>
            {
                var renewed = new List<int>();
                var until = _clock.Now() + lease;
                foreach (var (shard, epoch) in shards)
                {
                    try
                    {
                        var row = ShardTable.Read(connection, shard);
                        if (row.Owner != node || row.Epoch != epoch) continue;
                        ShardTable.Put(connection, row with { LeaseUntil = until });
                        renewed.Add(shard);
                    }
                    catch (DamageException e)
                    {
                        _reports.Add(e);
                    }
                }
                return renewed;
            },
            cancellation);

    public Task Release(int shard, string node, Epoch epoch, CancellationToken cancellation) => Write(
        connection =>
        {
            var row = ShardTable.Read(connection, shard);
            if (row.Owner != node || row.Epoch != epoch) return false;
            ShardTable.Put(connection, row with { Owner = null, LeaseUntil = DateTimeOffset.MinValue });
            return true;
        },
        cancellation);

    public Task<ClusterRow> ReadCluster(CancellationToken cancellation) => Read(
        connection => new ClusterRow(
            ShardCount, MetaTable.Read(connection, MetaTable.Incarnation),
            (int)MetaTable.Read(connection, MetaTable.FeatureLevel, otherwise: 0)),
        cancellation);

    public Task<long> RaiseIncarnation(CancellationToken cancellation) => Write(
        connection =>
        {
            // Also above what a backup's shards say, should its own row have been older.
            var highest = Math.Max(_incarnation, connection.ReadLong("SELECT max(incarnation) FROM shard"));
            _incarnation = Epoch.NextIncarnation(highest, _clock.Now());
            MetaTable.Put(connection, MetaTable.Incarnation, _incarnation);
            for (var shard = 0; shard < ShardCount; shard++)
            {
                var row = ShardTable.Read(connection, shard);
                ShardTable.Put(connection, row with
                {
                    Owner = null,
                    Epoch = row.Epoch with { Incarnation = _incarnation },
                    LeaseUntil = DateTimeOffset.MinValue,
                });
            }
            return _incarnation;
        },
        cancellation);

    public Task RaiseFeatureLevel(int level, CancellationToken cancellation) => Write(
        connection =>
        {
            if (level > MetaTable.Read(connection, MetaTable.FeatureLevel, otherwise: 0))
                MetaTable.Put(connection, MetaTable.FeatureLevel, level);
            return true;
        },
        cancellation);
}
