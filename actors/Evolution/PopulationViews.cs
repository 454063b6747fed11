using System.Collections.Immutable;
using Athanor.Protocol.Evolution;

namespace Athanor.Actors.Evolution;

/// <summary>A population as reports show it.</summary>
internal static class PopulationViews
{
    public static PopulationView Of(PopulationState state) => new(
        state.Spec, state.Phase, state.Candidates.Count,
        [
            .. state.Candidates.Where(c => c.Value.Stage == CandidateStage.Applied).Select(c => new AppliedCandidate(
                c.Key, c.Value.Genome, c.Value.Parents, c.Value.Error, c.Value.Parameters, c.Value.Evaluator, c.Value.Root)),
        ],
        state.Archive, state.Front, state.Hypervolumes, state.Verdicts,
        state.Participants.Where(p => p.Value.Barred.Length > 0)
            .ToImmutableSortedDictionary(p => p.Key, p => p.Value.Barred, StringComparer.Ordinal),
        state.Audits, state.Refereed, state.Failure);
}
