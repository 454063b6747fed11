using Athanor.Actors;
using Athanor.Hosting.Runtime;
using Athanor.Hosting.Stores;

namespace Athanor.Nodes.Local;

/// <summary>
/// A command's way to the cluster of a state directory: over the socket of the process that hosts it, or, if none does, by hosting it
/// in this process until this command and every command connected to it are done.
/// </summary>
internal sealed class ClusterConnection : IAsyncDisposable
{
    private ClusterConnection(IClusterClient client, IProgressView progress, IStore? store)
    {
        Client = client;
        Progress = progress;
        Store = store;
    }

    /// <param name="role">What to host if no process does: <see cref="EmbeddedRole.Full"/> for commands that wait for work.</param>
    public static Task<ClusterConnection> Open(
        string stateDirectory, EmbeddedRole role, CancellationToken cancellation = default) =>
        throw new NotImplementedException("the runtime is not wired yet");

    public IClusterClient Client { get; }

    public IProgressView Progress { get; }

    /// <summary>The store, or null when another process hosts the cluster.</summary>
    public IStore? Store { get; }

    public bool IsRemote => Store is null;

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
