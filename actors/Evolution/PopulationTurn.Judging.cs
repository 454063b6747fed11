using System.Globalization;
using Athanor.Protocol;
using Athanor.Protocol.Evolution;

namespace Athanor.Actors.Evolution;

internal sealed partial class PopulationTurn
{
    public bool Is(int number, int attempt, CandidateStage stage) =>
        State.Candidates.TryGetValue(number, out var c) && c.Stage == stage && c.Attempt == attempt;

    public bool Evaluates(int number, int attempt) => Is(number, attempt, CandidateStage.Evaluating);

    public bool Audits(int number, int attempt, int segment, int @try) =>
        Is(number, attempt, CandidateStage.Auditing) && AuditOf(number, segment) is { Stage: AuditStage.Pending } audit && audit.Try == @try;

    public bool Referees(int number, int attempt, int segment) =>
        Is(number, attempt, CandidateStage.Auditing) && AuditOf(number, segment) is { Stage: AuditStage.Disputed };

    public void TakeClaim(int number, EvaluationClaim claim)
    {
        var candidate = State.Candidates[number];
        var prover = candidate.Evaluator;
        Do(new Effect.CancelTimer($"evaluate-{number}"));
        var key = prover.Length == 0 ? null : State.Participants[prover].PublicKey;
        var workId = WorkId(WorkNames.Evaluate(number, candidate.Attempt));
        if (EvaluationSpecs.Fault(SpecOf(number), workId, prover, claim, key) is { } fault)
        {
            Judge(number, Outcome.Invalid, double.IsFinite(claim.Error) ? claim.Error : 0, fault, []);
            if (prover.Length > 0) Convict(prover, workId, $"candidate {number}: the claim contradicts itself: {fault}");
            return;
        }
        Emit(new CandidateClaimed(number, candidate.Attempt, claim));
        if (prover.Length == 0) Judge(number, Outcome.Confirmed, claim.Error, "the node's own work", []);
    }

    public void TakeReport(int number, int segment, AuditReport report)
    {
        var candidate = State.Candidates[number];
        var audit = AuditOf(number, segment)!;
        Do(new Effect.CancelTimer($"audit-{number}-{segment}"));
        var verifier = audit.Verifier;
        var work = AuditWork(number, segment, WorkNames.Audit(number, candidate.Attempt, segment, audit.Try), verifier);
        if (EvaluationSpecs.Fault(work, report, verifier.Length == 0 ? null : State.Participants[verifier].PublicKey) is { } fault)
        {
            if (verifier.Length == 0) Void(number, $"the node's replay of segment {segment}: {fault}");
            else Convict(verifier, work.WorkId, $"candidate {number}, segment {segment}: the report contradicts itself: {fault}");
            return;
        }
        var agrees = EvaluationSpecs.Agrees(candidate.Claim!, report);
        Emit(new SegmentAudited(number, candidate.Attempt, segment, verifier, report, agrees));
        if (agrees) ConfirmIfAllAgree(number);
        else if (verifier.Length == 0) Forged(number, segment, report);
        else Dispute(number, segment, verifier);
    }

    /// <summary>The referee's replay decides who of prover and verifier is right; both may be wrong.</summary>
    public void TakeRuling(int number, int segment, AuditReport ruling)
    {
        var candidate = State.Candidates[number];
        var audit = AuditOf(number, segment)!;
        var (verifier, said) = (audit.Verifier, audit.Report!);
        var prover = EvaluationSpecs.Agrees(candidate.Claim!, ruling);
        Emit(new SegmentAudited(number, candidate.Attempt, segment, "", ruling, prover));
        if (said.StateHash != ruling.StateHash || said.FirstHash != ruling.FirstHash || said.Error != ruling.Error || said.FirstError != ruling.FirstError)
        {
            // Before a confirmation, so that other segments of this claim are not believed on this verifier's word.
            Convict(verifier, said.WorkId, string.Create(CultureInfo.InvariantCulture,
                $"candidate {number}, segment {segment}: its audit reported state {Short(said.StateHash)}, the node's replay is {Short(ruling.StateHash)}"));
        }
        if (prover) ConfirmIfAllAgree(number);
        else Forged(number, segment, ruling);
    }

    /// <summary>Gives a segment to the next verifier of the challenge's order, the prover left out; to the node when the order is through.</summary>
    public void ReplaceVerifier(int number, int segment)
    {
        var candidate = State.Candidates[number];
        var audit = AuditOf(number, segment)!;
        var before = audit.Try;
        if (before >= 0) Do(new Effect.CancelWork(WorkNames.Audit(number, candidate.Attempt, segment, before)));
        var place = candidate.Audits.IndexOf(audit);
        // The challenged segments start at different places, so that they go to different verifiers.
        var from = before < 0 ? place : audit.Position + 1;
        var limit = Rounds + place / Math.Max(1, candidate.Verifiers.Length);
        var (position, name) = Next(candidate.Verifiers, from, limit);
        Emit(new AuditAssigned(number, candidate.Attempt, segment, before + 1, position, name));
        var work = WorkNames.Audit(number, candidate.Attempt, segment, before + 1);
        DispatchAudit(number, segment, work, name);
        if (name.Length > 0)
        {
            Do(new Effect.SetTimer(
                $"audit-{number}-{segment}", context.Now + Spec.Silence, new AuditOverdue(number, candidate.Attempt, segment, before + 1)));
        }
        else
        {
            Do(new Effect.CancelTimer($"audit-{number}-{segment}"));
        }
    }

