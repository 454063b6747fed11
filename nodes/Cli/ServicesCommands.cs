using System.CommandLine;
using Athanor.Hosting.Services;

namespace Athanor.Nodes.Cli;

/// <summary><c>athanor services up|down|status</c>: private servers for development, which outlive the command.</summary>
internal static class ServicesCommands
{
    private static readonly Option<string?> Only = new("--only")
    {
        Description = "One service alone: postgres or rabbitmq.",
        HelpName = "SERVICE",
        Recursive = true,
    };

    private static readonly Option<string?> Directory = new("--dir")
    {
        Description = "Folder of the services' data (default: $ATHANOR_SERVICES, else services beside the state directory).",
        HelpName = "DIR",
        Recursive = true,
    };

    private static readonly Option<int> PostgresPort = Port("--postgres-port", "PostgreSQL's port on 127.0.0.1.", 7432);
    private static readonly Option<int> AmqpPort = Port("--amqp-port", "RabbitMQ's AMQP port on 127.0.0.1.", 7672);
    private static readonly Option<int> MqttPort = Port("--mqtt-port", "RabbitMQ's MQTT port on 127.0.0.1.", 7883);

    public static Command Create()
    {
        Only.AcceptOnlyFromAmong([.. DevelopmentServices.Names]);
        var services = Cli.Command(
            "services", "A private PostgreSQL and RabbitMQ on loopback for development: own data folders, own ports.",
            "services up", "services up --only postgres", "services status", "services down");
        services.Options.Add(Only);
        services.Options.Add(Directory);
        var up = Cli.Command(
            "up", "Starts what does not run, installing Debian's packages if they are missing; never touches a system-wide server.",
            "services up", "services up --only postgres --postgres-port 7433");
        up.Options.Add(PostgresPort);
        up.Options.Add(AmqpPort);
        up.Options.Add(MqttPort);
        up.SetAction((parsed, cancellation) => Run(parsed, options => DevelopmentServices.Up(options, cancellation)));
        services.Subcommands.Add(up);
        var down = Cli.Command("down", "Ends what runs, in order; the data stay.", "services down");
        down.SetAction((parsed, cancellation) => Run(parsed, options => DevelopmentServices.Down(options, cancellation)));
        services.Subcommands.Add(down);
        var status = Cli.Command("status", "Shows what runs, where, and how to connect.", "services status --json");
        status.SetAction((parsed, _) => Run(parsed, DevelopmentServices.StatusOf));
        services.Subcommands.Add(status);
        return services;
    }

    private static async Task<int> Run(ParseResult parsed, Func<DevelopmentOptions, Task<IReadOnlyList<ServiceStatus>>> action)
    {
        var only = parsed.GetValue(Only);
        var options = new DevelopmentOptions(Folder(parsed))
        {
            PostgresPort = parsed.GetValue(PostgresPort),
            AmqpPort = parsed.GetValue(AmqpPort),
            MqttPort = parsed.GetValue(MqttPort),
            Services = only is null ? DevelopmentServices.Names : [only],
        };
        IReadOnlyList<ServiceStatus> all;
        try
        {
            all = await action(options);
        }
        catch (ServiceException e)
        {
            throw new UserException(e.Message, ExitCodes.Environment);
        }
        Print(parsed, options, all);
        return ExitCodes.Success;
    }

    private static void Print(ParseResult parsed, DevelopmentOptions options, IReadOnlyList<ServiceStatus> all)
    {
        var settings = DevelopmentServices.SettingsFile(options.Folder);
        if (parsed.GetValue(Cli.Json))
        {
            Cli.PrintJson(new { settings, services = all });
            return;
        }
        foreach (var service in all)
        {
            Console.Out.WriteLine($"{service.Name,-9} {service.Change}" + (service.Running ? $" (process {service.ProcessId})" : ""));
            if (!service.Running) continue;
            Console.Out.WriteLine($"          ports       {string.Join(", ", service.Ports.Select(p => $"{p.Key} 127.0.0.1:{p.Value}"))}");
            Console.Out.WriteLine($"          connection  {service.Connection}");
            Console.Out.WriteLine($"          data        {service.Folder}");
        }
        if (all.Any(s => s.Running)) Console.Out.WriteLine($"settings  include file(\"{settings}\")");
    }

    private static string Folder(ParseResult parsed)
    {
        if (parsed.GetValue(Directory) is { } given) return Path.GetFullPath(given);
        if (Environment.GetEnvironmentVariable("ATHANOR_SERVICES") is { Length: > 0 } set) return Path.GetFullPath(set);
        var state = Path.TrimEndingDirectorySeparator(Path.GetFullPath(parsed.GetRequiredValue(Cli.State)));
        return Path.Combine(Path.GetDirectoryName(state) ?? "/", "services");
    }

    private static Option<int> Port(string name, string description, int usual)
    {
        var option = new Option<int>(name) { Description = description, HelpName = "PORT", DefaultValueFactory = _ => usual };
        option.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int>() is < 1 or > 65535) result.AddError($"{name} is 1 to 65535");
        });
        return option;
    }
}
