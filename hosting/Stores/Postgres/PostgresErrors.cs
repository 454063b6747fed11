using System.Net.Sockets;
using Npgsql;

namespace Athanor.Hosting.Stores.Postgres;

/// <summary>The server refused, and said so: nothing of it was done.</summary>
internal sealed class PostgresRefusal(string state, string message, Exception inner) : StoreException(message, inner)
{
    /// <summary>The SQLSTATE.</summary>
    public string State { get; } = state;

    /// <summary>The statement waited for a row longer than it may.</summary>
    public bool IsLockTimeout => State == PostgresErrorCodes.LockNotAvailable;

    /// <summary>It may go well if it is simply done again: a deadlock or a serialization failure.</summary>
    public bool IsTransient => State is PostgresErrorCodes.DeadlockDetected or PostgresErrorCodes.SerializationFailure;
}

/// <summary>What the server's and the driver's errors mean to an operator. No message contains a connection string or a row's
/// contents.</summary>
internal static class PostgresErrors
{
    /// <param name="target">user@host:port/database.</param>
    public static StoreException Make(string target, Exception error, string doing) => error switch
    {
        StoreException known => known,
        PostgresException { SqlState: PostgresErrorCodes.DataCorrupted or PostgresErrorCodes.IndexCorrupted } damaged => new DamageException(
            target, $"{damaged.MessageText} (SQLSTATE {damaged.SqlState}, while {doing}); 'athanor journal verify' lists the damage"),
        PostgresException refused => new PostgresRefusal(
            refused.SqlState, $"{target}: {Advice(refused.SqlState)} ({refused.MessageText}, SQLSTATE {refused.SqlState}, while {doing})", refused),
        TimeoutException or { InnerException: TimeoutException } =>
            new StoreException($"{target}: no answer in time, and the connection was dropped (while {doing})", error),
        { InnerException: SocketException socket } =>
            new StoreException($"{target}: cannot be reached: {socket.Message} (while {doing})", error),
        _ => new StoreException($"{target}: the connection failed: {Innermost(error).Message} (while {doing})", error),
    };

    /// <summary>Whether a statement that was sent has certainly had no effect: the server says so and goes on. An error that also ends the
    /// session says nothing of a commit under way, which may wait for a standby when its session is ended.</summary>
    public static bool IsCertain(Exception error) =>
        error is PostgresException { Severity: not ("FATAL" or "PANIC") } refused && !refused.SqlState.StartsWith("57P0", StringComparison.Ordinal)
        && !refused.SqlState.StartsWith("08", StringComparison.Ordinal);

    private static Exception Innermost(Exception error)
    {
        while (error.InnerException is { } inner) error = inner;
        return error;
    }

    private static string Advice(string state) => state switch
    {
        PostgresErrorCodes.QueryCanceled => "it took longer than the statement time-out, and nothing of it was done",
        PostgresErrorCodes.LockNotAvailable => "another session holds a row locked for too long; nothing of this was done",
        PostgresErrorCodes.ReadOnlySqlTransaction =>
            "it takes no writes now (read-only, or a standby); nothing of this was done, and the store goes on once it does",
        PostgresErrorCodes.DiskFull => "no space is left; nothing of this was committed, and the store goes on once there is space again",
        PostgresErrorCodes.TooManyConnections =>
            "it has no connection left; raise max_connections or lower store.postgres.writers and readers",
        PostgresErrorCodes.InvalidPassword or PostgresErrorCodes.InvalidAuthorizationSpecification =>
            "it refused the user or the password; look at store.postgres.connection, password-file and the server's pg_hba.conf",
        PostgresErrorCodes.InvalidCatalogName => "there is no such database; make it, or name another in store.postgres.connection",
        PostgresErrorCodes.UndefinedTable or PostgresErrorCodes.UndefinedColumn or PostgresErrorCodes.UndefinedFunction
            or PostgresErrorCodes.InvalidSchemaName => "its schema is not what this program needs; run 'athanor journal migrate'",
        PostgresErrorCodes.InsufficientPrivilege =>
            "this user lacks a right; deploy/postgres/roles.sql makes the roles, and 'athanor journal migrate' gives them their rights",
        PostgresErrorCodes.UniqueViolation => "a row of that identity is there already; nothing of this was committed",
        PostgresErrorCodes.DeadlockDetected or PostgresErrorCodes.SerializationFailure => "it gave way to another session",
        _ when state.StartsWith("57P0", StringComparison.Ordinal) => "the server ended the session or is starting or stopping",
        _ => "nothing of this was done",
    };
}
