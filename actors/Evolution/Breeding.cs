using System.Collections.Immutable;
using Athanor.Compute.Evolution;
using Athanor.Compute.Numerics;
using Athanor.Protocol.Evolution;

namespace Athanor.Actors.Evolution;

/// <summary>Breeding and selection: functions of (spec, candidate number, what was applied before it), never of time or order of arrival.</summary>
internal static class Breeding
{
    /// <summary>What an error must be below to count at all; a training that diverged is given more.</summary>
    public const double Diverged = 1e30;

    /// <summary>Candidate n, bred from the archive as it stands. Random while fewer than two parents are known.</summary>
    public static CandidateBred Breed(PopulationState state, int number)
    {
        var spec = state.Spec!;
        var space = EvaluationSpecs.SpaceOf(spec.Space);
        var random = new Philox(Seeds.Derive(spec.Seed, $"breed:{number}"));
        var known = state.Candidates.Values.Select(c => EvaluationSpecs.GenomeOf(c.Genome).Hash()).ToHashSet(StringComparer.Ordinal);
        var seed = Seeds.Derive(spec.Seed, $"train:{number}");
        if (state.Archive.Length < 2)
            return new CandidateBred(number, EvaluationSpecs.GenomeOf(space.Fresh(known.Contains, ref random)), [], seed);

        var (fronts, crowding) = Nsga2.Rank([.. state.Archive.Select(i => Of(state.Candidates[i]))]);
        var a = state.Archive[Nsga2.Tournament(fronts, crowding, ref random)];
        var b = state.Archive[Nsga2.Tournament(fronts, crowding, ref random)];
        var child = space.Child(
            EvaluationSpecs.GenomeOf(state.Candidates[a].Genome), EvaluationSpecs.GenomeOf(state.Candidates[b].Genome), known.Contains, ref random);
        return new CandidateBred(number, EvaluationSpecs.GenomeOf(child), a == b ? [a] : [Math.Min(a, b), Math.Max(a, b)], seed);
    }

    /// <summary>What the archive, the front and the hypervolume are once the next confirmed candidate is applied.</summary>
    public static CandidateApplied Enter(PopulationState state)
    {
        var spec = state.Spec!;
        var number = state.Applied;
        int[] pool = Counts(state.Candidates[number]) ? [.. state.Archive, number] : [.. state.Archive];
        ImmutableArray<int> archive = [.. Nsga2.Survivors([.. pool.Select(i => Of(state.Candidates[i]))], spec.ArchiveSize).Select(k => pool[k])];

        int[] all = Counts(state.Candidates[number]) ? [.. state.Front, number] : [.. state.Front];
        var points = all.Select(i => Of(state.Candidates[i])).ToArray();
        var fronts = Nsga2.Fronts(points);
        ImmutableArray<int> front =
        [
            .. Enumerable.Range(0, all.Length).Where(k => fronts[k] == 0).OrderBy(k => points[k].First).ThenBy(k => all[k]).Select(k => all[k]),
        ];
        var reference = new Objectives(spec.ReferenceError, spec.ReferenceParameters);
        var volume = Hypervolume.Of(front.Select(i => Of(state.Candidates[i])), reference) / (reference.First * reference.Second);
        return new CandidateApplied(number, archive, front, volume);
    }

    private static bool Counts(Candidate candidate) => candidate.Error < Diverged;

    private static Objectives Of(Candidate candidate) => new(candidate.Error, candidate.Parameters);
}
