using Athanor.Actors;
using Athanor.Hosting.Configuration;
using Athanor.Hosting.Runtime;
using Athanor.Hosting.Stores;
using Athanor.Nodes.Access;
using Athanor.Nodes.Cli;
using Athanor.Nodes.Gateway;
using Athanor.Nodes.Remote;
using Athanor.Protocol;
using Microsoft.Extensions.Logging;

namespace Athanor.Nodes.Local;

/// <summary>
/// A command's way to the cluster of a state directory: over the socket of the process that hosts it, or, if none does, by hosting it
/// in this process until this command and every command connected to it are done.
///
/// Who hosts. The directory's lock decides. A command that finds the lock taken and no socket has met a host that starts or ends, and
/// tries again. A command that needs timers and slots and meets a host without them (one that only reads or appends, so it is soon done)
/// waits for it to end, then hosts.
///
/// In a cluster of many nodes (store.kind = postgres) a command never hosts. It goes over the socket of a node of this machine that is ready,
/// or else takes part without roles, and asks the owners itself (<see cref="ClusterMember"/>).
///
/// A cluster of other machines is reached through its gateway (<see cref="GatewayClient"/>), as somebody with tenants and roles.
/// </summary>
internal sealed class ClusterConnection : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Between = TimeSpan.FromMilliseconds(100);

    private readonly NodeHost? _host;
    private readonly ApiClient? _remote;
    private readonly IDisposable? _session;
    private readonly ClusterMember? _member;
    private readonly string _stateDirectory;

    private ClusterConnection(string stateDirectory, NodeHost host)
    {
        _stateDirectory = stateDirectory;
        _host = host;
        Client = host.Cluster.Client;
        Progress = host.Cluster.Progress;
    }

    private ClusterConnection(string stateDirectory, SocketClient remote, IDisposable session)
    {
        _stateDirectory = stateDirectory;
        _remote = remote;
        _session = session;
        Client = remote;
        Progress = remote;
    }

    private ClusterConnection(string stateDirectory, ClusterMember member)
    {
        _stateDirectory = stateDirectory;
        _member = member;
        Client = member.Client;
        Progress = NoProgressView.Instance;
    }

    private ClusterConnection(GatewayClient gateway)
    {
        _stateDirectory = "";
        _remote = gateway;
        Client = gateway;
        Progress = gateway;
        Api = gateway;
        Principal = gateway.Principal;
    }

    /// <summary>Through the gateway of a cluster of other machines.</summary>
    /// <exception cref="UserException">It cannot be reached, is not trusted, or lets nobody in with this credential.</exception>
    public static async Task<ClusterConnection> OpenGateway(RemoteSettings settings, CancellationToken cancellation) =>
        new(await GatewayClient.Open(settings, Hosting.Families.Messages, TimeProvider.System, cancellation));

    /// <summary>The gateway gone through; null for a cluster of this machine.</summary>
    public GatewayClient? Api { get; }

    /// <summary>Whom the gateway takes this command for; null for a cluster of this machine, where nobody asks.</summary>
    public WhoLine? Principal { get; }

    /// <summary>The tenant that is meant.</summary>
    /// <param name="named">By the user; null takes the one tenant of the token or key, otherwise <c>default</c>.</param>
    /// <exception cref="UserException">It is no name, or the token or key is for several and <c>default</c> is none of them.</exception>
    public string TenantOf(string? named)
    {
        if (named is not null) return EntityAddress.IsValidPart(named) ? named : throw new UserException($"--tenant '{named}': {Cli.Cli.NameRule}");
        if (Principal is not { } who || who.Tenants.Any(static t => t is Access.Principal.EveryTenant or EntityAddress.DefaultTenant))
            return EntityAddress.DefaultTenant;
        return who.Tenants is [var only]
            ? only
            : throw new UserException($"{who.Name} has several tenants; say which with --tenant: {string.Join(", ", who.Tenants)}");
    }

    public IClusterClient Client { get; }

    public IProgressView Progress { get; }

    /// <summary>The store, or null when another process hosts the cluster.</summary>
    public IStore? Store => _host?.Cluster.Store ?? _member?.Store;

    /// <summary>The cluster in this process, or null when another process hosts it.</summary>
    public HostedCluster? Hosted => _host?.Cluster;

    public bool IsRemote => _host is null;

    /// <summary>Where peers join and which certificate they pin, or null if no gateway is served.</summary>
    public GatewayFile? Gateway => Api is not null ? null : _host is null ? GatewayFile.Read(_stateDirectory) : _host.Gateway?.Info;

    /// <inheritdoc cref="Open(AthanorOptions, EmbeddedRole, bool, ILoggerFactory?, CancellationToken)"/>
    public static Task<ClusterConnection> Open(string stateDirectory, EmbeddedRole role, CancellationToken cancellation = default) =>
        Open(ClusterConfiguration.Load() with { StateDirectory = stateDirectory }, role, cancellation: cancellation);

    /// <param name="role">What to host if no process does: <see cref="EmbeddedRole.Full"/> for commands that wait for work.</param>
    /// <param name="gateway">Whether to serve the gateway if this process hosts. It takes a free port: only <c>node</c> has a known one,
    /// and commands in several directories must not be in each other's way.</param>
    /// <exception cref="StateLockedException">Another process holds the directory and does not answer.</exception>
    public static async Task<ClusterConnection> Open(
        AthanorOptions options, EmbeddedRole role, bool gateway = false, ILoggerFactory? logs = null,
        CancellationToken cancellation = default)
    {
        if (NodePlaces.IsCluster(options)) return await OpenCluster(options, direct: false, cancellation);
        options = options with { Gateway = options.Gateway with { Port = 0 } };
        var time = TimeProvider.System;
        var begun = time.GetTimestamp();
        while (true)
        {
            if (await TryConnect(options.StateDirectory, role, time, cancellation) is { } connected) return connected;
            try
            {
                return new ClusterConnection(
                    options.StateDirectory, await NodeHost.Start(options, role, gateway, logs, cancellation: cancellation));
            }
            catch (StateLockedException) when (time.GetElapsedTime(begun) < Patience)
            {
                await Task.Delay(Between, time, cancellation);
            }
        }
    }

    /// <summary>A way into a cluster of many nodes.</summary>
    /// <param name="direct">Not through a node of this machine: what goes on while nodes come and go, or reads the store.</param>
    public static async Task<ClusterConnection> OpenCluster(AthanorOptions options, bool direct, CancellationToken cancellation = default)
    {
        foreach (var directory in direct ? [] : NodePlaces.Listening(options))
        {
            var client = new SocketClient(SocketPath.Of(directory), Hosting.Families.Messages, TimeProvider.System);
            try
            {
                if ((await client.Host(cancellation)).Health.Ready)
                    return new ClusterConnection(directory, client, await client.OpenSession(cancellation));
            }
            catch (HostGoneException)
            {
                // Left behind by a killed node.
            }
            client.Dispose();
        }
        return new ClusterConnection(options.StateDirectory, await ClusterMember.Open(options, TimeProvider.System, cancellation));
    }

    /// <summary>Ends the connection; a hosting command first waits for the commands connected to it.</summary>
    public async ValueTask DisposeAsync()
    {
        _session?.Dispose();
        _remote?.Dispose();
        if (_member is not null) await _member.DisposeAsync();
        if (_host is null) return;
        await _host.Nobody;
        await _host.DisposeAsync();
    }

    private static async Task<ClusterConnection?> TryConnect(
        string stateDirectory, EmbeddedRole role, TimeProvider time, CancellationToken cancellation)
    {
        var path = SocketPath.Of(stateDirectory);
        if (!File.Exists(path)) return null;
        var client = new SocketClient(path, Hosting.Families.Messages, time);
        try
        {
            var host = await client.Host(cancellation);
            if (role == EmbeddedRole.Full && host.Role != EmbeddedRole.Full)
            {
                client.Dispose();
                return null;
            }
            return new ClusterConnection(stateDirectory, client, await client.OpenSession(cancellation));
        }
        catch (HostGoneException)
        {
            // Left behind by a killed process, or on its way out.
            client.Dispose();
            return null;
        }
    }

    /// <summary>Slots run in the nodes; only over a node's socket it is seen how far they are.</summary>
    private sealed class NoProgressView : IProgressView
    {
        public static readonly NoProgressView Instance = new();

        public Task<IReadOnlyList<WorkProgress>> Running(CancellationToken cancellation = default) =>
            Task.FromResult<IReadOnlyList<WorkProgress>>([]);
    }
}
