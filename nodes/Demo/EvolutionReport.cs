using System.Globalization;
using System.Text;
using Athanor.Actors.Evolution;
using Athanor.Nodes.Reports;
using Athanor.Protocol.Evolution;

namespace Athanor.Nodes.Demo;

/// <summary>What an evolution run has to show, and what of it the result hash covers.</summary>
internal static class EvolutionReport
{
    /// <summary>Archive, lineage of confirmed results, front and hypervolume, and who is quarantined: all independent of timing, of kills and
    /// of the peers' keys. Evaluators, roots, attempts and verdicts on replaced claims are not, and stay out.</summary>
    public static void AddResults(ResultHash results, PopulationView view)
    {
        var lineage = new StringBuilder();
        foreach (var c in view.Applied)
        {
            lineage.Append(CultureInfo.InvariantCulture,
                $"{c.Number} <- {string.Join(',', c.Parents)} {EvaluationSpecs.GenomeOf(c.Genome).Hash()} {BitConverter.DoubleToInt64Bits(c.Error):x16} {c.Parameters}\n");
        }
        results.Add("evolution/lineage", lineage.ToString());
        results.Add("evolution/archive", string.Join(',', view.Archive));
        results.Add("evolution/front", string.Join(',', view.Front));
        results.Add("evolution/hypervolume", view.Hypervolumes.AsSpan());
        results.Add("evolution/quarantined", string.Join(',', view.Barred.Keys));
    }

    public static void Write(Section section, PopulationView view)
    {
        var spec = view.Spec!;
        var byNumber = view.Applied.ToDictionary(c => c.Number);
        var best = view.Applied.MinBy(c => c.Error)!;
        section.Say(
            $"{view.Applied.Length} networks were bred against two objectives, validation error and number of parameters, and evaluated by "
            + $"{spec.Peers.Length} peer processes that came in through the gateway. Candidate n was bred after exactly the candidates up to "
            + $"n - {spec.Window} had been applied in order, so archive and lineage do not depend on who was fast, killed or caught. Every claim "
            + "was signed, committed to by a Merkle root over its states, and audited: the first and the last segment and a drawn one were "
            + "replayed blind by other peers; disputes were settled by a replay on the node itself.");
        var forged = view.Verdicts.Where(v => v.Outcome is Outcome.Forged or Outcome.Invalid).ToArray();
        section.Add(new Figure("Candidates applied", $"{view.Applied.Length}", $"{spec.Candidates}", view.Applied.Length == spec.Candidates));
        section.Add(new Figure("Least validation error", string.Create(CultureInfo.InvariantCulture, $"{best.Error:0.000} dB ({best.Parameters} parameters)")));
        section.Add(new Figure("Hypervolume", string.Create(CultureInfo.InvariantCulture, $"{view.Hypervolumes[^1]:0.0000} of the reference box")));
        section.Add(new Figure("Segments audited, disputed", $"{view.Audits}, {view.Refereed}"));
        section.Add(new Figure(
            "Quarantined", view.Barred.IsEmpty ? "nobody" : string.Join(", ", view.Barred.Keys), "chen", view.Barred.Keys.SequenceEqual(["chen"])));
        // An error of 0 is the poisoned best: it must not be among what was applied.
        section.Add(new Figure("Poisoned best applied", best.Error > 0 ? "no" : "yes", "no", best.Error > 0));
        section.Add(Front(view, byNumber));
        section.Add(new Plot(
            "Hypervolume", "candidates applied", "fraction of the reference box",
            [new Series.Line("all applied so far", [.. Enumerable.Range(1, view.Hypervolumes.Length).Select(i => (double)i)], [.. view.Hypervolumes])],
            string.Create(CultureInfo.InvariantCulture, $"Reference point: {spec.ReferenceError} dB, {spec.ReferenceParameters} parameters.")));
        section.Add(Lineage(view, byNumber));
        section.Add(Verdicts(view));
        section.Add(new Table(
            "Claims that were not confirmed, and who computed the candidate in the end", ["Candidate", "Peer", "Claimed error / dB", "Verdict", "Why", "Computed by"],
            [
                .. view.Verdicts.Where(v => v.Outcome != Outcome.Confirmed).Select(v => (IReadOnlyList<string>)
                [
                    $"{v.Candidate}", Name(v.Prover), v.Outcome == Outcome.Silent ? "" : v.ClaimedError.ToString("0.000", CultureInfo.InvariantCulture),
                    Word(v.Outcome), v.Reason, byNumber.TryGetValue(v.Candidate, out var done) ? Name(done.Evaluator) : "",
                ]),
            ]));
        if (forged.Length > 0)
        {
            section.Say($"{string.Join(", ", forged.Select(f => f.Prover).Distinct())} forged: the claim was refuted by a replay of the node, the "
                + "peer quarantined, and everything that it had not had confirmed was computed again by others.");
        }
    }

