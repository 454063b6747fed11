using System.Collections.Immutable;
using Npgsql;

namespace Athanor.Hosting.Stores.Postgres;

/// <summary>
/// Nodes, shards and their leases, by the server's clock.
///
/// A node is <i>gone</i> when it has locked its name in this run of the server and the lock is free: its leases, and those of its shards,
/// count as ended. A lock that was taken in an earlier run (before a restart, or on the server before a fail-over) proves nothing when it
/// is free, because the restart freed it: the lease decides until the node has locked again, one lease at most.
///
/// A claim that waits for a row for longer than <see cref="PostgresStoreOptions.LockTimeout"/> meets a statement of the old owner that
/// does not end, for instance because the owner was stopped between sending it and closing it. Its recorded sessions are ended then, each
/// only if both process id and start time are still those recorded: a process id alone may have gone to somebody else.
/// </summary>
public sealed partial class PostgresStore
{
    private const string Gone =
        """
        gone AS MATERIALIZED (SELECT k.node FROM node_lock k WHERE k.run = server_run() AND NOT EXISTS (
            SELECT FROM pg_locks l WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND l.classid::bigint = k.class
                AND l.objid::bigint = k.object AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())))
        """;

    private static readonly TimeSpan PruneEvery = TimeSpan.FromMinutes(10);
    private long _lastPruned;
    private Task _pruning = Task.CompletedTask;

    public Task<ClusterRow> ReadCluster(CancellationToken cancellation) => Look(
        "reading the cluster's row",
        async connection =>
        {
            await using var command = Command(connection, ClusterTable.Select);
            await using var row = await command.ExecuteReaderAsync(cancellation).ConfigureAwait(false);
            return await row.ReadAsync(cancellation).ConfigureAwait(false)
                ? ClusterTable.Current(row)
                : throw new DamageException("cluster", "the row is missing");
        },
        cancellation);

    public Task<long> RaiseIncarnation(CancellationToken cancellation) => Control(
        "raising the incarnation",
        async connection =>
        {
            // Above what the shards say as well, should the cluster's own row have been older; else as Epoch.NextIncarnation.
            await using var command = Command(
                connection,
                $"""
                WITH raised AS (
                    UPDATE cluster SET incarnation = greatest(
                        1 + greatest(incarnation, (SELECT max(s.incarnation) FROM shard s)),
                        (coalesce($1::bigint, clock()) - {DateTimeOffset.UnixEpoch.Ticks}) / {TimeSpan.TicksPerMillisecond})
                    RETURNING incarnation),
                freed AS (UPDATE shard SET owner = NULL, lease = 0, incarnation = raised.incarnation FROM raised),
                left_ AS (DELETE FROM node)
                SELECT incarnation FROM raised
                """,
                ClockTicks);
            return (long)(await command.ExecuteScalarAsync(cancellation).ConfigureAwait(false))!;
        },
        cancellation);

    public Task RaiseFeatureLevel(int level, CancellationToken cancellation) => Control(
        "raising the feature level",
        connection => Run(
            connection, "UPDATE cluster SET feature_level = $1 WHERE feature_level < $1", cancellation, level),
        cancellation);

    public Task<NodeRow> RenewNode(
        string node, string address, ImmutableArray<string> roles, TimeSpan lease, CancellationToken cancellation)
    {
        Prune();
        return Control(
            $"renewing node {node}",
            async connection =>
            {
                await using var command = Command(
                    connection,
                    $"""
                    INSERT INTO node AS n (node, address, roles, lease, schema_known)
                    VALUES($1, $2, $3, coalesce($4::bigint, clock()) + $5, $6)
                    ON CONFLICT (node) DO UPDATE SET address = excluded.address, roles = excluded.roles, lease = excluded.lease,
                        schema_known = excluded.schema_known
                    RETURNING {NodeTable.Columns}
                    """,
                    node, address, string.Join('\n', roles), ClockTicks, lease.Ticks, PostgresMigrations.Newest);
                await using var row = await command.ExecuteReaderAsync(cancellation).ConfigureAwait(false);
                await row.ReadAsync(cancellation).ConfigureAwait(false);
                return NodeTable.Current(row);
            },
            cancellation);
    }

    public Task RemoveNode(string node, CancellationToken cancellation) => Control(
        $"removing node {node}",
        connection => Run(
            connection,
            "WITH a AS (DELETE FROM node_session WHERE node = $1), b AS (DELETE FROM node_lock WHERE node = $1) DELETE FROM node WHERE node = $1",
            cancellation, node),
        cancellation);

