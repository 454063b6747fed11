using Athanor.Protocol;
using Athanor.Protocol.Evolution;

namespace Athanor.Actors.Evolution;

/// <summary>What a population's spec must be.</summary>
public static class PopulationSpecs
{
    /// <summary>What is wrong with it and what would be right, or null.</summary>
    public static string? Fault(PopulationSpec spec)
    {
        if (spec.Candidates < 1) return $"candidates is {spec.Candidates}; at least 1 is needed";
        if (spec.Window < 1) return $"window is {spec.Window}; at least 1 is needed";
        if (spec.ArchiveSize < 2) return $"archiveSize is {spec.ArchiveSize}; at least 2 parents are needed";
        if (spec.Schedule.Segments is < 1 or > 1024) return $"segments is {spec.Schedule.Segments}; it must be 1 to 1024";
        if (spec.Schedule.StepsPerSegment < 1) return $"stepsPerSegment is {spec.Schedule.StepsPerSegment}; at least 1 is needed";
        if (spec.ExtraSegments < 0) return $"extraSegments is {spec.ExtraSegments}; it must be 0 or more";
        if (spec.Silence <= TimeSpan.Zero) return $"silence is {spec.Silence}; it must be longer than nothing";
        if (!(spec.ReferenceError > 0 && double.IsFinite(spec.ReferenceError))) return $"referenceError is {spec.ReferenceError}; it must be above 0";
        if (!(spec.ReferenceParameters > 0 && double.IsFinite(spec.ReferenceParameters)))
            return $"referenceParameters is {spec.ReferenceParameters}; it must be above 0";
        if (spec.Table is { Inputs: < 1 } or { TrainingRows: < 1 } or { ValidationRows: < 1 })
            return $"the table has {spec.Table.Inputs} inputs, {spec.Table.TrainingRows} training and {spec.Table.ValidationRows} validation rows; each must be at least 1";
        if (!Compute.Trust.StateChain.IsHash(spec.Table.Blob)) return $"the table's blob '{spec.Table.Blob}' is not a SHA-256 in lower-case hex";
        foreach (var peer in spec.Peers)
        {
            if (!EntityAddress.IsValidPart(peer)) return $"the peer '{peer}' is no valid name; letters, digits, '.', '_' and '-' are";
        }
        if (spec.Peers.Distinct(StringComparer.Ordinal).Count() != spec.Peers.Length) return "a peer is named twice";
        try
        {
            _ = EvaluationSpecs.SpaceOf(spec.Space);
        }
        catch (ArgumentException e)
        {
            return $"the search space: {e.Message}";
        }
        if (spec.Space.BatchSizes[^1] > spec.Table.TrainingRows)
            return $"a batch of {spec.Space.BatchSizes[^1]} rows is more than the {spec.Table.TrainingRows} training rows";
        return null;
    }

    /// <summary>Whether two specs ask for the same run.</summary>
    public static bool Same(PopulationSpec a, PopulationSpec b) =>
        a with { Space = b.Space, Peers = b.Peers } == b
        && a.Peers.SequenceEqual(b.Peers) && a.Space.Layers == b.Space.Layers && a.Space.Widths.SequenceEqual(b.Space.Widths)
        && a.Space.LearningRates.SequenceEqual(b.Space.LearningRates) && a.Space.BatchSizes.SequenceEqual(b.Space.BatchSizes);
}
