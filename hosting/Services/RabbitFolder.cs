using System.Globalization;
using System.Text;

namespace Athanor.Hosting.Services;

/// <summary>TCP ports of a private broker, all on 127.0.0.1: AMQP, MQTT, and two that its own tools use.</summary>
internal readonly record struct RabbitPorts(int Amqp, int Mqtt, int Distribution, int Epmd)
{
    public static RabbitPorts Free(int amqp, int mqtt) => new(
        amqp != 0 ? amqp : ServiceFolders.FreePort(), mqtt != 0 ? mqtt : ServiceFolders.FreePort(),
        ServiceFolders.FreePort(), ServiceFolders.FreePort());
}

/// <summary>
/// One private broker's folder and how it is run. It has a node name, an Erlang cookie (a file that only its user reads) and a port mapper
/// (epmd) of its own, so that it neither sees nor disturbs another broker of the machine.
/// </summary>
internal sealed class RabbitFolder(string folder, string? user)
{
    public const string VirtualHost = "athanor";
    public const string Node = "athanor@localhost";
    private const string Programs = "/usr/lib/rabbitmq/bin";

    public string Folder { get; } = folder;

    public string? User { get; } = user;

    /// <summary>Owned by the broker's user: HOME, database, cookie, configuration.</summary>
    public string Data { get; } = Path.Combine(folder, "data");

    public string Log { get; } = Path.Combine(folder, "rabbitmq.log");

    public string[] Command { get; } = [Path.Combine(Programs, "rabbitmq-server")];

    public static string[] EpmdCommand(RabbitPorts ports) =>
        ["epmd", "-address", "127.0.0.1", "-port", ports.Epmd.ToString(CultureInfo.InvariantCulture)];

    public string Password() => ServiceFolders.Password(Path.Combine(Folder, "password"));

    public string Uri(RabbitPorts ports) => $"amqp://{VirtualHost}:{Password()}@127.0.0.1:{ports.Amqp}/{VirtualHost}";

    /// <summary>The broker's place, with its packages installed if <paramref name="install"/> says so.</summary>
    public static async Task<RabbitFolder> Prepare(string? wished, bool install, CancellationToken cancellation)
    {
        if (!File.Exists(Path.Combine(Programs, "rabbitmq-server")))
        {
            if (install) await ServicePackages.Ensure(ServicePackages.Rabbit, cancellation);
            if (!File.Exists(Path.Combine(Programs, "rabbitmq-server")))
                throw new ServiceException($"no RabbitMQ found in {Programs}; install Debian's rabbitmq-server");
        }
        var user = Environment.IsPrivilegedProcess ? "rabbitmq" : null;
        var place = wished is null ? ServiceFolders.Temporary("rabbitmq") : ServiceFolders.Reachable(wished, user is not null);
        return new RabbitFolder(place, user);
    }

    /// <summary>Writes configuration and users; what the broker has stored stays.</summary>
    public async Task Configure(RabbitPorts ports, IEnumerable<RabbitUser> users, CancellationToken cancellation)
    {
        var configuration = new StringBuilder()
            .AppendLine(CultureInfo.InvariantCulture, $"mqtt.listeners.tcp.1 = 127.0.0.1:{ports.Mqtt}")
            .AppendLine("mqtt.allow_anonymous = false")
            .AppendLine(CultureInfo.InvariantCulture, $"mqtt.vhost = {VirtualHost}")
            .AppendLine("mqtt.exchange = amq.topic")
            .AppendLine("mqtt.prefetch = 100")
            // A subscriber that stays away for so long loses its queue; a development machine must not fill up.
            .AppendLine("mqtt.subscription_ttl = 3600000")
            .AppendLine("cluster_partition_handling = pause_minority")
            .AppendLine("loopback_users.athanor = true")
            .AppendLine("log.console.level = info")
            .AppendLine(CultureInfo.InvariantCulture, $"load_definitions = {Path.Combine(Data, "definitions.json")}");
        await Write("rabbitmq.conf", configuration.ToString(), cancellation);
        await Write("plugins", "[rabbitmq_mqtt,rabbitmq_consistent_hash_exchange].\n", cancellation);
        await Write("definitions.json", RabbitDefinitions.Json(VirtualHost, users), cancellation);
        if (!File.Exists(Path.Combine(Data, ".erlang.cookie")))
            await Write(".erlang.cookie", ServiceFolders.Password(Path.Combine(Folder, "cookie")), cancellation, mode: "400");
    }