    public Task<IReadOnlyList<NodeRow>> ReadNodes(CancellationToken cancellation) => ReadLeased(
        "reading the nodes",
        $"SELECT {NodeTable.Columns}, EXISTS (SELECT FROM gone g WHERE g.node = n.node), coalesce($1::bigint, clock()) FROM node n ORDER BY n.node",
        rows =>
        {
            var node = NodeTable.Current(rows);
            return node with { LeaseUntil = Ended(node.LeaseUntil, rows, 7) };
        },
        cancellation);

    public Task NoteSkew(string node, TimeSpan skew, CancellationToken cancellation) => Control(
        $"noting the clock of node {node}",
        connection => Run(connection, "UPDATE node SET skew = $2 WHERE node = $1", cancellation, node, skew.Ticks), cancellation);

    public async Task<bool> AskToDrain(string node, CancellationToken cancellation) => await Control(
        $"asking node {node} to leave",
        connection => Run(connection, "UPDATE node SET drain = true WHERE node = $1", cancellation, node), cancellation)
        .ConfigureAwait(false) > 0;

    public Task<IReadOnlyList<ShardRow>> ReadShards(CancellationToken cancellation) => ReadLeased(
        "reading the shards",
        $"SELECT {ShardTable.Columns}, EXISTS (SELECT FROM gone g WHERE g.node = s.owner), coalesce($1::bigint, clock()) FROM shard s ORDER BY s.shard",
        rows =>
        {
            var shard = ShardTable.Current(rows);
            return shard with { LeaseUntil = Ended(shard.LeaseUntil, rows, 8) };
        },
        cancellation);

    /// <summary>Rows with a lease, read beside the nodes whose sessions have ended.</summary>
    private Task<IReadOnlyList<T>> ReadLeased<T>(
        string doing, string select, Func<NpgsqlDataReader, T> current, CancellationToken cancellation) => Look<IReadOnlyList<T>>(
        doing,
        async connection =>
        {
            await using var command = Command(connection, $"WITH {Gone} {select}", ClockTicks);
            await using var rows = await command.ExecuteReaderAsync(cancellation).ConfigureAwait(false);
            return await ReadAll(rows, () => current(rows), cancellation).ConfigureAwait(false);
        },
        cancellation);

