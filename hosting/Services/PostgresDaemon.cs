namespace Athanor.Hosting.Services;

/// <summary>The development services' PostgreSQL, with a role and a database named <c>athanor</c>.</summary>
internal static class PostgresDaemon
{
    private const string Name = "athanor";

    public static async Task<ServiceStatus> Up(DevelopmentOptions options, CancellationToken cancellation)
    {
        var folder = await Folder(options, install: true, cancellation);
        if (Running(folder) is { Ready: true } running) return View(folder, running.Port, running.Mark.Id, "was running");
        await folder.Initialise(cancellation);
        if (Running(folder)?.Mark is not { } mark)
        {
            await folder.ClearRemains(options.Timeout / 4, options.Time, cancellation);
            mark = await DetachedProcess.Start(
                folder.Programs.User, folder.Log, folder.Command(options.PostgresPort, fsync: true, new Dictionary<string, string>()),
                new Dictionary<string, string>());
            mark.Write(MarkFile(folder));
        }
        var begin = options.Time.GetTimestamp();
        while (folder.PidFile() is not { Ready: true } file || file.ProcessId != mark.Id)
        {
            if (!mark.Alive || options.Time.GetElapsedTime(begin) > options.Timeout)
                throw new ServiceException($"PostgreSQL in {folder.Folder} did not start on port {options.PostgresPort}:\n{ServiceLog.Tail(folder.Log)}");
            await Task.Delay(TimeSpan.FromMilliseconds(30), options.Time, cancellation);
        }
        var port = folder.PidFile()!.Value.Port;
        await MakeDatabase(folder, port, cancellation);
        return View(folder, port, mark.Id, "started");
    }

    public static async Task<ServiceStatus> Down(DevelopmentOptions options)
    {
        if (!Directory.Exists(Place(options))) return DevelopmentServices.Never(DevelopmentServices.Postgres, Place(options), "was not running");
        var folder = await Folder(options, install: false, CancellationToken.None);
        if (Running(folder) is not { } running) return DevelopmentServices.Never(DevelopmentServices.Postgres, folder.Folder, "was not running");
        // Fast: ends sessions and writes a checkpoint. Immediate: as a crash, recovered at the next start.
        if (!await running.Mark.End(options.Timeout / 4, options.Time, "INT", "QUIT", "KILL"))
            throw new ServiceException($"PostgreSQL (process {running.Mark.Id}) does not end");
        return DevelopmentServices.Never(DevelopmentServices.Postgres, folder.Folder, "stopped");
    }

    public static async Task<ServiceStatus> Status(DevelopmentOptions options)
    {
        if (!Directory.Exists(Place(options))) return DevelopmentServices.Never(DevelopmentServices.Postgres, Place(options), "never started");
        PostgresFolder folder;
        try
        {
            folder = await Folder(options, install: false, CancellationToken.None);
        }
        catch (ServiceException e)
        {
            return DevelopmentServices.Never(DevelopmentServices.Postgres, Place(options), e.Message);
        }
        return Running(folder) is { Ready: true } running
            ? View(folder, running.Port, running.Mark.Id, "running")
            : DevelopmentServices.Never(DevelopmentServices.Postgres, folder.Folder, Running(folder) is null ? "not running" : "starting or stopping");
    }

    private static string Place(DevelopmentOptions options) => Path.Combine(Path.GetFullPath(options.Folder), DevelopmentServices.Postgres);

    private static string MarkFile(PostgresFolder folder) => Path.Combine(folder.Folder, "process");

    private static string RolePassword(PostgresFolder folder) => ServiceFolders.Password(Path.Combine(folder.Folder, "password-athanor"));

    private static async Task<PostgresFolder> Folder(DevelopmentOptions options, bool install, CancellationToken cancellation)
    {
        var programs = await PostgresPrograms.Find(install, cancellation);
        return new PostgresFolder(programs, ServiceFolders.Reachable(Place(options), programs.User is not null));
    }

    private static (ProcessMark Mark, int Port, bool Ready)? Running(PostgresFolder folder)
    {
        if (ProcessMark.Read(MarkFile(folder)) is not { Alive: true } mark) return null;
        return folder.PidFile() is { } file && file.ProcessId == mark.Id ? (mark, file.Port, file.Ready) : (mark, 0, false);
    }

    private static ServiceStatus View(PostgresFolder folder, int port, int id, string change) => new(
        DevelopmentServices.Postgres, true, change, folder.Folder, id, new Dictionary<string, int> { ["postgres"] = port },
        $"Host=127.0.0.1;Port={port};Username={Name};Password={RolePassword(folder)};Database={Name}");

    /// <summary>The role that nodes connect as is not the superuser: what it cannot do in production it cannot do here.</summary>
    private static async Task MakeDatabase(PostgresFolder folder, int port, CancellationToken cancellation)
    {
        var there = await folder.Sql(
            port, "postgres", $"select (select count(*) from pg_roles where rolname = '{Name}') || ',' || (select count(*) from pg_database where datname = '{Name}')",
            cancellation);
        if (!there.StartsWith('1')) await folder.Sql(port, "postgres", $"create role {Name} login password '{RolePassword(folder)}'", cancellation);
        if (!there.EndsWith('1')) await folder.Sql(port, "postgres", $"create database {Name} owner {Name}", cancellation);
    }
}
