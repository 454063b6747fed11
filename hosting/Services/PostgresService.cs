namespace Athanor.Hosting.Services;

/// <summary>
/// A private PostgreSQL on loopback for tests and tools: own data folder, own port, own password, run as user postgres when this process is
/// root. It ends with this process, however that ends, and a temporary folder goes with it. Never touches a system-wide server.
/// </summary>
public sealed class PostgresService : IAsyncDisposable
{
    private readonly PostgresFolder _folder;
    private readonly PostgresServiceOptions _options;
    private readonly bool _temporary;
    private TiedProcess? _server;

    private PostgresService(PostgresFolder folder, PostgresServiceOptions options, bool temporary)
    {
        (_folder, _options, _temporary) = (folder, options, temporary);
        Port = options.Port;
    }

    public int Port { get; private set; }

    public string Folder => _folder.Folder;

    /// <summary>Process id of the server, for kill -9 and SIGSTOP; 0 while it is stopped.</summary>
    public int ProcessId => _server is { Exited.IsCompleted: false } ? _server.ProcessId : 0;

    /// <summary>Installs the server's programs if there are none, for starts that happen where nothing can be installed.</summary>
    /// <exception cref="ServiceException">What is missing, and what to do.</exception>
    public static Task Install(CancellationToken cancellation = default) => PostgresPrograms.Find(install: true, cancellation);

    /// <summary>Makes the data folder if there is none and starts the server; back when it takes connections.</summary>
    /// <exception cref="ServiceException">With the log's last lines.</exception>
    public static async Task<PostgresService> Start(PostgresServiceOptions options, CancellationToken cancellation = default)
    {
        var programs = await PostgresPrograms.Find(options.Install, cancellation);
        var folder = new PostgresFolder(programs, Place(options, programs));
        var service = new PostgresService(folder, options, options.Folder is null);
        try
        {
            await folder.Initialise(cancellation);
            await service.Launch(cancellation);
            return service;
        }
        catch
        {
            await service.DisposeAsync();
            throw;
        }
    }

    /// <summary>A copy of this server that follows its log; <see cref="Promote"/> makes it a server of its own. Set
    /// <c>synchronous_standby_names</c> on this one to make it wait for the standby, whose name is <paramref name="name"/>.</summary>
    public async Task<PostgresService> StartStandby(PostgresServiceOptions options, string name = "standby", CancellationToken cancellation = default)
    {
        var folder = new PostgresFolder(_folder.Programs, Place(options, _folder.Programs));
        ServiceFolders.WriteSecret(folder.PasswordFile, _folder.Password() + "\n");
        var standby = new PostgresService(folder, options, options.Folder is null);
        try
        {
            await folder.MakeData(cancellation);
            var source = $"host=127.0.0.1 port={Port} user={PostgresFolder.User} application_name={name}";
            var (program, arguments) = folder.Programs.AsServer(
                folder.Programs.Program("pg_basebackup"), "-D", folder.Data, "-d", source, "-X", "stream", "-c", "fast", "-R", "--no-sync");
            var result = await ServiceTool.Run(
                program, arguments, new Dictionary<string, string> { ["PGPASSWORD"] = _folder.Password() }, cancellation: cancellation);
            if (result.Code != 0) throw new ServiceException($"pg_basebackup failed: {result.Error.Trim()}");
            await standby.Launch(cancellation);
            return standby;
        }
        catch
        {
            await standby.DisposeAsync();
            throw;
        }
    }

    /// <summary>Ends a standby's following: it takes writes from now on.</summary>
    public async Task Promote(CancellationToken cancellation = default)
    {
        var answer = await _folder.Sql(Port, "postgres", "select pg_promote(true, 60)", cancellation);
        if (answer != "t") throw new ServiceException($"the standby in {Folder} was not promoted");
    }

    /// <summary>For Npgsql, as the private server's superuser.</summary>
    public string ConnectionString(string database) => _folder.ConnectionString(Port, database);

    public Task CreateDatabase(string name, CancellationToken cancellation = default) =>
        Sql("postgres", $"create database \"{name.Replace("\"", "\"\"", StringComparison.Ordinal)}\"", cancellation);

    /// <summary>Runs SQL as superuser and gives its rows as psql prints them unaligned.</summary>
    public Task<string> Sql(string database, string sql, CancellationToken cancellation = default) =>
        _folder.Sql(Port, database, sql, cancellation);

    /// <summary>Ends the server: <paramref name="immediate"/> without a checkpoint, as a power cut would for what it holds in memory;
    /// otherwise connections are ended and all is flushed.</summary>
    public async Task Stop(bool immediate)
    {
        if (_server is not { } server) return;
        await server.End(immediate ? "QUIT" : "INT", _options.Timeout, _options.Time);
        _server = null;
    }

    /// <summary>Starts the stopped or killed server again on the same folder and port, or from now on another port.</summary>
    public async Task StartAgain(int? port = null)
    {
        await Stop(immediate: true);
        Port = port ?? Port;
        await Launch(CancellationToken.None);
    }

    /// <summary>Sends the server a signal by name: STOP makes it hang, CONT lets it go on, KILL ends it without a word.</summary>
    public Task Signal(string name) => _server?.Signal(name) ?? Task.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        await Stop(immediate: _temporary);
        if (_temporary && Directory.Exists(Folder)) Directory.Delete(Folder, recursive: true);
    }

    private static string Place(PostgresServiceOptions options, PostgresPrograms programs) => options.Folder is { } folder
        ? ServiceFolders.Reachable(folder, programs.User is not null)
        : ServiceFolders.Temporary("postgres");

    private async Task Launch(CancellationToken cancellation)
    {
        if (OperatingSystem.IsLinux()) await _folder.ClearRemains(_options.Timeout, _options.Time, cancellation);
        for (var attempt = 1; ; attempt++)
        {
            if (Port == 0) Port = ServiceFolders.FreePort();
            _server = await TiedProcess.Start(
                _folder.Programs.User, _folder.Log, _temporary ? Folder : null, "QUIT", _folder.Command(Port, _options.Fsync, _options.Settings),
                _options.Environment);
            if (await Ready(_server, cancellation)) return;
            var tail = _server.LogTail();
            await _server.DisposeAsync();
            _server = null;
            // Somebody may have taken the free port between its choice and its use.
            if (_options.Port == 0 && attempt < 4 && tail.Contains("Address already in use", StringComparison.Ordinal)) Port = 0;
            else throw new ServiceException($"PostgreSQL in {Folder} did not start on port {Port}:\n{tail}");
        }
    }

    private async Task<bool> Ready(TiedProcess server, CancellationToken cancellation)
    {
        var deadline = _options.Time.GetTimestamp();
        while (!server.Exited.IsCompleted)
        {
            if (_folder.PidFile() is { Ready: true } file && file.ProcessId == server.ProcessId) return true;
            if (_options.Time.GetElapsedTime(deadline) > _options.Timeout) return false;
            await Task.WhenAny(server.Exited, Task.Delay(TimeSpan.FromMilliseconds(20), _options.Time, cancellation));
            cancellation.ThrowIfCancellationRequested();
        }
        return false;
    }
}
