namespace Athanor.Hosting.Stores.Postgres;

/// <summary>
/// What a commit does to one table: the rows it sends, as arrays, and the part of the statement that takes them. Sections without rows are
/// left out of the statement. Each table's file has its own sections; <see cref="CommitStatement.Sections"/> lists them.
/// </summary>
/// <param name="name">Name of the part of the statement.</param>
/// <param name="columns">Columns sent besides the first, <c>part</c>: the shard of the part that a row belongs to.</param>
/// <param name="table">Name that begins the CRC of each row; null for rows without one.</param>
/// <param name="sql">Given the source of the rows (<c>unnest(…) AS r(part, …)</c>) and the condition that their part was accepted.</param>
internal sealed class CommitSection(string name, PostgresColumn[] columns, string? table, Func<string, string, string> sql)
{
    private readonly PostgresColumn[] _columns = [new("part", ColumnType.Int), .. columns];

    public string Name { get; } = name;

    public IReadOnlyList<PostgresColumn> Columns => _columns;

    public PostgresRows NewRows() => new(_columns, table);

    /// <summary>The part of a commit's statement.</summary>
    public string Sql(int firstParameter) => $"{Name} AS ({sql(Source(firstParameter), "r.part = ANY (ARRAY(SELECT shard FROM advanced))")})";

    /// <summary>Its rows that are not in a table whose key they are, as <c>part</c>.</summary>
    public string Missing(int firstParameter, string table)
    {
        var key = string.Join("", columns.Select(static c => $" AND t.{c.Name} = r.{c.Name}"));
        return $"SELECT r.part FROM {Source(firstParameter)} WHERE NOT EXISTS (SELECT FROM {table} t WHERE t.shard = r.part{key})";
    }

    /// <summary>A statement of its own, for rows that no shard's fence guards.</summary>
    public string Alone { get; } = sql(Source(columns, 1), "true");

    private string Source(int firstParameter) => Source(columns, firstParameter);

    private static string Source(PostgresColumn[] columns, int firstParameter)
    {
        PostgresColumn[] all = [new("part", ColumnType.Int), .. columns];
        var arrays = string.Join(", ", all.Select((c, i) => $"${firstParameter + i}::{c.SqlType}[]"));
        return $"unnest({arrays}) AS r({string.Join(", ", all.Select(static c => c.Name))})";
    }

    /// <summary>Rows of a table, in the order in which they are sent.</summary>
    /// <param name="extra">Columns behind the CRC.</param>
    /// <param name="onConflict">Empty, or what follows <c>ON CONFLICT</c>.</param>
    public static CommitSection Insert(PostgresTable table, string extra = "", string onConflict = "")
    {
        PostgresColumn[] columns =
            [.. table.Columns, new("crc", ColumnType.Int), .. extra.Length > 0 ? PostgresColumn.Parse(extra) : []];
        var names = string.Join(", ", columns.Select(static c => c.Name));
        var from = string.Join(", ", columns.Select(static c => $"r.{c.Name}"));
        var conflict = onConflict.Length > 0 ? $" ON CONFLICT {onConflict}" : "";
        return new CommitSection(
            $"add_{table.Name}", columns, table.Name,
            (rows, ours) => $"INSERT INTO {table.Name}({names}) SELECT {from} FROM {rows} WHERE {ours}{conflict}");
    }

    /// <summary>Rows that replace those of the same key.</summary>
    public static CommitSection Put(PostgresTable table, string key)
    {
        var set = table.Columns.Select(static c => c.Name).Append("crc").Except(key.Split(", ")).Select(static c => $"{c} = excluded.{c}");
        return Insert(table, onConflict: $"({key}) DO UPDATE SET {string.Join(", ", set)}");
    }
}
