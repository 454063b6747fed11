using System.Collections.Immutable;

namespace Athanor.Protocol.Evolution;

[Message("evolution.started")]
public sealed record PopulationStarted([property: Key(0)] PopulationSpec Spec) : IEvent;

[Message("evolution.peer-joined")]
public sealed record PeerJoined(
    [property: Key(0)] string Name, [property: Key(1)] byte[] PublicKey, [property: Key(2)] string DeviceClass) : IEvent;

/// <summary>All peers of the spec are here; breeding begins.</summary>
[Message("evolution.recruited")]
public sealed record Recruited : IEvent;

/// <summary>The order in which peers are drawn for the candidates of a block of as many candidates as there are peers.</summary>
/// <param name="Draw">The HMAC (hex) that the order follows from.</param>
[Message("evolution.order-drawn")]
public sealed record OrderDrawn(
    [property: Key(0)] int Block, [property: Key(1)] string Draw, [property: Key(2)] ImmutableArray<string> Order) : IEvent;

[Message("evolution.bred")]
public sealed record CandidateBred(
    [property: Key(0)] int Number, [property: Key(1)] Genome Genome, [property: Key(2)] ImmutableArray<int> Parents,
    [property: Key(3)] ulong Seed) : IEvent;

/// <param name="Position">Place in the drawn order; beyond its end for the node itself.</param>
[Message("evolution.assigned")]
public sealed record CandidateAssigned(
    [property: Key(0)] int Number, [property: Key(1)] int Attempt, [property: Key(2)] int Position, [property: Key(3)] string Evaluator) : IEvent;

[Message("evolution.claimed")]
public sealed record CandidateClaimed(
    [property: Key(0)] int Number, [property: Key(1)] int Attempt, [property: Key(2)] EvaluationClaim Claim) : IEvent;

/// <summary>The challenge to a claim, with everything that was drawn.</summary>
/// <param name="Draw">The HMAC (hex) of the claim's root.</param>
/// <param name="Segments">Segments to replay, ascending; the first and the last are always among them.</param>
/// <param name="Order">Order in which verifiers are taken.</param>
[Message("evolution.challenged")]
public sealed record ClaimChallenged(
    [property: Key(0)] int Number, [property: Key(1)] int Attempt, [property: Key(2)] string Draw,
    [property: Key(3)] ImmutableArray<int> Segments, [property: Key(4)] ImmutableArray<string> Order) : IEvent;

[Message("evolution.audit-assigned")]
public sealed record AuditAssigned(
    [property: Key(0)] int Number, [property: Key(1)] int Attempt, [property: Key(2)] int Segment, [property: Key(3)] int Try,
    [property: Key(4)] int Position, [property: Key(5)] string Verifier) : IEvent;

/// <param name="Agrees">Whether the replay came to the committed hashes and error.</param>
[Message("evolution.audited")]
public sealed record SegmentAudited(
    [property: Key(0)] int Number, [property: Key(1)] int Attempt, [property: Key(2)] int Segment, [property: Key(3)] string Verifier,
    [property: Key(4)] AuditReport Report, [property: Key(5)] bool Agrees) : IEvent;

/// <summary>Prover and verifier disagree, or a verifier says that it cannot replay: the node replays the segment itself.</summary>
[Message("evolution.disputed")]
public sealed record SegmentDisputed(
    [property: Key(0)] int Number, [property: Key(1)] int Attempt, [property: Key(2)] int Segment, [property: Key(3)] string Verifier,
    [property: Key(4)] string Reason) : IEvent;

[Message("evolution.verdict")]
public sealed record ClaimJudged(
    [property: Key(0)] int Number, [property: Key(1)] int Attempt, [property: Key(2)] VerdictLine Line) : IEvent;

[Message("evolution.barred")]
public sealed record PeerSetAside([property: Key(0)] string Name, [property: Key(1)] string Reason) : IEvent;

/// <summary>A confirmed result entered in its turn; what follows from it was calculated when it was decided.</summary>
[Message("evolution.applied")]
public sealed record CandidateApplied(
    [property: Key(0)] int Number, [property: Key(1)] ImmutableArray<int> Archive, [property: Key(2)] ImmutableArray<int> Front,
    [property: Key(3)] double Hypervolume) : IEvent;

[Message("evolution.finished")]
public sealed record PopulationFinished : IEvent;

/// <summary>No peer is left for something that the node itself could not do either.</summary>
[Message("evolution.failed")]
public sealed record PopulationFailed([property: Key(0)] string Reason) : IEvent;