    private static Plot Front(PopulationView view, Dictionary<int, AppliedCandidate> byNumber)
    {
        var counted = view.Applied.Where(c => c.Error < view.Spec!.ReferenceError).ToArray();
        var front = view.Front.Select(i => byNumber[i]).OrderBy(c => c.Parameters).ToArray();
        return new Plot(
            "Error against size", "parameters", "validation error / dB",
            [
                new Series.Points("applied", [.. counted.Select(c => (double)c.Parameters)], [.. counted.Select(c => c.Error)]),
                new Series.Line("Pareto front", [.. front.Select(c => (double)c.Parameters)], [.. front.Select(c => c.Error)]),
            ],
            "Each point is one network that peers trained and other peers replayed; nothing on the front is worse than another in both.")
        {
            LogX = true,
        };
    }

    private static Plot Lineage(PopulationView view, Dictionary<int, AppliedCandidate> byNumber)
    {
        var counted = view.Applied.Where(c => c.Error < view.Spec!.ReferenceError).ToArray();
        // The ancestors of the front alone: every birth at once is a thicket.
        var ancestors = new HashSet<int>(view.Front);
        foreach (var number in byNumber.Keys.OrderDescending())
        {
            if (ancestors.Contains(number)) ancestors.UnionWith(byNumber[number].Parents);
        }
        var edges = ancestors.Order().SelectMany(n => byNumber[n].Parents.Select(p => (From: byNumber[p], To: byNumber[n]))).ToArray();
        return new Plot(
            "Lineage of confirmed results", "candidate", "validation error / dB",
            [
                new Series.Edges(
                    "ancestry of the front", [.. edges.Select(e => (double)e.From.Number)], [.. edges.Select(e => e.From.Error)],
                    [.. edges.Select(e => (double)e.To.Number)], [.. edges.Select(e => e.To.Error)]),
                new Series.Points("all candidates", [.. counted.Select(c => (double)c.Number)], [.. counted.Select(c => c.Error)]),
            ],
            "How the Pareto front was bred. Every edge leads from a confirmed parent; none starts at a forged claim.");
    }

    private static Table Verdicts(PopulationView view)
    {
        var outcomes = Enum.GetValues<Outcome>();
        var rows = view.Spec!.Peers.Append("").Select(peer => (IReadOnlyList<string>)
        [
            Name(peer),
            .. outcomes.Select(o => $"{view.Verdicts.Count(v => v.Prover == peer && v.Outcome == o)}"),
            view.Barred.TryGetValue(peer, out var why) ? why : "",
        ]);
        return new Table("Verdicts by peer", ["Peer", .. outcomes.Select(Word), "Quarantined because"], [.. rows]);
    }

    private static string Name(string peer) => peer.Length == 0 ? "the node" : peer;

    private static string Word(Outcome outcome) => outcome switch
    {
        Outcome.Confirmed => "confirmed",
        Outcome.Forged => "forged",
        Outcome.Invalid => "invalid",
        Outcome.Voided => "void",
        _ => "silent",
    };
}
