using Athanor.Hosting.Configuration;
using Athanor.Nodes.Gateway;

namespace Athanor.Nodes.Local;

/// <summary>Where the nodes of a cluster that run on this machine have their directories: <c>state-directory/NAME</c> each.</summary>
internal static class NodePlaces
{
    public static bool IsCluster(AthanorOptions options) => options.Store.Kind == "postgres";

    /// <summary>The settings with the node's own directory as state directory.</summary>
    public static AthanorOptions Of(AthanorOptions options) =>
        IsCluster(options) ? options with { StateDirectory = Path.Combine(options.StateDirectory, options.Node.Name) } : options;

    /// <summary>Directories of nodes of this machine that listen, or did before they were killed.</summary>
    public static IEnumerable<string> Listening(AthanorOptions options) => Directory.Exists(options.StateDirectory)
        ? Directory.EnumerateDirectories(options.StateDirectory).Order(StringComparer.Ordinal).Where(static d => File.Exists(SocketPath.Of(d)))
        : [];

    /// <summary>A gateway of a node of this machine, with the node's directory; null if none serves.</summary>
    public static (string Directory, GatewayFile File)? Gateway(AthanorOptions options)
    {
        foreach (var directory in Listening(options))
        {
            if (GatewayFile.Read(directory) is { } file) return (directory, file);
        }
        return null;
    }
}
