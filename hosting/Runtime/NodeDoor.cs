using System.Collections.Immutable;
using Athanor.Hosting.Core;
using Athanor.Hosting.Stores;
using Athanor.Hosting.Transport;
using Athanor.Protocol;

namespace Athanor.Hosting.Runtime;

/// <summary>What this node does for others: its core answers, or says who would.</summary>
/// <param name="mail">Mailboxes of these shards may have new rows.</param>
/// <param name="work">There may be work for this node's slots.</param>
internal sealed class NodeDoor(
    LocalDesk desk, MessageRegistry registry, OwnerTable owners, Action<ImmutableArray<int>> mail, Action work) : INodeDoor
{
    /// <inheritdoc/>
    /// <remarks>A hint without shards says that work was offered.</remarks>
    public void Hinted(string fromNode, ImmutableArray<int> shards)
    {
        if (shards.IsDefaultOrEmpty) work();
        else mail(shards);
    }

    public async Task<NodeAnswer> Ask(string fromNode, NodeRequest request, CancellationToken cancellation)
    {
        IMessage message;
        try
        {
            message = registry.Decode(request.Message.Kind, request.Message.Version, request.Message.Body.Span);
        }
        catch (Exception e) when (e is MessageFormatException or UnknownKindException)
        {
            return new NodeAnswer(null, Refusal.Invalid, $"the message from {fromNode} cannot be read here: {e.Message}");
        }
        if (message is not (ICommand or IQuery) || message is IQuery != request.IsQuery)
            return new NodeAnswer(null, Refusal.Invalid, $"{request.Message.Kind} is not what {fromNode} calls it");
        var answer = await desk.Ask(
            new ClientRequest(
                request.To, message, request.Consistent, request.Key, request.Principal, request.TraceParent, request.Order),
            request.Deadline, cancellation).ConfigureAwait(false);
        if (answer.Reply is { } reply)
            return new NodeAnswer(new StoredMessage(registry.KindOf(reply), registry.VersionOf(reply), registry.Encode(reply)), null, "");
        return new NodeAnswer(null, answer.Why, answer.Reason, answer.Owner, answer.Owner is { } owner ? owners.AddressOf(owner) : null);
    }
}
