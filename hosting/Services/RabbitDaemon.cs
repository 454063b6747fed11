using System.Globalization;

namespace Athanor.Hosting.Services;

/// <summary>The development services' RabbitMQ with its port mapper.</summary>
internal static class RabbitDaemon
{
    public static async Task<ServiceStatus> Up(DevelopmentOptions options, CancellationToken cancellation)
    {
        var folder = await RabbitFolder.Prepare(Place(options), install: true, cancellation);
        if (Broker(folder) is { Alive: true } running && ReadPorts(folder) is { } known) return View(folder, known, running.Id, "was running");
        var ports = RabbitPorts.Free(options.AmqpPort, options.MqttPort);
        foreach (var port in (int[])[ports.Amqp, ports.Mqtt])
        {
            if (ServiceFolders.IsTaken(port)) throw new ServiceException($"port {port} is taken by another program; RabbitMQ needs it");
        }
        if (Mapper(folder) is { Alive: true } old) await old.End(options.Timeout / 8, options.Time, "KILL");
        WritePorts(folder, ports);
        await folder.Configure(ports, [RabbitUser.All(RabbitFolder.VirtualHost, folder.Password())], cancellation);
        var variables = folder.Variables(ports);
        (await DetachedProcess.Start(folder.User, folder.Log, RabbitFolder.EpmdCommand(ports), variables)).Write(MapperFile(folder));
        var from = File.Exists(folder.Log) ? new FileInfo(folder.Log).Length : 0;
        var mark = await DetachedProcess.Start(folder.User, folder.Log, folder.Command, variables);
        mark.Write(BrokerFile(folder));
        using var ended = new CancellationTokenSource();
        var exited = Ended(mark, options.Time, ended.Token);
        var started = await RabbitLog.Started(folder.Log, from, exited, options.Timeout, options.Time, cancellation);
        await ended.CancelAsync();
        if (!started) throw new ServiceException($"RabbitMQ in {folder.Folder} did not start:\n{ServiceLog.Tail(folder.Log)}");
        return View(folder, ports, mark.Id, "started");
    }

    public static async Task<ServiceStatus> Down(DevelopmentOptions options)
    {
        if (!Directory.Exists(Place(options))) return DevelopmentServices.Never(DevelopmentServices.Rabbit, Place(options), "was not running");
        var folder = await RabbitFolder.Prepare(Place(options), install: false, CancellationToken.None);
        var change = "was not running";
        if (Broker(folder) is { Alive: true } running)
        {
            if (!await running.End(options.Timeout / 4, options.Time, "TERM", "KILL"))
                throw new ServiceException($"RabbitMQ (process {running.Id}) does not end");
            change = "stopped";
        }
        if (Mapper(folder) is { Alive: true } mapper) await mapper.End(options.Timeout / 8, options.Time, "KILL");
        return DevelopmentServices.Never(DevelopmentServices.Rabbit, folder.Folder, change);
    }

    public static async Task<ServiceStatus> Status(DevelopmentOptions options)
    {
        if (!Directory.Exists(Place(options))) return DevelopmentServices.Never(DevelopmentServices.Rabbit, Place(options), "never started");
        RabbitFolder folder;
        try
        {
            folder = await RabbitFolder.Prepare(Place(options), install: false, CancellationToken.None);
        }
        catch (ServiceException e)
        {
            return DevelopmentServices.Never(DevelopmentServices.Rabbit, Place(options), e.Message);
        }
        return Broker(folder) is { Alive: true } running && ReadPorts(folder) is { } ports
            ? View(folder, ports, running.Id, "running")
            : DevelopmentServices.Never(DevelopmentServices.Rabbit, folder.Folder, "not running");
    }

    private static string Place(DevelopmentOptions options) => Path.Combine(Path.GetFullPath(options.Folder), DevelopmentServices.Rabbit);

    private static string BrokerFile(RabbitFolder folder) => Path.Combine(folder.Folder, "process");

    private static string MapperFile(RabbitFolder folder) => Path.Combine(folder.Folder, "process-epmd");

    private static string PortsFile(RabbitFolder folder) => Path.Combine(folder.Folder, "ports");

    private static ProcessMark? Broker(RabbitFolder folder) => ProcessMark.Read(BrokerFile(folder));

    private static ProcessMark? Mapper(RabbitFolder folder) => ProcessMark.Read(MapperFile(folder));

    private static void WritePorts(RabbitFolder folder, RabbitPorts p) =>
        File.WriteAllText(PortsFile(folder), FormattableString.Invariant($"{p.Amqp} {p.Mqtt} {p.Distribution} {p.Epmd}\n"));

    private static RabbitPorts? ReadPorts(RabbitFolder folder)
    {
        if (!File.Exists(PortsFile(folder))) return null;
        var p = File.ReadAllText(PortsFile(folder)).Split(' ').Select(t => int.Parse(t, CultureInfo.InvariantCulture)).ToArray();
        return new RabbitPorts(p[0], p[1], p[2], p[3]);
    }

    private static async Task Ended(ProcessMark mark, TimeProvider time, CancellationToken enough)
    {
        while (mark.Alive && !enough.IsCancellationRequested)
            await Task.Delay(TimeSpan.FromMilliseconds(100), time, enough).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private static ServiceStatus View(RabbitFolder folder, RabbitPorts ports, int id, string change) => new(
        DevelopmentServices.Rabbit, true, change, folder.Folder, id, new Dictionary<string, int> { ["amqp"] = ports.Amqp, ["mqtt"] = ports.Mqtt },
        folder.Uri(ports));
}
