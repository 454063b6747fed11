using System.Globalization;

namespace Athanor.Hosting.Services;

/// <summary>
/// One private server's folder: <c>data/</c> (owned by the server's user), <c>password</c> and <c>postgres.log</c>. Knows how to make it,
/// which command line runs it, and what its pid file says.
/// </summary>
internal sealed class PostgresFolder(PostgresPrograms programs, string folder)
{
    public const string User = "postgres";

    public PostgresPrograms Programs { get; } = programs;

    public string Folder { get; } = folder;

    public string Data { get; } = Path.Combine(folder, "data");

    public string Log { get; } = Path.Combine(folder, "postgres.log");

    public string PasswordFile { get; } = Path.Combine(folder, "password");

    public bool Initialised => File.Exists(Path.Combine(Data, "PG_VERSION"));

    public string Password() => ServiceFolders.Password(PasswordFile);

    public string ConnectionString(int port, string database) =>
        $"Host=127.0.0.1;Port={port};Username={User};Password={Password()};Database={database}";

    /// <summary>Makes the data folder with scram authentication, also on loopback: whoever may connect as superuser may run programs as
    /// the server's user.</summary>
    public async Task Initialise(CancellationToken cancellation)
    {
        if (Initialised) return;
        // initdb reads the password from a file of the server's user; what an interrupted one left is made again.
        const string Script = """
            set -eu
            umask 077
            file=$(mktemp)
            trap 'rm -f "$file"' EXIT
            cat >"$file"
            find "$2" -mindepth 1 -delete
            "$1" -D "$2" -U postgres --pwfile="$file" -A scram-sha-256 -E UTF8 --locale=C --no-sync --no-instructions
            """;
        await MakeData(cancellation);
        var (program, arguments) = Programs.AsServer("sh", "-c", Script, "initdb", Programs.Program("initdb"), Data);
        var result = await ServiceTool.Run(program, arguments, input: Password() + "\n", cancellation: cancellation);
        if (result.Code != 0) throw new ServiceException($"initdb in {Data} failed: {result.Error.Trim()}");
    }

    /// <summary>An empty data folder that belongs to the server's user.</summary>
    public async Task MakeData(CancellationToken cancellation)
    {
        string[] arguments = Programs.User is { } user ? ["-d", "-m", "700", "-o", user, "-g", user, Data] : ["-d", "-m", "700", Data];
        var result = await ServiceTool.Run("install", arguments, cancellation: cancellation);
        if (result.Code != 0) throw new ServiceException($"{Data} cannot be made: {result.Error.Trim()}");
    }

    /// <summary>The server's command line. It listens on 127.0.0.1 and on a socket in its own folder, nowhere else.</summary>
    public string[] Command(int port, bool fsync, IReadOnlyDictionary<string, string> settings)
    {
        var all = new SortedDictionary<string, string>(StringComparer.Ordinal)
        {
            ["listen_addresses"] = "127.0.0.1",
            ["port"] = port.ToString(CultureInfo.InvariantCulture),
            // The kernel's limit for the path of a socket is 107 bytes.
            ["unix_socket_directories"] = Data.Length < 85 ? Data : "",
            ["fsync"] = fsync ? "on" : "off",
            ["max_connections"] = "200",
            ["logging_collector"] = "off",
            ["cluster_name"] = "athanor",
        };
        foreach (var (name, value) in settings) all[name] = value;
        return [Programs.Program("postgres"), "-D", Data, .. all.SelectMany(s => (string[])["-c", $"{s.Key}={s.Value}"])];
    }

    /// <summary>What the pid file says: process id, port, and whether it takes connections. Null without a file.</summary>
    public (int ProcessId, int Port, bool Ready)? PidFile()
    {
        try
        {
            var lines = File.ReadAllLines(Path.Combine(Data, "postmaster.pid"));
            if (lines.Length < 1 || !int.TryParse(lines[0], out var id)) return null;
            var port = lines.Length > 3 && int.TryParse(lines[3], out var p) ? p : 0;
            return (id, port, lines.Length > 7 && lines[7].Trim() is "ready" or "standby");
        }
        catch (IOException)
        {
            return null;
        }
    }

    /// <summary>
    /// After a server's end without a word: waits until the last of its processes, which work in the data folder, is gone (a new server
    /// refuses while one is attached to the shared memory), and removes its lock files, which may name a process that nobody reaped.
    /// </summary>
    public async Task ClearRemains(TimeSpan timeout, TimeProvider time, CancellationToken cancellation)
    {
        var begin = time.GetTimestamp();
        while (ProcessMark.Working(Data))
        {
            if (time.GetElapsedTime(begin) > timeout) throw new ServiceException($"a process of an earlier server still works in {Data}");
            await Task.Delay(TimeSpan.FromMilliseconds(20), time, cancellation);
        }
        foreach (var file in (string[])[Path.Combine(Data, "postmaster.pid"), .. Directory.GetFiles(Data, ".s.PGSQL.*.lock")]) File.Delete(file);
    }

    /// <summary>Runs SQL with psql in a database.</summary>
    public async Task<string> Sql(int port, string database, string sql, CancellationToken cancellation)
    {
        var result = await ServiceTool.Run(
            Programs.Program("psql"), ["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", port.ToString(CultureInfo.InvariantCulture),
            "-U", User, "-d", database, "-c", sql],
            new Dictionary<string, string> { ["PGPASSWORD"] = Password() }, cancellation: cancellation);
        return result.Code == 0 ? result.Output.Trim() : throw new ServiceException($"psql: {result.Error.Trim()}");
    }
}
