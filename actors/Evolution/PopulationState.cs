using System.Collections.Immutable;
using Athanor.Protocol;
using Athanor.Protocol.Evolution;

namespace Athanor.Actors.Evolution;

/// <summary>A population as its journal makes it.</summary>
/// <param name="Participants">The peers of the spec that have joined, by name.</param>
/// <param name="Orders">The drawn order of peers of each block of candidates.</param>
/// <param name="Applied">Candidates 0 to Applied-1 are applied.</param>
/// <param name="Archive">Candidates that may become parents, ascending.</param>
/// <param name="Front">The non-dominated of all applied candidates, by rising error.</param>
/// <param name="Hypervolumes">After each applied candidate.</param>
/// <param name="Audits">Replays that verifiers have reported.</param>
/// <param name="Refereed">Of these, disputed and replayed by the node.</param>
/// <param name="Population">The population's own address.</param>
/// <param name="Failure">Why the run cannot go on, or empty.</param>
[Message("evolution.state")]
public sealed record PopulationState(
    [property: Key(0)] PopulationSpec? Spec, [property: Key(1)] PopulationPhase Phase,
    [property: Key(2)] ImmutableSortedDictionary<string, Participant> Participants,
    [property: Key(3)] ImmutableSortedDictionary<int, ImmutableArray<string>> Orders,
    [property: Key(4)] ImmutableSortedDictionary<int, Candidate> Candidates, [property: Key(5)] int Applied,
    [property: Key(6)] ImmutableArray<int> Archive, [property: Key(7)] ImmutableArray<int> Front,
    [property: Key(8)] ImmutableArray<double> Hypervolumes, [property: Key(9)] ImmutableArray<VerdictLine> Verdicts,
    [property: Key(10)] int Audits, [property: Key(11)] int Refereed, [property: Key(12)] string Population,
    [property: Key(13)] string Failure) : IState
{
    public static PopulationState Of(EntityAddress address) => new(
        null, PopulationPhase.Absent, ImmutableSortedDictionary.Create<string, Participant>(StringComparer.Ordinal),
        ImmutableSortedDictionary<int, ImmutableArray<string>>.Empty, ImmutableSortedDictionary<int, Candidate>.Empty, 0, [], [], [], [], 0, 0,
        address.ToString(), "");
}

/// <param name="Barred">Why it gets no more work, or empty.</param>
[MessagePart]
public sealed record Participant(
    [property: Key(0)] byte[] PublicKey, [property: Key(1)] string DeviceClass, [property: Key(2)] string Barred);

public enum CandidateStage
{
    /// <summary>Bred (or voided), and with nobody.</summary>
    Waiting,
    Evaluating,

    /// <summary>Claimed; the challenge is being drawn.</summary>
    Claimed,
    Auditing,

    /// <summary>Audited without fault; waits for its turn.</summary>
    Confirmed,
    Applied,
}

/// <param name="Attempt">Number of the next dispatch, or of the running one; from 0. Names of work carry it.</param>
/// <param name="Position">Place of the evaluator in the drawn order; beyond its end for the node itself.</param>
/// <param name="Evaluator">Who evaluates or has claimed; empty for the node itself.</param>
/// <param name="Claim">Until applied.</param>
/// <param name="Verifiers">The order in which the challenge takes verifiers.</param>
[MessagePart]
public sealed record Candidate(
    [property: Key(0)] Genome Genome, [property: Key(1)] ImmutableArray<int> Parents, [property: Key(2)] ulong Seed,
    [property: Key(3)] CandidateStage Stage, [property: Key(4)] int Attempt, [property: Key(5)] int Position,
    [property: Key(6)] string Evaluator, [property: Key(7)] EvaluationClaim? Claim, [property: Key(8)] ImmutableArray<string> Verifiers,
    [property: Key(9)] ImmutableArray<SegmentAudit> Audits, [property: Key(10)] double Error, [property: Key(11)] int Parameters,
    [property: Key(12)] string Root);

public enum AuditStage
{
    Pending,

    /// <summary>The verifier disagrees; the node replays.</summary>
    Disputed,
    Agreed,
}

/// <param name="Try">Number of the dispatch, from 0.</param>
/// <param name="Position">Place of the verifier in the challenge's order; beyond its end for the node itself.</param>
/// <param name="Report">What the verifier said, once it has.</param>
[MessagePart]
public sealed record SegmentAudit(
    [property: Key(0)] int Segment, [property: Key(1)] int Try, [property: Key(2)] int Position, [property: Key(3)] string Verifier,
    [property: Key(4)] AuditStage Stage, [property: Key(5)] AuditReport? Report);
