using System.Collections.Immutable;
using Athanor.Protocol;
using Athanor.Protocol.Evolution;

namespace Athanor.Actors.Evolution;

/// <summary>What events make of a population: copies, no calculation.</summary>
internal static class PopulationApply
{
    public static PopulationState Apply(PopulationState state, IEvent @event) => @event switch
    {
        PopulationStarted e => state with { Spec = e.Spec, Phase = PopulationPhase.Recruiting },
        PeerJoined e => state with { Participants = state.Participants.SetItem(e.Name, new Participant(e.PublicKey, e.DeviceClass, "")) },
        PeerSetAside e => state with
        {
            Participants = state.Participants.SetItem(e.Name, state.Participants[e.Name] with { Barred = e.Reason }),
        },
        Recruited => state with { Phase = PopulationPhase.Running },
        OrderDrawn e => state with { Orders = state.Orders.SetItem(e.Block, e.Order) },
        CandidateBred e => state with
        {
            Candidates = state.Candidates.SetItem(
                e.Number,
                new Candidate(e.Genome, e.Parents, e.Seed, CandidateStage.Waiting, 0, -1, "", null, [], [], 0, 0, "")),
        },
        CandidateAssigned e => With(state, e.Number, c => c with
        {
            Stage = CandidateStage.Evaluating,
            Attempt = e.Attempt,
            Position = e.Position,
            Evaluator = e.Evaluator,
        }),
        CandidateClaimed e => With(state, e.Number, c => c with { Stage = CandidateStage.Claimed, Claim = e.Claim }),
        ClaimChallenged e => With(state, e.Number, c => c with
        {
            Stage = CandidateStage.Auditing,
            Verifiers = e.Order,
            Audits = [.. e.Segments.Select(s => new SegmentAudit(s, -1, -1, "", AuditStage.Pending, null))],
        }),
        AuditAssigned e => WithAudit(state, e.Number, e.Segment, a => a with
        {
            Try = e.Try,
            Position = e.Position,
            Verifier = e.Verifier,
            Stage = AuditStage.Pending,
            Report = null,
        }),
        SegmentAudited e => WithAudit(state with { Audits = state.Audits + (e.Verifier.Length == 0 ? 0 : 1) }, e.Number, e.Segment, a => a with
        {
            Stage = e.Agrees ? AuditStage.Agreed : a.Stage,
            Verifier = e.Verifier,
            Report = e.Report,
        }),
        SegmentDisputed e => WithAudit(
            state with { Refereed = state.Refereed + 1 }, e.Number, e.Segment, a => a with { Stage = AuditStage.Disputed }),
        ClaimJudged e => Judged(state, e),
        CandidateApplied e => With(
            state with
            {
                Applied = e.Number + 1,
                Archive = e.Archive,
                Front = e.Front,
                Hypervolumes = state.Hypervolumes.Add(e.Hypervolume),
            },
            e.Number, c => c with { Stage = CandidateStage.Applied, Claim = null, Verifiers = [], Audits = [] }),
        PopulationFailed e => state with { Phase = PopulationPhase.Failed, Failure = e.Reason },
        PopulationFinished => state with { Phase = PopulationPhase.Finished },
        _ => throw new InvalidOperationException($"{@event.GetType().Name} is no event of a population"),
    };

    private static PopulationState Judged(PopulationState state, ClaimJudged e)
    {
        state = state with { Verdicts = state.Verdicts.Add(e.Line) };
        return With(state, e.Number, c => e.Line.Outcome == Outcome.Confirmed
            ? c with { Stage = CandidateStage.Confirmed, Error = c.Claim!.Error, Parameters = c.Claim.Parameters, Root = c.Claim.Root }
            : c with { Stage = CandidateStage.Waiting, Attempt = e.Attempt + 1, Claim = null, Verifiers = [], Audits = [] });
    }

    private static PopulationState With(PopulationState state, int number, Func<Candidate, Candidate> change) =>
        state with { Candidates = state.Candidates.SetItem(number, change(state.Candidates[number])) };

    private static PopulationState WithAudit(PopulationState state, int number, int segment, Func<SegmentAudit, SegmentAudit> change) =>
        With(state, number, c => c with { Audits = [.. c.Audits.Select(a => a.Segment == segment ? change(a) : a)] });
}
