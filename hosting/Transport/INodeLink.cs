using System.Collections.Immutable;

namespace Athanor.Hosting.Transport;

/// <summary>Calls from this node to others. Safe for use by many threads.</summary>
internal interface INodeLink : IAsyncDisposable
{
    /// <summary>
    /// Says that mailboxes of the node's shards have new rows. Never waits and never fails: hints to one node are put together while one is
    /// on its way, and are dropped while the node cannot be reached; a lost hint costs the receiver one poll.
    /// </summary>
    /// <param name="node">The node's name, which is its identity.</param>
    /// <param name="address">Where the node says it listens: <c>host:port</c>.</param>
    void Hint(string node, string address, ImmutableArray<int> shards);

    /// <summary>Asks a node, and waits for its answer at most until the request's deadline.</summary>
    /// <exception cref="NodeLinkException">There is no answer: the node cannot be reached, is not who it should be, did not answer in
    /// time, or refused this node. <see cref="NodeLinkException.ToAnswer"/> says it as an answer.</exception>
    Task<NodeAnswer> Ask(string node, string address, NodeRequest request, CancellationToken cancellation);
}
