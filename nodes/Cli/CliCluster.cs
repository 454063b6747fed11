using System.CommandLine;
using Athanor.Hosting.Configuration;
using Athanor.Hosting.Runtime;
using Athanor.Hosting.Stores;
using Athanor.Nodes.Local;
using Athanor.Protocol;

namespace Athanor.Nodes.Cli;

/// <summary>Opens the cluster that the common options name.</summary>
internal static class CliCluster
{
    public static Task<ClusterConnection> Open(ParseResult parsed, EmbeddedRole role, CancellationToken cancellation) =>
        Open(parsed, Options(parsed), role, cancellation);

    /// <summary>Through a gateway if one is named, otherwise the cluster of the settings.</summary>
    public static async Task<ClusterConnection> Open(ParseResult parsed, AthanorOptions options, EmbeddedRole role, CancellationToken cancellation) =>
        await OpenGateway(parsed, options, cancellation) ?? await ClusterConnection.Open(options, role, cancellation: cancellation);

    /// <summary>The way through the gateway that the command or its settings name; null if none is named.</summary>
    public static async Task<ClusterConnection?> OpenGateway(ParseResult parsed, AthanorOptions options, CancellationToken cancellation) =>
        RemoteOptions.Of(parsed, options.Client, Environment.GetEnvironmentVariable) is { } remote
            ? await ClusterConnection.OpenGateway(remote, cancellation)
            : null;

    /// <summary>An address as users write it, <c>family/id</c> or <c>tenant/family/id</c>.</summary>
    /// <param name="tenant">The one that is meant where none is written.</param>
    /// <exception cref="UserException">It is no address.</exception>
    public static EntityAddress Address(string text, string tenant) =>
        EntityAddress.TryParse(text, out var whole) || EntityAddress.TryParse($"{tenant}/{text}", out whole)
            ? whole
            : throw new UserException($"'{text}' is no address; expected family/id such as twins/tclab, or tenant/family/id");

    /// <summary>The settings of <c>--config</c> with the directory of <c>--state</c>. A cluster's own state directory stays if no other is
    /// given: nodes and commands must mean the same.</summary>
    public static AthanorOptions Options(ParseResult parsed) => Options(parsed, parsed.GetValue(Cli.Config));

    /// <summary>The same for the commands of <c>athanor cluster</c>: told neither file nor directory, they mean the cluster whose node was last
    /// started from this working directory, and say which.</summary>
    public static AthanorOptions OptionsOfCluster(ParseResult parsed)
    {
        var config = parsed.GetValue(Cli.Config);
        if (config is null && !RemoteOptions.AreGiven(parsed) && parsed.GetResult(Cli.State) is null or { Implicit: true } && Environment.GetEnvironmentVariable("ATHANOR_STATE") is null
            && LastCluster.Find(Directory.GetCurrentDirectory()) is { } last)
        {
            config = last;
            Console.Error.WriteLine(
                $"athanor: the cluster of {Path.GetRelativePath(Directory.GetCurrentDirectory(), last)}, last started from here; --config or --state names another");
        }
        return Options(parsed, config);
    }

    private static AthanorOptions Options(ParseResult parsed, string? config)
    {
        var options = ClusterConfiguration.Load(config);
        var given = parsed.GetResult(Cli.State) is { Implicit: false };
        return given || !NodePlaces.IsCluster(options) ? options with { StateDirectory = parsed.GetRequiredValue(Cli.State) } : options;
    }
}
