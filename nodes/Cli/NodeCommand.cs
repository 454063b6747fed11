using System.CommandLine;
using Athanor.Hosting.Configuration;
using Athanor.Hosting.Runtime;
using Athanor.Nodes.Local;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Athanor.Nodes.Cli;

/// <summary><c>athanor node</c>: hosts the cluster with timers, slots, socket and gateway until it is told to stop.</summary>
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
        var command = Cli.Command(
            "node", "Hosts the cluster of a state directory: entities, timers, work on slots, the gateway; until Ctrl-C or SIGTERM.",
            "node", "node --state /var/lib/athanor --port 0");
        command.Options.Add(port);
        command.SetAction((parsed, cancellation) => Run(parsed, parsed.GetValue(port), cancellation));
        return command;
    }

    private static async Task<int> Run(ParseResult parsed, int? port, CancellationToken cancellation)
    {
        var options = ClusterConfiguration.Load(parsed.GetValue(Cli.Config)) with { StateDirectory = parsed.GetRequiredValue(Cli.State) };
        if (port is { } p) options = options with { Gateway = options.Gateway with { Port = p } };
        using var logs = Logs(options.Telemetry);
        var json = parsed.GetValue(Cli.Json);
        NodeHost host;
        try
        {
            host = await NodeHost.Start(options, EmbeddedRole.Full, gateway: true, logs, cancellation: cancellation);
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            Say(json, "stopped", "stopped before it was ready; nothing was begun.");
            return ExitCodes.Success;
        }
        await using (host)
        {
            var gateway = host.Gateway!.Info;
            if (json) Cli.PrintJson(new { listening = gateway.Url, gateway.CertificateSha256, socket = host.SocketPath, state = host.Cluster.Directory.Root });
            else
            {
                Console.Out.WriteLine($"athanor node: state in {host.Cluster.Directory.Root}");
                Console.Out.WriteLine($"  gateway  {gateway.Url} (certificate SHA-256 {gateway.CertificateSha256})");
                Console.Out.WriteLine($"  socket   {host.SocketPath}");
                Console.Out.WriteLine($"  slots    {host.Cluster.Health.Slots}; Ctrl-C drains and ends");
            }
            await Console.Out.FlushAsync(CancellationToken.None);
            try
            {
                await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, cancellation);
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
        builder.AddSimpleConsole(console =>
        {
            console.SingleLine = true;
            console.TimestampFormat = "yyyy-MM-ddTHH:mm:ss.fffZ ";
            console.UseUtcTimestamp = true;
        });
        builder.Services.Configure<Microsoft.Extensions.Logging.Console.ConsoleLoggerOptions>(o => o.LogToStandardErrorThreshold = LogLevel.Trace);
    });
}