    /// <summary>The evaluator has not answered, or could not do it: the next one gets it.</summary>
    public void Silent(int number, string reason)
    {
        Do(new Effect.CancelWork(WorkNames.Evaluate(number, State.Candidates[number].Attempt)));
        Do(new Effect.CancelTimer($"evaluate-{number}"));
        var own = State.Candidates[number].Evaluator.Length == 0;
        Judge(number, Outcome.Silent, 0, reason, []);
        if (own) Emit(new PopulationFailed($"the node itself could not evaluate candidate {number}: {reason}"));
    }

    /// <summary>Takes back a claim, or an evaluation that runs, without a verdict on it; it is computed again.</summary>
    public void Void(int number, string reason)
    {
        var candidate = State.Candidates[number];
        if (candidate.Stage == CandidateStage.Evaluating)
        {
            Do(new Effect.CancelWork(WorkNames.Evaluate(number, candidate.Attempt)));
            Do(new Effect.CancelTimer($"evaluate-{number}"));
        }
        Judge(number, Outcome.Voided, candidate.Claim?.Error ?? 0, reason, []);
    }

    private void Dispute(int number, int segment, string verifier)
    {
        var attempt = State.Candidates[number].Attempt;
        Emit(new SegmentDisputed(number, attempt, segment, verifier, "the replay came to another state"));
        DispatchAudit(number, segment, WorkNames.Referee(number, attempt, segment), "");
    }

    private void ConfirmIfAllAgree(int number)
    {
        var candidate = State.Candidates[number];
        if (!candidate.Audits.All(a => a.Stage == AuditStage.Agreed)) return;
        Judge(number, Outcome.Confirmed, candidate.Claim!.Error, "", [.. candidate.Audits.Select(a => a.Verifier)]);
        var workId = WorkId(WorkNames.Evaluate(number, candidate.Attempt));
        Tell(candidate.Evaluator, workId, true, "");
    }

    private void Forged(int number, int segment, AuditReport truth)
    {
        var candidate = State.Candidates[number];
        var claim = candidate.Claim!;
        var claimed = string.Create(CultureInfo.InvariantCulture,
            $"candidate {number}, segment {segment}: claimed state {Short(claim.StateHashes[segment])} with error {claim.Errors[segment]:0.0000}, ");
        var evidence = claimed + (truth.StateHash.Length == 0
            ? "but the state committed to before it is none of this training, so the node's replay is none"
            : string.Create(CultureInfo.InvariantCulture, $"the node's replay is {Short(truth.StateHash)} with {truth.Error:0.0000}"));
        Judge(number, Outcome.Forged, claim.Error, evidence, [.. candidate.Audits.Where(a => a.Report is not null).Select(a => a.Verifier)]);
        Convict(candidate.Evaluator, WorkId(WorkNames.Evaluate(number, candidate.Attempt)), evidence);
    }

    private void Convict(string peer, string workId, string evidence)
    {
        Tell(peer, workId, false, evidence);
        if (State.Participants[peer].Barred.Length == 0) Bar(peer, evidence);
    }

    /// <summary>Ends a claim's way. Unless confirmed, audits that still run are called back.</summary>
    private void Judge(int number, Outcome outcome, double claimed, string reason, IEnumerable<string> verifiers)
    {
        var candidate = State.Candidates[number];
        if (outcome != Outcome.Confirmed && candidate.Stage == CandidateStage.Auditing)
        {
            foreach (var audit in candidate.Audits.Where(a => a.Stage != AuditStage.Agreed))
            {
                Do(new Effect.CancelTimer($"audit-{number}-{audit.Segment}"));
                Do(new Effect.CancelWork(audit.Stage == AuditStage.Disputed
                    ? WorkNames.Referee(number, candidate.Attempt, audit.Segment)
                    : WorkNames.Audit(number, candidate.Attempt, audit.Segment, audit.Try)));
            }
        }
        Emit(new ClaimJudged(number, candidate.Attempt, new VerdictLine(
            number, candidate.Attempt, candidate.Evaluator, outcome, claimed, reason, [.. verifiers.Distinct().Order(StringComparer.Ordinal)])));
    }

    private SegmentAudit? AuditOf(int number, int segment) => State.Candidates[number].Audits.FirstOrDefault(a => a.Segment == segment);

    private Audit AuditWork(int number, int segment, string name, string verifier)
    {
        var candidate = State.Candidates[number];
        var claim = candidate.Claim!;
        var spec = SpecOf(number);
        var chain = EvaluationSpecs.Chain(spec, candidate.Evaluator, claim);
        return segment == 1
            ? new Audit(WorkId(name), spec, candidate.Evaluator, claim.Root, 1, "", 0, "", [], verifier)
            : new Audit(
                WorkId(name), spec, candidate.Evaluator, claim.Root, segment, claim.StateHashes[segment - 1], claim.Errors[segment - 1],
                chain.Before(segment - 1), [.. chain.Path(segment - 1)], verifier);
    }

    private void DispatchAudit(int number, int segment, string name, string verifier)
    {
        var work = AuditWork(number, segment, name, verifier);
        // Audits go before new evaluations: results wait for them, and candidates for results.
        Do(new Effect.Dispatch(
            name, work, work.Spec.Seed, segment == 1 ? [Spec.Table.Blob] : [Spec.Table.Blob, work.StateBefore], Deadline, Pool(verifier), 1));
    }

    private static string Short(string hash) => hash.Length < 12 ? "none" : hash[..12];
}
