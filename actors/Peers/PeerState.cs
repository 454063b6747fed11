using System.Collections.Immutable;
using Athanor.Protocol;
using Athanor.Protocol.Peers;

namespace Athanor.Actors.Peers;

/// <summary>A peer as its journal makes it.</summary>
/// <param name="Watchers">Populations that asked to be told of this peer, in order of asking.</param>
/// <param name="Claims">SHA-256 (hex) of the claim made for each work item that is not judged yet.</param>
/// <param name="Reputations">By <c>device class/task family</c>.</param>
[Message("peers.state")]
public sealed record PeerState(
    [property: Key(0)] PeerStatus Status, [property: Key(1)] byte[] PublicKey, [property: Key(2)] string DeviceClass,
    [property: Key(3)] string Reason, [property: Key(4)] ImmutableArray<EntityAddress> Watchers,
    [property: Key(5)] ImmutableSortedDictionary<string, string> Claims,
    [property: Key(6)] ImmutableSortedDictionary<string, Reputation> Reputations, [property: Key(7)] string Name) : IState
{
    public static PeerState Of(EntityAddress address) => new(
        PeerStatus.Unknown, [], "", "", [], ImmutableSortedDictionary.Create<string, string>(StringComparer.Ordinal),
        ImmutableSortedDictionary.Create<string, Reputation>(StringComparer.Ordinal), address.Id);
}
