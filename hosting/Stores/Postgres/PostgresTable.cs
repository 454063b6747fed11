using NpgsqlTypes;

namespace Athanor.Hosting.Stores.Postgres;

internal enum ColumnType
{
    Int,
    Long,
    MaybeLong,
    Bool,
    Text,
    Bytes,
    Uuid,
}

/// <summary>A column as statements name and send it.</summary>
internal readonly record struct PostgresColumn(string Name, ColumnType Type)
{
    public string SqlType => Type switch
    {
        ColumnType.Int => "integer",
        ColumnType.Long or ColumnType.MaybeLong => "bigint",
        ColumnType.Bool => "boolean",
        ColumnType.Text => "text",
        ColumnType.Bytes => "bytea",
        _ => "uuid",
    };

    public NpgsqlDbType DbType => Type switch
    {
        ColumnType.Int => NpgsqlDbType.Integer,
        ColumnType.Long or ColumnType.MaybeLong => NpgsqlDbType.Bigint,
        ColumnType.Bool => NpgsqlDbType.Boolean,
        ColumnType.Text => NpgsqlDbType.Text,
        ColumnType.Bytes => NpgsqlDbType.Bytea,
        _ => NpgsqlDbType.Uuid,
    };

    /// <summary>Columns written as <c>"number long, body bytes"</c>; without a type it is text.</summary>
    public static PostgresColumn[] Parse(string columns) => [.. columns.Split(',', StringSplitOptions.TrimEntries).Select(static column =>
    {
        var words = column.Split(' ');
        return new PostgresColumn(words[0], words.Length == 1 ? ColumnType.Text : Enum.Parse<ColumnType>(words[1], ignoreCase: true));
    })];
}

/// <summary>A table whose rows the program writes with the CRC of their columns.</summary>
/// <param name="columns">Columns under the CRC, in the order in which they are added up (see <see cref="PostgresColumn.Parse"/>).</param>
/// <param name="describe">Entity and number of a row, for messages.</param>
internal sealed class PostgresTable(string name, string columns, Func<PostgresRow, string> describe)
{
    public string Name { get; } = name;

    public PostgresColumn[] Columns { get; } = PostgresColumn.Parse(columns);

    /// <summary>The columns and the CRC, as a list for statements.</summary>
    public string Names { get; } = string.Join(", ", PostgresColumn.Parse(columns).Select(static c => c.Name).Append("crc"));

    /// <summary>The same with a table's alias before each.</summary>
    public string NamesOf(string alias) => string.Join(", ", Columns.Select(static c => c.Name).Append("crc").Select(c => $"{alias}.{c}"));

    public string Where(PostgresRow row) => $"{Name}, {describe(row)}";
}
