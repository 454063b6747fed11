using System.Text;
using Athanor.Hosting.Stores.Integrity;
using SQLitePCL;

namespace Athanor.Hosting.Stores.Sqlite;

/// <summary>A prepared statement: values are bound in order, then it is stepped, then disposed, which only resets it for its next use.
/// What is bound is added up, so that a row's CRC can be bound last (<see cref="Row"/>, <see cref="BindCrc"/>).</summary>
internal sealed class SqliteStatement(SqliteConnection connection, sqlite3_stmt statement, string sql) : IDisposable
{
    private readonly byte[] _text = new byte[1024];
    private RowCrc _crc;
    private int _bound;

    /// <summary>Begins a use: the next value bound is the first.</summary>
    public SqliteStatement Begin()
    {
        _bound = 0;
        return this;
    }

    /// <summary>Says that what is bound from here on is a row of this table.</summary>
    public SqliteStatement Row(string table)
    {
        _crc = RowCrc.Of(table);
        return this;
    }

    public SqliteStatement Bind(long value)
    {
        _crc.Add(value);
        Check(raw.sqlite3_bind_int64(statement, ++_bound, value));
        return this;
    }

    public SqliteStatement Bind(string? value)
    {
        if (value is null)
        {
            _crc.AddNull();
            Check(raw.sqlite3_bind_null(statement, ++_bound));
            return this;
        }

        var most = Encoding.UTF8.GetMaxByteCount(value.Length);
        var utf8 = most <= _text.Length ? _text : new byte[most];
        var text = utf8.AsSpan(0, Encoding.UTF8.GetBytes(value, utf8));
        _crc.AddText(text);
        // An empty span has no address, and SQLite would bind NULL for it.
        Check(text.IsEmpty ? raw.sqlite3_bind_text(statement, ++_bound, "") : raw.sqlite3_bind_text(statement, ++_bound, text));
        return this;
    }

    public SqliteStatement Bind(ReadOnlySpan<byte> value)
    {
        _crc.AddBlob(value);
        Check(value.IsEmpty ? raw.sqlite3_bind_zeroblob(statement, ++_bound, 0) : raw.sqlite3_bind_blob(statement, ++_bound, value));
        return this;
    }

    public SqliteStatement BindCrc() => Bind(_crc.Value);

    /// <summary>Goes to the next row.</summary>
    /// <returns>False at the end.</returns>
    public bool Step() => raw.sqlite3_step(statement) switch
    {
        raw.SQLITE_ROW => true,
        raw.SQLITE_DONE => false,
        var code => throw connection.Error(code, $"running \"{sql}\""),
    };

    /// <summary>Runs to the end and resets.</summary>
    public void Run()
    {
        try
        {
            while (Step())
            {
            }
        }
        finally
        {
            Dispose();
        }
    }

    public bool IsNull(int column) => raw.sqlite3_column_type(statement, column) == raw.SQLITE_NULL;

    public long Long(int column) => raw.sqlite3_column_int64(statement, column);

    public int Int(int column) => checked((int)raw.sqlite3_column_int64(statement, column));

    public string Text(int column) => Encoding.UTF8.GetString(raw.sqlite3_column_blob(statement, column));

    public string? TextOrNull(int column) => IsNull(column) ? null : Text(column);

    public byte[] Blob(int column) => raw.sqlite3_column_blob(statement, column).ToArray();

    /// <summary>Whether the last column is the CRC of the columns before it, as bytes lie in the database now.</summary>
    public bool CrcHolds(string table)
    {
        var crc = RowCrc.Of(table);
        var last = raw.sqlite3_column_count(statement) - 1;
        for (var i = 0; i < last; i++)
        {
            switch (raw.sqlite3_column_type(statement, i))
            {
                case raw.SQLITE_INTEGER:
                    crc.Add(raw.sqlite3_column_int64(statement, i));
                    break;
                case raw.SQLITE_TEXT:
                    crc.AddText(raw.sqlite3_column_blob(statement, i));
                    break;
                case raw.SQLITE_BLOB:
                    crc.AddBlob(raw.sqlite3_column_blob(statement, i));
                    break;
                case raw.SQLITE_NULL:
                    crc.AddNull();
                    break;
                default:
                    return false; // We write no floating-point columns.
            }
        }
        return raw.sqlite3_column_type(statement, last) == raw.SQLITE_INTEGER && raw.sqlite3_column_int64(statement, last) == crc.Value;
    }

    public void Dispose()
    {
        // The code is that of the last step, which has been thrown already.
        _ = raw.sqlite3_reset(statement);
    }

    public void Finish() => statement.Dispose();

    private void Check(int code)
    {
        if (code != raw.SQLITE_OK) throw connection.Error(code, $"binding value {_bound} of \"{sql}\"");
    }
}
