using System.Collections.Immutable;

namespace Athanor.Protocol.Evolution;

/// <summary>Everything that a candidate's evaluation follows from; a prover has no free choice in it.</summary>
/// <param name="Population">Address of the population.</param>
/// <param name="Parents">Claim roots of the candidate's parents.</param>
[MessagePart]
public sealed record EvaluationSpec(
    [property: Key(0)] string Population, [property: Key(1)] int Candidate, [property: Key(2)] Genome Genome, [property: Key(3)] ulong Seed,
    [property: Key(4)] TableSpec Table, [property: Key(5)] ScheduleSpec Schedule, [property: Key(6)] NumericClass Numeric,
    [property: Key(7)] ImmutableArray<string> Parents);

/// <summary>Trains a genome from its seed in K segments and commits to the state after each.</summary>
/// <param name="Prover">Name of the peer that is to do it; its chain is bound to the name.</param>
[Message("evolution.evaluate")]
public sealed record Evaluate(
    [property: Key(0)] string WorkId, [property: Key(1)] EvaluationSpec Spec, [property: Key(2)] string Prover) : IWork;

/// <summary>
/// A claim: the result of an evaluation with its commitment. The signature is over the canonical bytes of (work id, spec hash, seed, data
/// hash, parents, precision, device class, kernel set, Merkle root, metrics), see <c>Athanor.Compute.Trust.Claim</c>.
/// </summary>
/// <param name="Root">Merkle root (hex) over the leaves of the chain.</param>
/// <param name="StateHashes">SHA-256 (hex) of the canonical states 0 to K: the opening of the chain.</param>
/// <param name="Errors">Validation error after each of the states 0 to K, in the target's unit.</param>
/// <param name="Signature">ECDSA P-256 over SHA-256, IEEE P1363 form, 64 bytes; empty for the node's own work.</param>
[Message("evolution.claim")]
public sealed record EvaluationClaim(
    [property: Key(0)] string WorkId, [property: Key(1)] string SpecHash, [property: Key(2)] string Root,
    [property: Key(3)] double Error, [property: Key(4)] int Parameters, [property: Key(5)] ImmutableArray<string> StateHashes,
    [property: Key(6)] ImmutableArray<double> Errors, [property: Key(7)] byte[] Signature) : IWorkResult;

/// <summary>Replays one segment blind: from the committed state before it, without being told the state after it.</summary>
/// <param name="Prover">Whose chain it is.</param>
/// <param name="Root">The claim's Merkle root.</param>
/// <param name="Segment">i in 1 to K: from state i-1 to state i. Segment 1 starts from the seed and also gives state 0.</param>
/// <param name="StateBefore">SHA-256 (hex) of state i-1, which is its blob; empty for segment 1.</param>
/// <param name="ErrorBefore">The committed validation error of state i-1.</param>
/// <param name="LeafBefore">Leaf i-2 (hex) of the chain, or the chain's start.</param>
/// <param name="Path">Merkle path (hex) of leaf i-1.</param>
/// <param name="Verifier">Who replays; empty for the node's own referee.</param>
[Message("evolution.audit")]
public sealed record Audit(
    [property: Key(0)] string WorkId, [property: Key(1)] EvaluationSpec Spec, [property: Key(2)] string Prover,
    [property: Key(3)] string Root, [property: Key(4)] int Segment, [property: Key(5)] string StateBefore,
    [property: Key(6)] double ErrorBefore, [property: Key(7)] string LeafBefore, [property: Key(8)] ImmutableArray<string> Path,
    [property: Key(9)] string Verifier) : IWork;

/// <summary>What a replay came to.</summary>
/// <param name="FirstHash">For segment 1 the hash of state 0; else empty.</param>
/// <param name="FirstError">For segment 1 the validation error of state 0; else 0.</param>
/// <param name="StateHash">SHA-256 (hex) of state i.</param>
/// <param name="Error">Validation error of state i.</param>
/// <param name="Signature">As in <see cref="EvaluationClaim"/>, over the report's canonical bytes; empty for the node's own work.</param>
[Message("evolution.audit-report")]
public sealed record AuditReport(
    [property: Key(0)] string WorkId, [property: Key(1)] int Segment, [property: Key(2)] string FirstHash, [property: Key(3)] double FirstError,
    [property: Key(4)] string StateHash, [property: Key(5)] double Error, [property: Key(6)] byte[] Signature) : IWorkResult;
