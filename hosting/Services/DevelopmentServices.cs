using System.Text;

namespace Athanor.Hosting.Services;

/// <summary>What is known of one development service.</summary>
/// <param name="Change">What the call did: <c>started</c>, <c>was running</c>, <c>stopped</c>, <c>was not running</c>.</param>
/// <param name="Connection">For Npgsql, or an amqp:// address; empty for a service that was never started.</param>
public sealed record ServiceStatus(
    string Name, bool Running, string Change, string Folder, int ProcessId, IReadOnlyDictionary<string, int> Ports, string Connection);

/// <summary>Where the development services lie and listen. Ports as <c>deploy/dev/cluster.hocon</c> has them.</summary>
public sealed record DevelopmentOptions(string Folder)
{
    public int PostgresPort { get; init; } = 7432;

    public int AmqpPort { get; init; } = 7672;

    public int MqttPort { get; init; } = 7883;

    /// <summary>postgres, rabbitmq or both.</summary>
    public IReadOnlyList<string> Services { get; init; } = DevelopmentServices.Names;

    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(120);

    public TimeProvider Time { get; init; } = TimeProvider.System;
}

/// <summary>
/// <c>athanor services up|down|status</c>: private servers that outlive the command and its terminal.
///
/// Each service has a folder with its data, its password, its log and its process's id and start time. Up starts what does not run and
/// waits until it takes connections; what runs stays as it is, so a second up changes nothing; after a crash it starts on the same data.
/// Down ends the broker first, then the database, each in order, and by force only after a time-out. A file lock in the folder keeps two
/// commands apart. A system-wide server is never touched: another node name, other ports, another folder.
/// </summary>
public static class DevelopmentServices
{
    public const string Postgres = "postgres";
    public const string Rabbit = "rabbitmq";

    public static readonly IReadOnlyList<string> Names = [Postgres, Rabbit];

    /// <summary>Starts what does not run; back when all take connections. Writes <c>services.hocon</c>, which a configuration can
    /// include.</summary>
    /// <exception cref="ServiceException">What failed, with the log's last lines.</exception>
    public static async Task<IReadOnlyList<ServiceStatus>> Up(DevelopmentOptions options, CancellationToken cancellation = default)
    {
        using var held = await Lock(options, cancellation);
        var all = new List<ServiceStatus>();
        if (options.Services.Contains(Postgres)) all.Add(await PostgresDaemon.Up(options, cancellation));
        if (options.Services.Contains(Rabbit)) all.Add(await RabbitDaemon.Up(options, cancellation));
        WriteSettings(options, await StatusOf(options with { Services = Names }));
        return all;
    }

    /// <summary>Ends what runs: the broker first, whose consumers write into the database.</summary>
    public static async Task<IReadOnlyList<ServiceStatus>> Down(DevelopmentOptions options, CancellationToken cancellation = default)
    {
        if (!Directory.Exists(options.Folder)) return await StatusOf(options);
        using var held = await Lock(options, cancellation);
        var all = new List<ServiceStatus>();
        if (options.Services.Contains(Rabbit)) all.Add(await RabbitDaemon.Down(options));
        if (options.Services.Contains(Postgres)) all.Add(await PostgresDaemon.Down(options));
        return all;
    }

    public static async Task<IReadOnlyList<ServiceStatus>> StatusOf(DevelopmentOptions options)
    {
        var all = new List<ServiceStatus>();
        if (options.Services.Contains(Postgres)) all.Add(await PostgresDaemon.Status(options));
        if (options.Services.Contains(Rabbit)) all.Add(await RabbitDaemon.Status(options));
        return all;
    }

    /// <summary>The settings file of a services folder.</summary>
    public static string SettingsFile(string folder) => Path.Combine(Path.GetFullPath(folder), "services.hocon");

    internal static ServiceStatus Never(string name, string folder, string change) =>
        new(name, false, change, folder, 0, new Dictionary<string, int>(), "");

    private static void WriteSettings(DevelopmentOptions options, IReadOnlyList<ServiceStatus> all)
    {
        var text = new StringBuilder("# Written by athanor services up. Holds passwords: readable by its owner only.\n");
        foreach (var service in all.Where(s => s.Connection != ""))
        {
            text.Append(service.Name == Postgres ? "athanor.store.postgres.connection" : "athanor.ingest.broker")
                .Append(" = \"").Append(service.Connection).Append("\"\n");
        }
        var file = SettingsFile(options.Folder);
        File.Delete(file);
        ServiceFolders.WriteSecret(file, text.ToString());
    }

    private static async Task<FileStream> Lock(DevelopmentOptions options, CancellationToken cancellation)
    {
        Directory.CreateDirectory(options.Folder);
        var begin = options.Time.GetTimestamp();
        while (true)
        {
            try
            {
                return new FileStream(Path.Combine(options.Folder, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException) when (options.Time.GetElapsedTime(begin) < options.Timeout)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(100), options.Time, cancellation);
            }
            catch (IOException e)
            {
                throw new ServiceException($"another command works on {options.Folder} ({e.Message})");
            }
        }
    }
}
