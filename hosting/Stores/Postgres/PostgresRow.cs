using Athanor.Hosting.Stores.Integrity;
using Athanor.Protocol;
using Npgsql;

namespace Athanor.Hosting.Stores.Postgres;

/// <summary>Reads rows of a table whose columns stand first in a result, then its CRC, then whatever else the statement asks for. Each
/// column is read once; its CRC is added up on the way.</summary>
internal sealed class PostgresRow(PostgresTable table, NpgsqlDataReader reader)
{
    /// <summary>Stands beside a number that is not null.</summary>
    private static readonly object There = new();

    private readonly (long Number, object? Value)[] _values = new (long, object?)[table.Columns.Length];

    /// <summary>The result's columns behind the table's own.</summary>
    public int Extra => _values.Length + 1;

    public NpgsqlDataReader Reader { get; } = reader;

    /// <summary>Takes the row at hand.</summary>
    /// <exception cref="DamageException">Its CRC does not match.</exception>
    public void Load()
    {
        var crc = RowCrc.Of(table.Name);
        for (var i = 0; i < _values.Length; i++) _values[i] = Read(i, ref crc);
        if (crc.Value != unchecked((uint)Reader.GetInt32(_values.Length)))
            throw new DamageException(table.Where(this), "its CRC does not match: the row is not what was written");
    }

    public long Long(int column) => _values[column].Number;

    public long? LongOrNull(int column) => _values[column] is { Value: not null, Number: var number } ? number : null;

    public int Int(int column) => (int)_values[column].Number;

    public bool Bool(int column) => _values[column].Number != 0;

    public string Text(int column) => (string)_values[column].Value!;

    public string? TextOrNull(int column) => (string?)_values[column].Value;

    public byte[] Bytes(int column) => (byte[])_values[column].Value!;

    public Guid Uuid(int column) => (Guid)_values[column].Value!;

    public DateTimeOffset Time(int column) => new(Long(column), TimeSpan.Zero);

    public StoredMessage Message(int kind) => new(Text(kind), Int(kind + 1), Bytes(kind + 2));

    public EntityAddress Address(int column) => EntityAddress.TryParse(Text(column), out var address)
        ? address
        : throw new DamageException(table.Where(this), $"\"{Text(column)}\" is not an entity's address");

    private (long, object?) Read(int column, ref RowCrc crc)
    {
        if (Reader.IsDBNull(column))
        {
            crc.AddNull();
            return default;
        }
        switch (table.Columns[column].Type)
        {
            case ColumnType.Int:
                var small = Reader.GetInt32(column);
                crc.Add(small);
                return (small, null);
            case ColumnType.Long or ColumnType.MaybeLong:
                var number = Reader.GetInt64(column);
                crc.Add(number);
                return (number, There);
            case ColumnType.Bool:
                var flag = Reader.GetBoolean(column) ? 1 : 0;
                crc.Add(flag);
                return (flag, null);
            case ColumnType.Text:
                var text = Reader.GetString(column);
                crc.Add(text);
                return (0, text);
            case ColumnType.Bytes:
                var bytes = Reader.GetFieldValue<byte[]>(column);
                crc.AddBlob(bytes);
                return (0, bytes);
            default:
                var uuid = Reader.GetGuid(column);
                crc.AddBlob(uuid.ToByteArray(bigEndian: true));
                return (0, uuid);
        }
    }
}
