using System.Collections.Immutable;

namespace Athanor.Hosting.Transport;

/// <summary>What a node offers to other nodes; called by the transport with callers that are who they say.</summary>
internal interface INodeDoor
{
    /// <summary>Mailboxes of these shards may have new rows. Must return at once.</summary>
    void Hinted(string fromNode, ImmutableArray<int> shards);

    /// <summary>Answers a request of another node. A node that does not own the entity's shard answers
    /// <see cref="Core.Refusal.NotOwner"/> with the owner as far as it knows; it does not pass the request on.</summary>
    /// <param name="cancellation">Set when the caller is gone or the request's deadline has passed.</param>
    Task<NodeAnswer> Ask(string fromNode, NodeRequest request, CancellationToken cancellation);
}
