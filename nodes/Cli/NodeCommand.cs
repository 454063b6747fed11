using System.Collections.Immutable;
using System.CommandLine;
using Athanor.Hosting.Configuration;
using Athanor.Hosting.Runtime;
using Athanor.Nodes.Local;
using Athanor.Protocol;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;

namespace Athanor.Nodes.Cli;

/// <summary><c>athanor node</c>: hosts the cluster, or one node of many, with timers, slots, socket and gateway until it is told to stop: by a
/// signal, or by <c>athanor cluster drain</c>.</summary>
internal static class NodeCommand
{
    public static Command Create()
    {
        var port = new Option<int?>("--port")
        {
            Description = "The gateway's port, over that of the configuration; 0 takes a free one.",
            HelpName = "PORT",
        };
        port.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int?>() is < 0 or > 65535) result.AddError("--port is 0 to 65535");
        });
        var name = new Option<string?>("--name")
        {
            Description = "The node's name, over that of the configuration: unique in the cluster, the same after a restart.",
            HelpName = "NAME",
        };
        var roles = new Option<string?>("--roles")
        {
            Description = $"What the node does, over what the configuration says: {string.Join(", ", NodeRoles.All)}, with commas between.",
            HelpName = "ROLES",
        };
        var command = Cli.Command(
            "node", "Hosts the cluster of a state directory, or one node of a cluster on PostgreSQL: entities, timers, work on slots, the gateway; "
            + "until Ctrl-C or SIGTERM.",
            "node", "node --state /var/lib/athanor --port 0", "node --config deploy/dev/cluster.hocon --name a --roles shards,compute");
        var tied = new Option<bool>("--until-stdin-closes")
        {
            Description = "Drain and end when standard input closes, so that a node started by another program ends with it.",
        };
        foreach (var option in new Option[] { port, name, roles, tied }) command.Options.Add(option);
        command.SetAction(async (parsed, cancellation) =>
        {
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
            if (parsed.GetValue(tied)) _ = StopWhenInputCloses(stop);
            var options = Options(parsed, parsed.GetValue(port), parsed.GetValue(name), parsed.GetValue(roles));
            // A node that another program started is that program's.
            var remember = NodePlaces.IsCluster(options) && !parsed.GetValue(tied) ? parsed.GetValue(Cli.Config) : null;
            return await Run(parsed, options, remember, stop.Token);
        });
        return command;
    }

    private static async Task StopWhenInputCloses(CancellationTokenSource stop)
    {
        // The console's reader reads in the caller's thread, whatever its name says; the bare stream does not.
        await using var input = Console.OpenStandardInput();
        var buffer = new byte[256];
        while (await input.ReadAsync(buffer) > 0)
        {
            // What is said does not matter, only that somebody is there to say it.
        }
        try
        {
            await stop.CancelAsync();
        }
        catch (ObjectDisposedException)
        {
            // The node ended before its parent did.
        }
    }

    private static AthanorOptions Options(ParseResult parsed, int? port, string? name, string? roles)
    {
        var options = CliCluster.Options(parsed);
        if (port is { } p) options = options with { Gateway = options.Gateway with { Port = p } };
        if (name is not null) options = options with { Node = options.Node with { Name = name } };
        if (!EntityAddress.IsValidPart(options.Node.Name))
            throw new UserException($"--name '{name}': a node's name is 1 to {EntityAddress.MaxPartLength} letters, digits, '.', '_' and '-'");
        if (roles is not null)
        {
            var list = roles.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Distinct().ToImmutableArray();
            foreach (var role in list.Where(static role => !NodeRoles.All.Contains(role)))
                throw new UserException($"--roles: {NodeRoles.Problem(role)}");
            options = options with { Node = options.Node with { Roles = list } };
        }
        return NodePlaces.Of(options);
    }

    /// <param name="config">The file that <c>athanor cluster</c> goes by from now on where it is told none; null leaves that as it is.</param>
    private static async Task<int> Run(ParseResult parsed, AthanorOptions options, string? config, CancellationToken cancellation)
    {
        using var logs = Logs(options.Telemetry);
        var json = parsed.GetValue(Cli.Json);
        NodeHost host;
        try
        {
            host = await NodeHost.Start(options, EmbeddedRole.Full, options.Node.Roles.Contains(NodeRoles.Gateway), logs, cancellation: cancellation);
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            Say(json, "stopped", "stopped before it was ready; nothing was begun.");
            return ExitCodes.Success;
        }
        await using (host)
        {
            var gateway = host.Gateway?.Info;
            var roles = string.Join(", ", options.Node.Roles);
            if (json)
            {
                Cli.PrintJson(new
                {
                    name = options.Node.Name,
                    roles = options.Node.Roles,
                    listening = gateway?.Url,
                    gateway?.CertificateSha256,
                    address = host.Cluster.Address,
                    socket = host.SocketPath,
                    state = host.Cluster.Directory.Root,
                });
            }
            else
            {
                Console.Out.WriteLine($"athanor node {options.Node.Name} ({roles}): state in {host.Cluster.Directory.Root}");
                if (host.Cluster.Address != "") Console.Out.WriteLine($"  address  {host.Cluster.Address} for other nodes");
                if (gateway is not null) Console.Out.WriteLine($"  gateway  {gateway.Url} (certificate SHA-256 {gateway.CertificateSha256})");
                Console.Out.WriteLine($"  socket   {host.SocketPath}");
                Console.Out.WriteLine($"  slots    {host.Cluster.Health.Slots}; Ctrl-C drains and ends");
            }
            await Console.Out.FlushAsync(CancellationToken.None);
            if (config is not null) LastCluster.Remember(Directory.GetCurrentDirectory(), config);
            try
            {
                await host.Cluster.ToldToDrain.WaitAsync(cancellation);
                Say(json, "draining", "told to leave: slots give their work back, shards are handed over ...");
            }
            catch (OperationCanceledException)
            {
                Say(json, "draining", "draining: slots give their work back, commits finish ...");
            }
        }
        Say(json, "drained", "drained and ended; the next start goes on from here.");
        return ExitCodes.Success;
    }

    private static void Say(bool json, string word, string sentence)
    {
        if (json) Cli.PrintJson(new { status = word });
        else Console.Out.WriteLine($"athanor node: {sentence}");
        Console.Out.Flush();
    }

    /// <summary>The log goes to standard error, so that standard output can be read by programs.</summary>
    private static ILoggerFactory Logs(TelemetryOptions telemetry) => LoggerFactory.Create(builder =>
    {
        builder.SetMinimumLevel(Enum.TryParse<LogLevel>(telemetry.LogLevel, ignoreCase: true, out var level) ? level : LogLevel.Information);
        builder.Services.AddSingleton<ConsoleFormatter>(new LogLines(TimeProvider.System));
        builder.AddConsole(static console => console.FormatterName = LogLines.FormatterName);
        builder.Services.Configure<ConsoleLoggerOptions>(o => o.LogToStandardErrorThreshold = LogLevel.Trace);
    });
}
