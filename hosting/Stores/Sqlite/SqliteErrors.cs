using SQLitePCL;

namespace Athanor.Hosting.Stores.Sqlite;

/// <summary>SQLite refused, for a reason that is not damage.</summary>
internal sealed class SqliteException(int code, string message) : StoreException(message)
{
    /// <summary>SQLite's extended result code.</summary>
    public int Code { get; } = code;

    public bool IsInputOutput => (Code & 0xff) == raw.SQLITE_IOERR;
}

/// <summary>What SQLite's result codes mean to an operator.</summary>
internal static class SqliteErrors
{
    public static bool IsDamage(int code) => (code & 0xff) is raw.SQLITE_CORRUPT or raw.SQLITE_NOTADB or raw.SQLITE_FORMAT;

    /// <param name="code">Extended result code.</param>
    /// <param name="said">SQLite's own words.</param>
    public static StoreException Make(string path, int code, string said, string doing)
    {
        var file = Path.GetFileName(path);
        if (IsDamage(code))
            return new DamageException(file, $"{said} (SQLite code {code}, while {doing}); 'athanor journal verify' lists the damage");
        var advice = (code & 0xff) switch
        {
            raw.SQLITE_FULL => "no space is left; nothing of this was committed, and the store goes on once there is space again",
            raw.SQLITE_READONLY => "it cannot be written; give this user write access to the file and its directory",
            raw.SQLITE_PERM or raw.SQLITE_AUTH => "access was refused; give this user access to the file and its directory",
            raw.SQLITE_CANTOPEN => "it cannot be opened; the directory must exist and this user must have access to it",
            raw.SQLITE_BUSY or raw.SQLITE_LOCKED => "another process keeps it locked; end that process and try again",
            raw.SQLITE_CONSTRAINT => "a row of that identity is there already; nothing of this was committed",
            raw.SQLITE_IOERR => "the system could not read or write it; look at the disk",
            _ => "nothing of this was committed",
        };
        return new SqliteException(code, $"{path}: {advice} ({said}, SQLite code {code}, while {doing})");
    }
}
