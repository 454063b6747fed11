namespace Athanor.Hosting.Stores.Sqlite;

/// <summary>Read models: rows and offsets in one transaction.</summary>
public sealed partial class SqliteStore
{
    public Task<IReadOnlyList<ProjectionOffset>> ReadOffsets(CancellationToken cancellation) => Read<IReadOnlyList<ProjectionOffset>>(
        connection => HasTables(connection)
            ? All(connection.Prepare($"{ProjectionTable.Table.Select} ORDER BY name, generation, shard"), ProjectionTable.Current)
            : [],
        cancellation);

    public Task<bool> Project(ProjectionStep step, CancellationToken cancellation) => Write(
        connection =>
        {
            var all = All(
                connection.Prepare($"{ProjectionTable.Table.Select} WHERE name = ?").Bind(step.Name), ProjectionTable.Current);
            var before = all.FirstOrDefault(o => o.Generation == step.Generation && o.Shard == step.Shard);
            if ((before?.Offset ?? 0) != step.Expected) return false;
            // The first generation of a name is live from its first row; later ones are when they are swapped in.
            var live = all.FirstOrDefault(o => o.Generation == step.Generation)?.Live ?? all.Count == 0;
            ProjectionTable.Put(connection, new ProjectionOffset(
                step.Name, step.Generation, step.Shard, step.Offset, (before?.Skipped ?? 0) + step.Skipped, live));
            foreach (var key in step.Removed)
            {
                connection.Prepare("DELETE FROM projected WHERE name = ? AND generation = ? AND key = ?")
                    .Bind(step.Name).Bind(step.Generation).Bind(key).Run();
            }
            foreach (var row in step.Put) ProjectedTable.Put(connection, step.Name, step.Generation, row);
            return true;
        },
        cancellation);

    public Task<IReadOnlyList<ProjectionRow>> ReadRows(
        string name, int generation, string from, string to, int limit, CancellationToken cancellation) =>
        Read<IReadOnlyList<ProjectionRow>>(
            connection => HasTables(connection)
                ? All(
                    connection.Prepare(
                        $"{ProjectedTable.Table.Select} WHERE name = ? AND generation = ? AND key >= ? AND key < ? ORDER BY key LIMIT ?")
                        .Bind(name).Bind(generation).Bind(from).Bind(to).Bind(limit),
                    ProjectedTable.Current)
                : [],
            cancellation);

    public Task SwapProjection(string name, int generation, CancellationToken cancellation) => Write(
        connection =>
        {
            foreach (var offset in All(
                connection.Prepare($"{ProjectionTable.Table.Select} WHERE name = ?").Bind(name), ProjectionTable.Current))
            {
                if (offset.Generation == generation) ProjectionTable.Put(connection, offset with { Live = true });
            }
            connection.Prepare("DELETE FROM projection WHERE name = ? AND generation <> ?").Bind(name).Bind(generation).Run();
            connection.Prepare("DELETE FROM projected WHERE name = ? AND generation <> ?").Bind(name).Bind(generation).Run();
            return true;
        },
        cancellation);

    public Task DropProjection(string name, int generation, CancellationToken cancellation) => Write(
        connection =>
        {
            using (var live = connection.Prepare("SELECT 1 FROM projection WHERE name = ? AND generation = ? AND live <> 0")
                .Bind(name).Bind(generation))
            {
                if (live.Step()) return false;
            }
            connection.Prepare("DELETE FROM projection WHERE name = ? AND generation = ?").Bind(name).Bind(generation).Run();
            connection.Prepare("DELETE FROM projected WHERE name = ? AND generation = ?").Bind(name).Bind(generation).Run();
            return true;
        },
        cancellation);
}
