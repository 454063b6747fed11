namespace Athanor.Hosting.Stores.Sqlite;

/// <summary>A table whose every row ends with the CRC of its other columns, and the texts of the statements on it.</summary>
internal sealed class SqliteTable
{
    private readonly Func<SqliteStatement, string> _describe;

    /// <param name="columns">Column definitions in the order in which rows are bound, read and added up; the CRC comes after them.</param>
    /// <param name="constraint">Table constraints, beginning with a comma, e.g. <c>, PRIMARY KEY(a, b)</c>.</param>
    /// <param name="since">The first version of the schema that has it.</param>
    /// <param name="describe">Entity and number of the row at hand, for messages; must bear columns of any type.</param>
    public SqliteTable(
        string name, string[] columns, Func<SqliteStatement, string> describe, string constraint = "", bool withoutRowid = false,
        int since = 1, params string[] indexes)
    {
        Name = name;
        _describe = describe;
        var names = string.Join(", ", columns.Select(c => c.Split(' ')[0]).Append("crc"));
        var places = string.Join(", ", Enumerable.Repeat("?", columns.Length + 1));
        Select = $"SELECT {names} FROM {name}";
        Insert = new SqliteText($"INSERT INTO {name}({names}) VALUES({places})");
        Put = new SqliteText($"INSERT OR REPLACE INTO {name}({names}) VALUES({places})");
        Ddl =
        [
            $"CREATE TABLE {name}({string.Join(", ", columns)}, crc INTEGER NOT NULL{constraint})" + (withoutRowid ? " WITHOUT ROWID" : ""),
            .. indexes,
        ];
        Key = columns[0].Split(' ')[0];
        HasRowid = !withoutRowid;
        Since = since;
    }

    public string Name { get; }

    /// <summary>The first version of the schema that has it.</summary>
    public int Since { get; }

    /// <summary>The statements that make the table and its indexes.</summary>
    public IReadOnlyList<string> Ddl { get; }

    /// <summary><c>SELECT all columns FROM table</c>.</summary>
    public string Select { get; }

    public SqliteText Insert { get; }

    /// <summary>Inserts a row or replaces the one of the same identity.</summary>
    public SqliteText Put { get; }

    /// <summary>The first column; rows lie in its order.</summary>
    public string Key { get; }

    public bool HasRowid { get; }

    /// <summary>Table, entity and number of the row at hand.</summary>
    public string Where(SqliteStatement row) => $"{Name}, {_describe(row)}";

    /// <exception cref="DamageException">The CRC of the row at hand does not match.</exception>
    public void Check(SqliteStatement row)
    {
        if (!row.CrcHolds(Name)) throw new DamageException(Where(row), "its CRC does not match: the row is not what was written");
    }
}
