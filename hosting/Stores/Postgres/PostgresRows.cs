using System.Collections;
using Athanor.Hosting.Stores.Integrity;
using Athanor.Protocol;

namespace Athanor.Hosting.Stores.Postgres;

/// <summary>Rows of one statement, column by column, as <c>unnest</c> takes them. A row is begun, its columns are added in order, and it is
/// ended. What is added up to a row's CRC is what <see cref="PostgresRow"/> reads.</summary>
internal sealed class PostgresRows
{
    private readonly IList[] _columns;
    private readonly string? _table;
    private RowCrc _crc;
    private int _at;

    /// <param name="table">Name that begins the CRC of each row; null for rows without one.</param>
    public PostgresRows(IReadOnlyList<PostgresColumn> columns, string? table)
    {
        _table = table;
        _columns = [.. columns.Select(static IList (column) => column.Type switch
        {
            ColumnType.Int => new List<int>(),
            ColumnType.Long => new List<long>(),
            ColumnType.MaybeLong => new List<long?>(),
            ColumnType.Bool => new List<bool>(),
            ColumnType.Text => new List<string?>(),
            ColumnType.Bytes => new List<ReadOnlyMemory<byte>>(),
            _ => new List<Guid>(),
        })];
    }

    /// <summary>One list for each column.</summary>
    public IReadOnlyList<IList> Columns => _columns;

    public int Count => _columns[0].Count;

    /// <summary>Begins a row. The first column, outside the CRC, is the shard of the part that the row belongs to.</summary>
    public PostgresRows Begin(int part)
    {
        _at = 0;
        ((List<int>)_columns[_at++]).Add(part);
        if (_table is not null) _crc = RowCrc.Of(_table);
        return this;
    }

    public PostgresRows Add(long value)
    {
        _crc.Add(value);
        switch (_columns[_at++])
        {
            case List<int> ints: ints.Add(checked((int)value)); break;
            case List<bool> flags: flags.Add(value != 0); break;
            case List<long> longs: longs.Add(value); break;
        }
        return this;
    }

    public PostgresRows Add(long? value)
    {
        if (value is { } known) _crc.Add(known);
        else _crc.AddNull();
        ((List<long?>)_columns[_at++]).Add(value);
        return this;
    }

    public PostgresRows Add(bool value) => Add(value ? 1 : 0);

    public PostgresRows Add(string? value)
    {
        if (value is null) _crc.AddNull();
        else _crc.Add(value);
        ((List<string?>)_columns[_at++]).Add(value);
        return this;
    }

    public PostgresRows Add(ReadOnlyMemory<byte> value)
    {
        _crc.AddBlob(value.Span);
        ((List<ReadOnlyMemory<byte>>)_columns[_at++]).Add(value);
        return this;
    }

    public PostgresRows Add(Guid value)
    {
        _crc.AddBlob(value.ToByteArray(bigEndian: true));
        ((List<Guid>)_columns[_at++]).Add(value);
        return this;
    }

    public PostgresRows Add(EntityAddress entity) => Add(entity.ToString());

    public PostgresRows Add(DateTimeOffset time) => Add(time.UtcTicks);

    public PostgresRows Add(in StoredMessage message) => Add(message.Kind).Add(message.Version).Add(message.Body);

    public PostgresRows AddCrc()
    {
        ((List<int>)_columns[_at++]).Add(unchecked((int)_crc.Value));
        return this;
    }
}