    public async Task<ShardRow?> Claim(int shard, string node, Epoch seen, TimeSpan lease, CancellationToken cancellation)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return await TryClaim(shard, node, seen, lease, cancellation).ConfigureAwait(false);
            }
            catch (PostgresRefusal e) when (e.IsLockTimeout && attempt < 3)
            {
                var ended = await EndOwnersSessions(shard, node, cancellation).ConfigureAwait(false);
                _options.OnWarning?.Invoke(
                    $"a statement of its old owner kept shard {shard} locked for over {_options.LockTimeout.TotalSeconds} s; "
                    + $"{ended} of the old owner's recorded sessions were ended");
            }
        }
    }

    public Task<IReadOnlyList<int>> RenewShards(
        string node, IReadOnlyList<(int Shard, Epoch Epoch)> shards, TimeSpan lease, CancellationToken cancellation) => RenewShards(
        node, shards, lease, wait: true, cancellation);

    public Task Release(int shard, string node, Epoch epoch, CancellationToken cancellation) => Control(
        $"releasing shard {shard}",
        connection => Run(
            connection,
            $"""
            UPDATE shard s SET owner = NULL, lease = 0
            WHERE s.shard = $1 AND s.owner = $2 AND s.incarnation = $3 AND s.counter = $4 AND {ShardTable.IsSound}
            """,
            cancellation, shard, node, epoch.Incarnation, epoch.Counter),
        cancellation);

    /// <summary>A lease as it counts: ended, if the node is gone, though its time has not come. Whoever reads the clock, then nodes, then
    /// shards compares with the clock's earlier reading, so the end lies before it: as far back as two calls may take.</summary>
    private DateTimeOffset Ended(DateTimeOffset lease, NpgsqlDataReader row, int at)
    {
        if (!row.GetBoolean(at)) return lease;
        var end = new DateTimeOffset(row.GetInt64(at + 1), TimeSpan.Zero) - 2 * _options.Timeout;
        return lease < end ? lease : end;
    }

    private Task<ShardRow?> TryClaim(int shard, string node, Epoch seen, TimeSpan lease, CancellationToken cancellation) => Control(
        $"claiming shard {shard}",
        async connection =>
        {
            await using var command = Command(
                connection,
                $"""
                WITH {Gone}
                UPDATE shard s SET owner = $2, incarnation = greatest(s.incarnation, c.incarnation), counter = s.counter + 1,
                    lease = coalesce($5::bigint, clock()) + $6
                FROM cluster c
                WHERE s.shard = $1 AND s.incarnation = $3 AND s.counter = $4 AND {ShardTable.IsSound}
                    AND (s.owner IS NULL OR s.lease <= coalesce($5::bigint, clock()) OR s.owner IN (SELECT g.node FROM gone g))
                RETURNING {ShardTable.Columns}
                """,
                shard, node, seen.Incarnation, seen.Counter, ClockTicks, lease.Ticks);
            await using var row = await command.ExecuteReaderAsync(cancellation).ConfigureAwait(false);
            return await row.ReadAsync(cancellation).ConfigureAwait(false) ? ShardTable.Current(row) : null;
        },
        cancellation);

    /// <summary>Waits for rows that a commit has locked. If one of them stays locked for too long the others are renewed without it: one
    /// shard's trouble must not cost a node all of its shards.</summary>
    private async Task<IReadOnlyList<int>> RenewShards(
        string node, IReadOnlyList<(int Shard, Epoch Epoch)> shards, TimeSpan lease, bool wait, CancellationToken cancellation)
    {
        if (shards.Count == 0) return [];
        try
        {
            return await Control(
                "renewing shards",
                async connection =>
                {
                    await using var command = Command(
                        connection,
                        $"""
                        WITH held AS MATERIALIZED (
                            SELECT s.shard FROM unnest($2::integer[], $3::bigint[], $4::bigint[]) AS e(shard, incarnation, counter)
                            JOIN shard s ON s.shard = e.shard
                            WHERE s.owner = $1 AND s.incarnation = e.incarnation AND s.counter = e.counter AND {ShardTable.IsSound}
                            ORDER BY s.shard FOR NO KEY UPDATE OF s{(wait ? "" : " SKIP LOCKED")})
                        UPDATE shard u SET lease = coalesce($5::bigint, clock()) + $6 FROM held h WHERE u.shard = h.shard RETURNING u.shard
                        """,
                        node, shards.Select(static s => s.Shard).ToArray(), shards.Select(static s => s.Epoch.Incarnation).ToArray(),
                        shards.Select(static s => s.Epoch.Counter).ToArray(), ClockTicks, lease.Ticks);
                    await using var rows = await command.ExecuteReaderAsync(cancellation).ConfigureAwait(false);
                    return await ReadAll(rows, () => rows.GetInt32(0), cancellation).ConfigureAwait(false);
                },
                cancellation).ConfigureAwait(false);
        }
        catch (PostgresRefusal e) when (e.IsLockTimeout && wait)
        {
            return await RenewShards(node, shards, lease, wait: false, cancellation).ConfigureAwait(false);
        }
    }

    private Task<int> EndOwnersSessions(int shard, string claimant, CancellationToken cancellation) => Control(
        $"ending the sessions of the owner of shard {shard}",
        async connection =>
        {
            await using var command = Command(
                connection,
                """
                SELECT count(*) FILTER (WHERE pg_terminate_backend(a.pid))::integer
                FROM shard s JOIN node_session r ON r.node = s.owner JOIN pg_stat_activity a ON a.pid = r.pid AND a.backend_start = r.started
                WHERE s.shard = $1 AND s.owner <> $2
                """,
                shard, claimant);
            return (int)(await command.ExecuteScalarAsync(cancellation).ConfigureAwait(false))!;
        },
        cancellation);

    private static async Task<int> Run(NpgsqlConnection connection, string text, CancellationToken cancellation, params object?[] values)
    {
        await using var command = Command(connection, text, values);
        return await command.ExecuteNonQueryAsync(cancellation).ConfigureAwait(false);
    }

    /// <summary>Removes replies that are older than their retention, some at a time and beside everything else.</summary>
    private void Prune()
    {
        var now = _time.GetTimestamp();
        if ((_lastPruned != 0 && _time.GetElapsedTime(_lastPruned, now) < PruneEvery) || !_pruning.IsCompleted) return;
        _lastPruned = now;
        _pruning = Call(
            _sources.Work, "removing old replies",
            connection => Run(
                connection,
                """
                DELETE FROM reply r WHERE ctid = ANY (ARRAY(
                    SELECT o.ctid FROM reply o WHERE o.time < coalesce($1::bigint, clock()) - $2 LIMIT 20000))
                """,
                CancellationToken.None, ClockTicks, _options.ReplyRetention.Ticks),
            CancellationToken.None);
    }
}
