using System.Collections.Immutable;

namespace Athanor.Protocol.Evolution;

/// <summary>Starts a population. The same spec again has no effect; another is refused.</summary>
[Message("evolution.start")]
public sealed record StartPopulation([property: Key(0)] PopulationSpec Spec) : ICommand;

/// <summary>Told by a peer's entity once the peer is enrolled.</summary>
/// <param name="PublicKey">SubjectPublicKeyInfo (DER) of an ECDSA P-256 key.</param>
/// <param name="Barred">Why the peer is quarantined already, or empty.</param>
[Message("evolution.peer-enrolled")]
public sealed record PeerEnrolled(
    [property: Key(0)] string Name, [property: Key(1)] byte[] PublicKey, [property: Key(2)] string DeviceClass,
    [property: Key(3)] string Barred) : ICommand;

/// <summary>Told by a peer's entity when the peer is quarantined, on whoever's evidence.</summary>
[Message("evolution.peer-barred")]
public sealed record PeerBarred([property: Key(0)] string Name, [property: Key(1)] string Reason) : ICommand;

/// <summary>The timer of an evaluation: its peer has been silent for too long.</summary>
[Message("evolution.evaluation-overdue")]
public sealed record EvaluationOverdue([property: Key(0)] int Candidate, [property: Key(1)] int Attempt) : ICommand;

/// <summary>The timer of an audit: its verifier has been silent for too long.</summary>
[Message("evolution.audit-overdue")]
public sealed record AuditOverdue(
    [property: Key(0)] int Candidate, [property: Key(1)] int Attempt, [property: Key(2)] int Segment, [property: Key(3)] int Try) : ICommand;

/// <summary>The timer after a failed draw: asks again for all draws that are awaited.</summary>
[Message("evolution.draw-again")]
public sealed record DrawAgain : ICommand;

/// <summary>Asks for HMAC-SHA256 under the population's secret, which lies in a key file and never in the journal.</summary>
/// <param name="Population">Address of the population; its secret is used.</param>
/// <param name="Purpose"><c>order</c> or <c>challenge</c>: separates the domains.</param>
/// <param name="Data">What is authenticated: a block number, or a claim root.</param>
[Message("evolution.draw")]
public sealed record Draw(
    [property: Key(0)] string Population, [property: Key(1)] string Purpose, [property: Key(2)] string Data) : ICompute;

/// <param name="Bytes">32 bytes.</param>
[Message("evolution.drawn")]
public sealed record Drawn([property: Key(0)] byte[] Bytes) : IComputeResult;

/// <summary>Asks for the population as reports show it; the reply is <see cref="PopulationView"/>.</summary>
[Message("evolution.show")]
public sealed record ShowPopulation : IQuery;

public enum PopulationPhase
{
    Absent,
    Recruiting,
    Running,
    Finished,

    /// <summary>The node itself could not do what no peer would.</summary>
    Failed,
}

/// <summary>A candidate whose result was applied.</summary>
/// <param name="Parents">Numbers of the candidates it was bred from; empty for one drawn at random.</param>
/// <param name="Error">Validation error, in the target's unit.</param>
/// <param name="Evaluator">Whose claim was confirmed.</param>
[MessagePart]
public sealed record AppliedCandidate(
    [property: Key(0)] int Number, [property: Key(1)] Genome Genome, [property: Key(2)] ImmutableArray<int> Parents,
    [property: Key(3)] double Error, [property: Key(4)] int Parameters, [property: Key(5)] string Evaluator, [property: Key(6)] string Root);

/// <summary>How one claim was judged.</summary>
/// <param name="ClaimedError">What the prover said, in the target's unit.</param>
[MessagePart]
public sealed record VerdictLine(
    [property: Key(0)] int Candidate, [property: Key(1)] int Attempt, [property: Key(2)] string Prover,
    [property: Key(3)] Outcome Outcome, [property: Key(4)] double ClaimedError, [property: Key(5)] string Reason,
    [property: Key(6)] ImmutableArray<string> Verifiers);

public enum Outcome
{
    /// <summary>Every audited segment was replayed to the same hash.</summary>
    Confirmed,

    /// <summary>A replay by the node itself came to another hash than the claim.</summary>
    Forged,

    /// <summary>The claim contradicts itself or the work it was made for.</summary>
    Invalid,

    /// <summary>The prover was caught elsewhere before the verdict; the result was computed again.</summary>
    Voided,

    /// <summary>The peer did not answer in time.</summary>
    Silent,
}

/// <param name="Barred">Quarantined peers by name, with the reason.</param>
/// <param name="Hypervolumes">After each applied candidate, of all applied so far; a fraction of the reference box.</param>
[Message("evolution.population-view")]
public sealed record PopulationView(
    [property: Key(0)] PopulationSpec? Spec, [property: Key(1)] PopulationPhase Phase, [property: Key(2)] int Bred,
    [property: Key(3)] ImmutableArray<AppliedCandidate> Applied, [property: Key(4)] ImmutableArray<int> Archive,
    [property: Key(5)] ImmutableArray<int> Front, [property: Key(6)] ImmutableArray<double> Hypervolumes,
    [property: Key(7)] ImmutableArray<VerdictLine> Verdicts, [property: Key(8)] ImmutableSortedDictionary<string, string> Barred,
    [property: Key(9)] int Audits, [property: Key(10)] int Refereed,
    [property: Key(11)] string Failure) : IReply;
