using System.Collections.Immutable;
using Athanor.Compute.Evolution;
using Athanor.Compute.Trust;
using Athanor.Protocol.Evolution;

namespace Athanor.Actors.Evolution;

/// <summary>What population, peers, gateway and slots must agree about: a spec's hash, and the statements that are signed.</summary>
public static class EvaluationSpecs
{
    /// <summary>SHA-256 (hex) of the spec's canonical bytes.</summary>
    public static string Hash(EvaluationSpec spec)
    {
        var writer = new CanonicalWriter("athanor.evaluation.1")
            .Text(spec.Population).Number(spec.Candidate).Text(GenomeOf(spec.Genome).Hash()).Number(unchecked((long)spec.Seed))
            .Text(spec.Table.Blob).Number(spec.Table.Inputs).Number(spec.Table.TrainingRows).Number(spec.Table.ValidationRows)
            .Number(spec.Schedule.Segments).Number(spec.Schedule.StepsPerSegment)
            .Text(spec.Numeric.Precision).Text(spec.Numeric.DeviceClass).Text(spec.Numeric.KernelSet).Number(spec.Parents.Length);
        foreach (var parent in spec.Parents) writer.Text(parent);
        return Convert.ToHexStringLower(writer.Hash());
    }

    /// <summary>What the prover signs.</summary>
    /// <exception cref="ArgumentException">A metric is NaN.</exception>
    public static byte[] Statement(EvaluationSpec spec, string prover, EvaluationClaim claim) => new Claim(
        claim.WorkId, claim.SpecHash, spec.Seed, spec.Table.Blob, spec.Parents, spec.Numeric.Precision, spec.Numeric.DeviceClass,
        spec.Numeric.KernelSet, prover, claim.Root, [claim.Error, claim.Parameters]).CanonicalBytes();

    /// <summary>What the verifier signs.</summary>
    /// <exception cref="ArgumentException">A metric is NaN.</exception>
    public static byte[] Statement(string verifier, AuditReport report) => new ReplayStatement(
        report.WorkId, verifier, report.Segment, report.FirstHash, report.FirstError, report.StateHash, report.Error).CanonicalBytes();

    /// <summary>The chain that a claim opens.</summary>
    /// <exception cref="ArgumentException">The opening is malformed.</exception>
    public static StateChain Chain(EvaluationSpec spec, string prover, EvaluationClaim claim) =>
        StateChain.Build(Hash(spec), prover, claim.StateHashes, claim.Errors);

    public static NetworkGenome GenomeOf(Genome genome) => new(genome.Widths, genome.LearningRate, genome.BatchSize);

    public static Genome GenomeOf(NetworkGenome genome) => new(genome.Widths, genome.LearningRate, genome.BatchSize);

    public static SearchSpace SpaceOf(SearchSpaceSpec space) =>
        new(space.Layers, space.Widths, space.LearningRates, space.BatchSizes);

    /// <summary>What is wrong with a claim as it stands, or null: everything that can be said without computing anything again.</summary>
    /// <param name="publicKey">The prover's enrolled key; null for the node's own work, which is not signed.</param>
    public static string? Fault(EvaluationSpec spec, string workId, string prover, EvaluationClaim claim, byte[]? publicKey)
    {
        if (claim.WorkId != workId) return $"it is for the work '{claim.WorkId}'";
        if (claim.SpecHash != Hash(spec)) return "it is for another spec";
        if (claim.StateHashes.Length != spec.Schedule.Segments + 1 || claim.Errors.Length != claim.StateHashes.Length)
            return $"it opens {claim.StateHashes.Length} states; the schedule has {spec.Schedule.Segments + 1}";
        if (!claim.StateHashes.All(StateChain.IsHash)) return "a state's hash is not a SHA-256 in lower-case hex";
        if (!claim.Errors.All(double.IsFinite) || !(claim.Error >= 0)) return "an error is not a finite number of at least 0";
        if (BitConverter.DoubleToInt64Bits(claim.Error) != BitConverter.DoubleToInt64Bits(claim.Errors[^1]))
            return $"it claims the error {claim.Error} and commits to {claim.Errors[^1]}";
        if (claim.Parameters != GenomeOf(spec.Genome).Parameters(spec.Table.Inputs))
            return $"it claims {claim.Parameters} parameters; the genome has {GenomeOf(spec.Genome).Parameters(spec.Table.Inputs)}";
        if (Chain(spec, prover, claim).Root != claim.Root) return "its root is not that of its states";
        if (publicKey is not null && !PeerKey.Verify(publicKey, Statement(spec, prover, claim), claim.Signature))
            return "its signature is not by the peer's key";
        return null;
    }

    /// <summary>What is wrong with an audit report as it stands, or null.</summary>
    public static string? Fault(Audit audit, AuditReport report, byte[]? publicKey)
    {
        if (report.WorkId != audit.WorkId || report.Segment != audit.Segment) return $"it is for '{report.WorkId}', segment {report.Segment}";
        if (double.IsNaN(report.Error) || double.IsNaN(report.FirstError)) return "an error is not a number";
        if (publicKey is not null && !PeerKey.Verify(publicKey, Statement(audit.Verifier, report), report.Signature))
            return "its signature is not by the peer's key";
        return null;
    }

    /// <summary>Whether a replay came to what the claim commits to, bit for bit.</summary>
    public static bool Agrees(EvaluationClaim claim, AuditReport report) =>
        report.Segment >= 1 && report.Segment < claim.StateHashes.Length
        && report.StateHash == claim.StateHashes[report.Segment] && Same(report.Error, claim.Errors[report.Segment])
        && (report.Segment != 1 || (report.FirstHash == claim.StateHashes[0] && Same(report.FirstError, claim.Errors[0])));

    private static bool Same(double a, double b) => BitConverter.DoubleToInt64Bits(a) == BitConverter.DoubleToInt64Bits(b);
}
