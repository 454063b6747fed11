using System.Collections.Immutable;

namespace Athanor.Protocol.Peers;

/// <summary>What the gateway says to whoever comes: its identity for this start, which every signed request names.</summary>
/// <param name="Boot">Changes at each start of the gateway, so a request cannot be replayed to a later one.</param>
[Message("peers.gateway-session")]
public sealed record GatewaySession([property: Key(0)] string Boot, [property: Key(1)] DateTimeOffset Time) : IMessage;

/// <summary>Body of an enrolment request.</summary>
[Message("peers.enrolment")]
public sealed record Enrolment(
    [property: Key(0)] string Name, [property: Key(1)] byte[] PublicKey, [property: Key(2)] string DeviceClass,
    [property: Key(3)] byte[] Proof) : IMessage;

/// <summary>Body of a request for work; answered when there is some or after <paramref name="Wait"/>.</summary>
[Message("peers.lease-request")]
public sealed record LeaseRequest([property: Key(0)] int Count, [property: Key(1)] TimeSpan Wait) : IMessage;

/// <summary>Work leased to the peer.</summary>
/// <param name="Token">Names the lease in renewals and results.</param>
[MessagePart]
public sealed record LeasedWork(
    [property: Key(0)] string WorkId, [property: Key(1)] long Token, [property: Key(2)] IWork Work, [property: Key(3)] ulong Seed,
    [property: Key(4)] ImmutableArray<string> Inputs);

[Message("peers.lease-answer")]
public sealed record LeaseAnswer([property: Key(0)] ImmutableArray<LeasedWork> Items, [property: Key(1)] TimeSpan Lease) : IMessage;

/// <summary>Body of a renewal: the tokens that the peer still works on; the answer holds those it still has.</summary>
[Message("peers.renewal")]
public sealed record Renewal([property: Key(0)] ImmutableArray<long> Tokens) : IMessage;

/// <summary>Body of a result: a claim or an audit report. The blobs it names must have been uploaded before.</summary>
[Message("peers.result")]
public sealed record PeerResult(
    [property: Key(0)] long Token, [property: Key(1)] IWorkResult Result, [property: Key(2)] ImmutableArray<string> Blobs) : IMessage;

/// <summary>Body of a refusal: the peer's handler says that the work cannot be done.</summary>
[Message("peers.refusal")]
public sealed record PeerRefusal([property: Key(0)] long Token, [property: Key(1)] string Reason) : IMessage;

/// <param name="Counted">False if the work had a result already or was cancelled.</param>
[Message("peers.receipt")]
public sealed record Receipt([property: Key(0)] bool Counted, [property: Key(1)] string Hash) : IMessage;
