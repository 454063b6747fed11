using System.Collections.Immutable;

namespace Athanor.Protocol.Peers;

public enum PeerStatus
{
    Unknown,

    /// <summary>Every claim is audited.</summary>
    Probation,

    /// <summary>Caught: gets no work, its unconfirmed results are void.</summary>
    Quarantined,

    /// <summary>Signed two different claims for one work item; the pair is the proof. For good.</summary>
    Revoked,
}

/// <summary>Enrols the peer under a name (the entity's id) and a key. The same key again has no effect; another is refused.</summary>
/// <param name="PublicKey">SubjectPublicKeyInfo (DER) of an ECDSA P-256 key.</param>
/// <param name="Proof">Signature of the enrolment's canonical bytes by that key.</param>
[Message("peers.enrol")]
public sealed record EnrolPeer(
    [property: Key(0)] byte[] PublicKey, [property: Key(1)] string DeviceClass, [property: Key(2)] byte[] Proof) : ICommand;

/// <summary>Told by a population that wants to know when this peer is enrolled, and when it is caught.</summary>
[Message("peers.watch")]
public sealed record WatchPeer([property: Key(0)] EntityAddress Watcher) : ICommand;

/// <summary>Registers a signed claim before its work is completed, so that a second, different one for the same work is noticed.</summary>
/// <param name="Statement">The claim's canonical bytes.</param>
[Message("peers.submit-claim")]
public sealed record SubmitClaim(
    [property: Key(0)] string WorkId, [property: Key(1)] byte[] Statement, [property: Key(2)] byte[] Signature) : ICommand;

/// <summary>Told by a population: how a claim or an audit of this peer was judged.</summary>
/// <param name="Good">Whether the peer had done what it said.</param>
/// <param name="Evidence">What convicts it: candidate, segment and hashes.</param>
[Message("peers.judge")]
public sealed record JudgePeer(
    [property: Key(0)] string WorkId, [property: Key(1)] string TaskFamily, [property: Key(2)] bool Good,
    [property: Key(3)] string Evidence) : ICommand;

[Message("peers.enrolled")]
public sealed record PeerWasEnrolled(
    [property: Key(0)] byte[] PublicKey, [property: Key(1)] string DeviceClass, [property: Key(2)] DateTimeOffset Time) : IEvent;

[Message("peers.watched")]
public sealed record PeerWasWatched([property: Key(0)] EntityAddress Watcher) : IEvent;

/// <param name="StatementHash">SHA-256 (hex) of the claim's canonical bytes.</param>
[Message("peers.claim-registered")]
public sealed record ClaimRegistered([property: Key(0)] string WorkId, [property: Key(1)] string StatementHash) : IEvent;

[Message("peers.judged")]
public sealed record PeerWasJudged(
    [property: Key(0)] string WorkId, [property: Key(1)] string TaskFamily, [property: Key(2)] bool Good,
    [property: Key(3)] string Evidence) : IEvent;

[Message("peers.quarantined")]
public sealed record PeerWasQuarantined([property: Key(0)] string Reason) : IEvent;

/// <summary>The proof of equivocation: two statements for one work item, both signed by the peer's key.</summary>
[Message("peers.revoked")]
public sealed record PeerWasRevoked(
    [property: Key(0)] string Reason, [property: Key(1)] string WorkId, [property: Key(2)] string FirstHash,
    [property: Key(3)] byte[] Statement, [property: Key(4)] byte[] Signature) : IEvent;

/// <summary>Asks for the peer as the gateway and lists need it; the reply is <see cref="PeerView"/>.</summary>
[Message("peers.show")]
public sealed record ShowPeer : IQuery;

/// <summary>What is known of a peer's work on one device class and task family: Beta(1 + Good, 1 + Bad).</summary>
[MessagePart]
public sealed record Reputation([property: Key(0)] int Good, [property: Key(1)] int Bad);

/// <param name="Reason">Why it is quarantined or revoked, or empty.</param>
/// <param name="Reputations">By <c>device class/task family</c>.</param>
[Message("peers.view")]
public sealed record PeerView(
    [property: Key(0)] string Name, [property: Key(1)] PeerStatus Status, [property: Key(2)] byte[] PublicKey,
    [property: Key(3)] string DeviceClass, [property: Key(4)] string Reason,
    [property: Key(5)] ImmutableSortedDictionary<string, Reputation> Reputations, [property: Key(6)] int OpenClaims) : IReply;
