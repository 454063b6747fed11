using Athanor.Hosting.Core;
using Athanor.Hosting.Stores;
using Athanor.Hosting.Transport;
using Athanor.Protocol;

namespace Athanor.Hosting.Runtime;

/// <summary>How one attempt at a request is made.</summary>
internal interface IRequestRoute
{
    /// <param name="left">How long an answer is of use.</param>
    Task<Answer> Try(ClientRequest request, TimeSpan left, CancellationToken cancellation);

    /// <summary>Whether no attempt can succeed any more.</summary>
    bool Closed { get; }
}

/// <summary>The route of a cluster that is all in this process.</summary>
internal sealed class LocalRoute(LocalDesk desk) : IRequestRoute
{
    public bool Closed => desk.Closed;

    // The core has its own time-out, and says more about it than anybody here could.
    public Task<Answer> Try(ClientRequest request, TimeSpan left, CancellationToken cancellation) => desk.Ask(request, null, cancellation);
}

/// <summary>
/// The route in a cluster of many nodes: to the owner of the entity's shard, as far as is known. This node's own core is asked when it is
/// the owner, or when nobody is known to be: it knows best whether it is about to become it.
/// </summary>
/// <param name="desk">Null for a member that owns nothing.</param>
/// <param name="fresh">Reads the tables if nobody else does.</param>
/// <param name="lookAgain">Something was not as the tables said.</param>
internal sealed class OwnerRoute(
    string node, int shards, LocalDesk? desk, OwnerTable owners, INodeLink link, MessageRegistry registry, Func<CancellationToken, Task> fresh,
    Action<int> lookAgain) : IRequestRoute
{
    public bool Closed => desk?.Closed ?? false;

    public async Task<Answer> Try(ClientRequest request, TimeSpan left, CancellationToken cancellation)
    {
        var shard = ShardOf.Address(request.To, shards);
        try
        {
            await fresh(cancellation).ConfigureAwait(false);
        }
        catch (StoreException e)
        {
            return new Answer(null, Refusal.Unavailable, e.Message);
        }
        var owner = owners.OwnerOf(shard);
        var answer = owner is { } other && other.Node != node
            ? await Remote(other, shard, request, left, cancellation).ConfigureAwait(false)
            : desk is not null ? await desk.Ask(request, left, cancellation).ConfigureAwait(false)
            : new Answer(null, Refusal.Unavailable, $"shard {shard} of {request.To} has no owner; is any node with the role shards up?");
        if (answer is { Reply: null, Why: Refusal.NotOwner })
        {
            if (answer.Owner is { } better && better != owner?.Node) owners.Correct(shard, better, answer.OwnerAddress);
            else lookAgain(shard);
        }
        return answer;
    }

    private async Task<Answer> Remote(
        (string Node, string Address) owner, int shard, ClientRequest request, TimeSpan left, CancellationToken cancellation)
    {
        var message = new StoredMessage(
            registry.KindOf(request.Message), registry.VersionOf(request.Message), registry.Encode(request.Message));
        NodeAnswer answer;
        try
        {
            if (owner.Address == "") throw new NodeLinkException(Refusal.Unavailable, false, $"{owner.Node} does not say where it listens");
            answer = await link.Ask(owner.Node, owner.Address, new NodeRequest(
                request.To, message, request.IsQuery, request.Consistent, request.Key, request.Principal, request.TraceParent, left,
                request.Order), cancellation).ConfigureAwait(false);
        }
        catch (NodeLinkException e)
        {
            owners.Doubt(shard);
            lookAgain(shard);
            answer = e.ToAnswer();
        }
        if (answer.Reply is not { } stored) return new Answer(null, answer.Why ?? Refusal.Failed, answer.Reason, answer.OwnerNode, answer.OwnerAddress);
        try
        {
            return new Answer((IReply)registry.Decode(stored.Kind, stored.Version, stored.Body.Span), default, "");
        }
        catch (Exception e) when (e is MessageFormatException or UnknownKindException or InvalidCastException)
        {
            return new Answer(null, Refusal.Failed, $"{owner.Node} answered what this build cannot read: {e.Message}");
        }
    }
}
