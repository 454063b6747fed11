namespace Athanor.Hosting.Stores.Postgres;

/// <summary>Read models: their rows and how far they have read.</summary>
public sealed partial class PostgresStore
{
    public Task<IReadOnlyList<ProjectionOffset>> ReadOffsets(CancellationToken cancellation) => ReadStrictly(
        "reading projections' offsets", ProjectionTable.Table, ProjectionTable.Current, "ORDER BY name, generation, shard", cancellation);

    public Task<bool> Project(ProjectionStep step, CancellationToken cancellation) => Transaction(
        $"projecting {step.Name}",
        async connection =>
        {
            await LockProjection(connection, step.Name, cancellation).ConfigureAwait(false);
            await using var command = Command(
                connection, $"SELECT {ProjectionTable.Table.Names} FROM projection WHERE name = $1", step.Name);
            List<ProjectionOffset> all;
            await using (var rows = await command.ExecuteReaderAsync(cancellation).ConfigureAwait(false))
                all = await All(rows, ProjectionTable.Table, ProjectionTable.Current, cancellation, next: false).ConfigureAwait(false);
            var before = all.FirstOrDefault(o => o.Generation == step.Generation && o.Shard == step.Shard);
            if ((before?.Offset ?? 0) != step.Expected) return false;
            // The first generation of a name is live from its first row; later ones are when they are swapped in.
            var live = all.FirstOrDefault(o => o.Generation == step.Generation)?.Live ?? all.Count == 0;
            var now = new ProjectionOffset(
                step.Name, step.Generation, step.Shard, step.Offset, (before?.Skipped ?? 0) + step.Skipped, live);
            await Put(connection, ProjectionTable.Section, [now], ProjectionTable.Add, cancellation).ConfigureAwait(false);
            if (step.Removed.Length > 0)
            {
                await Run(
                    connection, "DELETE FROM projected WHERE name = $1 AND generation = $2 AND key = ANY ($3)", cancellation, step.Name,
                    step.Generation, step.Removed.ToArray()).ConfigureAwait(false);
            }
            var last = step.Put.GroupBy(static row => row.Key, StringComparer.Ordinal).Select(static rows => rows.Last());
            await Put(
                connection, ProjectedTable.Section, last, (rows, row) => ProjectedTable.Add(rows, step.Name, step.Generation, row),
                cancellation).ConfigureAwait(false);
            return true;
        },
        cancellation);

    public Task<IReadOnlyList<ProjectionRow>> ReadRows(
        string name, int generation, string from, string to, int limit, CancellationToken cancellation) => ReadStrictly(
        $"reading {name}", ProjectedTable.Table, ProjectedTable.Current,
        "WHERE name = $1 AND generation = $2 AND key >= $3 AND key < $4 ORDER BY key LIMIT $5", cancellation, name, generation, from, to,
        (long)limit);

    public Task SwapProjection(string name, int generation, CancellationToken cancellation) => Transaction(
        $"swapping {name}",
        async connection =>
        {
            await LockProjection(connection, name, cancellation).ConfigureAwait(false);
            await using var command = Command(
                connection, $"SELECT {ProjectionTable.Table.Names} FROM projection WHERE name = $1 AND generation = $2", name, generation);
            List<ProjectionOffset> offsets;
            await using (var rows = await command.ExecuteReaderAsync(cancellation).ConfigureAwait(false))
                offsets = await All(rows, ProjectionTable.Table, ProjectionTable.Current, cancellation, next: false).ConfigureAwait(false);
            await Put(
                connection, ProjectionTable.Section, offsets.Select(static o => o with { Live = true }), ProjectionTable.Add, cancellation)
                .ConfigureAwait(false);
            await Run(connection, "DELETE FROM projection WHERE name = $1 AND generation <> $2", cancellation, name, generation)
                .ConfigureAwait(false);
            return await Run(connection, "DELETE FROM projected WHERE name = $1 AND generation <> $2", cancellation, name, generation)
                .ConfigureAwait(false);
        },
        cancellation, SealTimeout);

    public Task DropProjection(string name, int generation, CancellationToken cancellation) => Transaction(
        $"dropping {name}",
        async connection =>
        {
            await LockProjection(connection, name, cancellation).ConfigureAwait(false);
            const string NotLive = "NOT EXISTS (SELECT FROM projection p WHERE p.name = $1 AND p.generation = $2 AND p.live)";
            await Run(
                connection, $"DELETE FROM projected WHERE name = $1 AND generation = $2 AND {NotLive}", cancellation, name, generation)
                .ConfigureAwait(false);
            return await Run(
                connection, $"DELETE FROM projection WHERE name = $1 AND generation = $2 AND {NotLive}", cancellation, name, generation)
                .ConfigureAwait(false);
        },
        cancellation, SealTimeout);

    private Task<int> LockProjection(Npgsql.NpgsqlConnection connection, string name, CancellationToken cancellation) => Run(
        connection, "SELECT pg_advisory_xact_lock(hashtextextended('athanor projection ' || $1, 0))", cancellation, name);
}
