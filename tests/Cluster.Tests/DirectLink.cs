using System.Collections.Concurrent;
using Athanor.Hosting;
using Athanor.Hosting.Configuration;
using Athanor.Hosting.Runtime;
using Athanor.Hosting.Transport;
using Athanor.Protocol;
using Microsoft.Extensions.Logging.Abstractions;

namespace Cluster.Tests;

/// <summary>Asks one node over one connection that is never given up, whoever owns what: what a client with an old view of the cluster
/// does. A refusal or a lost connection is null.</summary>
internal sealed class DirectLink : IAsyncDisposable
{
    private readonly NodeLink _link;
    private readonly string _node;
    private readonly string _address;

    private DirectLink(NodeLink link, string node, string address) => (_link, _node, _address) = (link, node, address);

    /// <summary>Why there were no replies.</summary>
    public ConcurrentQueue<string> Refusals { get; } = [];

    public static async Task<DirectLink> To(ClusterNodes cluster, string node)
    {
        var options = ClusterConfiguration.Load(cluster.Config);
        var time = TimeProvider.System;
        // Pings would give up the connection to a stopped node, and with it what waits there.
        var transport = options.Transport with { PingAfter = TimeSpan.FromMinutes(5), PingTimeout = TimeSpan.FromMinutes(5) };
        var identities = TransportIdentities.Open(transport, options.Node.Name, time, NullLogger.Instance);
        var row = (await cluster.Member.Store.ReadNodes(CancellationToken.None)).Single(n => n.Node == node);
        return new DirectLink(new NodeLink(transport, options.Node.Name, identities, time, NullLogger.Instance), node, row.Address);
    }

    public async Task<Description?> Describe(EntityAddress to) => (Description?)await Send(to, new Describe(), null);

    public Task<IReply?> Ask(EntityAddress to, ICommand command) => Send(to, command, Guid.CreateVersion7());

    private async Task<IReply?> Send(EntityAddress to, IMessage message, Guid? key)
    {
        var codec = new RegistryCodec(Families.Messages);
        var request = new NodeRequest(to, codec.Encode(message), key is null, key is null, key, "local", null, NodeProcess.Long);
        try
        {
            var answer = await _link.Ask(_node, _address, request, CancellationToken.None);
            if (answer.Reply is { } reply) return (IReply)codec.Decode(reply);
            Refusals.Enqueue($"{answer.Why} {answer.Reason}");
        }
        catch (NodeLinkException e)
        {
            Refusals.Enqueue($"no answer: {e.Message}");
        }
        return null;
    }

    public ValueTask DisposeAsync() => _link.DisposeAsync();
}