    public Dictionary<string, string> Variables(RabbitPorts ports) => new()
    {
        ["HOME"] = Data,
        ["LANG"] = "C.UTF-8",
        // Run the virtual machine itself, with no shell between it and its signals.
        ["RUNNING_UNDER_SYSTEMD"] = "true",
        ["RABBITMQ_CONF_ENV_FILE"] = "/dev/null",
        ["RABBITMQ_NODENAME"] = Node,
        ["RABBITMQ_NODE_PORT"] = ports.Amqp.ToString(CultureInfo.InvariantCulture),
        ["RABBITMQ_NODE_IP_ADDRESS"] = "127.0.0.1",
        ["RABBITMQ_DIST_PORT"] = ports.Distribution.ToString(CultureInfo.InvariantCulture),
        ["RABBITMQ_MNESIA_BASE"] = Path.Combine(Data, "mnesia"),
        ["RABBITMQ_LOG_BASE"] = Path.Combine(Data, "log"),
        ["RABBITMQ_LOGS"] = "-",
        ["RABBITMQ_ENABLED_PLUGINS_FILE"] = Path.Combine(Data, "plugins"),
        ["RABBITMQ_CONFIG_FILE"] = Path.Combine(Data, "rabbitmq.conf"),
        ["RABBITMQ_ADVANCED_CONFIG_FILE"] = Path.Combine(Data, "advanced.config"),
        ["RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS"] = "-kernel inet_dist_use_interface {127,0,0,1} +S 2:2 +sbwt none",
        ["ERL_EPMD_PORT"] = ports.Epmd.ToString(CultureInfo.InvariantCulture),
        ["ERL_EPMD_ADDRESS"] = "127.0.0.1",
        ["ERL_CRASH_DUMP_SECONDS"] = "0",
    };

    /// <summary>Runs rabbitmqctl against this broker.</summary>
    public async Task<string> Control(RabbitPorts ports, IReadOnlyList<string> arguments, CancellationToken cancellation)
    {
        var (program, all) = AsServer([Path.Combine(Programs, "rabbitmqctl"), "-q", "-n", Node, .. arguments]);
        var result = await ServiceTool.Run(program, all, Variables(ports), cancellation: cancellation);
        return result.Code == 0
            ? result.Output
            : throw new ServiceException($"rabbitmqctl {arguments[0]}: {(result.Error.Trim() is { Length: > 0 } e ? e : result.Output.Trim())}");
    }

    /// <summary>Adds users, or changes those of the same names.</summary>
    public async Task Import(RabbitPorts ports, IEnumerable<RabbitUser> users, CancellationToken cancellation)
    {
        await Write("import.json", RabbitDefinitions.Json(VirtualHost, users), cancellation);
        await Control(ports, ["import_definitions", Path.Combine(Data, "import.json")], cancellation);
    }

    /// <summary>Writes a file of the broker's user, which only that user can read.</summary>
    private async Task Write(string name, string text, CancellationToken cancellation, string mode = "600")
    {
        if (!Directory.Exists(Data))
        {
            string[] make = User is null ? ["-d", "-m", "700", Data] : ["-d", "-m", "700", "-o", User, "-g", User, Data];
            var made = await ServiceTool.Run("install", make, cancellation: cancellation);
            if (made.Code != 0) throw new ServiceException($"{Data} cannot be made: {made.Error.Trim()}");
        }
        const string Script = "umask 077; rm -f \"$1\"; cat >\"$1\" && chmod \"$2\" \"$1\"";
        var (program, arguments) = AsServer(["sh", "-c", Script, "write", Path.Combine(Data, name), mode]);
        var result = await ServiceTool.Run(program, arguments, input: text, cancellation: cancellation);
        if (result.Code != 0) throw new ServiceException($"{name} cannot be written in {Data}: {result.Error.Trim()}");
    }

    private (string Program, string[] Arguments) AsServer(string[] command) => User is null
        ? (command[0], command[1..])
        : ("setpriv", ["--reuid=" + User, "--regid=" + User, "--init-groups", "--", .. command]);
}
