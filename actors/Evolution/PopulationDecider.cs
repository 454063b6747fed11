using Athanor.Compute.Trust;
using Athanor.Protocol;
using Athanor.Protocol.Evolution;

namespace Athanor.Actors.Evolution;

/// <summary>
/// A population that evolves over peers that nobody trusts.
///
/// Roles. The population numbers candidates when it breeds them, gives each to one peer (the prover), has claims audited by other peers (the
/// verifiers) and, where two disagree, by the node's own slot (the referee). Peers' own entities keep their keys and records.
///
/// Order. Results are applied in the order of their numbers, and candidate n is bred after exactly the candidates 0 to n - W were applied.
/// So archive, lineage and front are functions of the spec alone: not of who was fast, silent, killed or caught. Prover and verifiers
/// follow from HMACs under the population's secret, which a handler reads from a key file: the challenge to a claim cannot be known before the
/// claim's root is fixed. Each HMAC is recorded in the event that uses it, the secret never.
///
/// A candidate's way: Waiting → Evaluating → Claimed → Auditing → Confirmed → Applied; a claim that is not confirmed leads back to Waiting
/// with the next peer in the drawn order, and after three rounds of the order to the node itself, so a run always ends.
///
/// Audits. Every claim is audited (peers of a run are on probation): the first and the last segment and some drawn ones are replayed from
/// the committed state before them by a verifier that is not told the state after. The last segment's replay includes the score.
///
/// Failures. A silent prover or verifier is replaced after the spec's time, without penalty. A claim that contradicts itself bars its
/// prover. A disagreement goes to the referee: if its replay equals the claim, the verifier lied and is barred; if not, the prover is.
/// When a peer is barred its unconfirmed claims are void and computed again by others, and what it said as a verifier on claims that are not
/// judged yet is asked of others; the peer's entity is told, and tells other populations. Work of the node itself is believed. A draw that
/// fails (no key file) is asked for again by a timer.
/// </summary>
public sealed class PopulationDecider : Decider<PopulationState>
{
    public override string Family => "evolution";

    public override PopulationState Initial(EntityAddress address) => PopulationState.Of(address);

    public override PopulationState Apply(PopulationState state, IEvent @event) => PopulationApply.Apply(state, @event);

    public override IReadOnlyList<Effect> Decide(PopulationState state, ICommand command, DecisionContext context)
    {
        var turn = new PopulationTurn(state, context);
        switch (command)
        {
            case StartPopulation c:
                Start(turn, c.Spec);
                break;
            case PeerEnrolled c:
                Join(turn, c);
                break;
            case PeerBarred c:
                if (turn.State.Participants.TryGetValue(c.Name, out var peer) && peer.Barred.Length == 0)
                    turn.Bar(c.Name, c.Reason);
                break;
            case ComputeCompleted { Result: Drawn drawn } c:
                TakeDraw(turn, c.Name, drawn.Bytes);
                break;
            case ComputeFailed:
                turn.Do(new Effect.SetTimer("draw-again", context.Now + TimeSpan.FromSeconds(5), new DrawAgain()));
                break;
            case DrawAgain:
                foreach (var awaited in PopulationTurn.Awaiting(state)) turn.Do(awaited);
                break;
            case WorkCompleted c:
                TakeResult(turn, c);
                break;
            case WorkFailed c:
                TakeFailure(turn, c);
                break;
            case EvaluationOverdue c:
                if (turn.Evaluates(c.Candidate, c.Attempt)) turn.Silent(c.Candidate, "no answer in time");
                break;
            case AuditOverdue c:
                if (turn.Audits(c.Candidate, c.Attempt, c.Segment, c.Try)) turn.ReplaceVerifier(c.Candidate, c.Segment);
                break;
            default:
                return [new Effect.Reply(new Rejected("invalid", $"a population does not know the command {command.GetType().Name}"))];
        }
        return turn.Finish();
    }

    public override IReply Answer(PopulationState state, IQuery query) => query switch
    {
        ShowPopulation => PopulationViews.Of(state),
        _ => new Rejected("invalid", $"a population does not know the query {query.GetType().Name}"),
    };

    public override IReadOnlyList<Effect.StartCompute> Awaiting(PopulationState state) => PopulationTurn.Awaiting(state);

    private static void Start(PopulationTurn turn, PopulationSpec spec)
    {
        if (turn.State.Spec is { } running)
        {
            turn.Do(new Effect.Reply(PopulationSpecs.Same(running, spec)
                ? new Done()
                : new Rejected("conflict", "the population runs with another spec; start a new one under another id")));
            return;
        }
        if (PopulationSpecs.Fault(spec) is { } fault)
        {
            turn.Do(new Effect.Reply(new Rejected("invalid", fault)));
            return;
        }
        turn.Emit(new PopulationStarted(spec));
        foreach (var peer in spec.Peers)
        {
            var to = new EntityAddress(turn.Context.Address.Tenant, "peers", peer);
            turn.Do(new Effect.Tell(to, new Protocol.Peers.WatchPeer(turn.Context.Address)));
        }
        if (spec.Peers.IsEmpty) turn.Emit(new Recruited());
        turn.Do(new Effect.Reply(new Done()));
    }

    private static void Join(PopulationTurn turn, PeerEnrolled peer)
    {
        var state = turn.State;
        if (state.Phase != PopulationPhase.Recruiting || !state.Spec!.Peers.Contains(peer.Name) || state.Participants.ContainsKey(peer.Name))
            return;
        turn.Emit(new PeerJoined(peer.Name, peer.PublicKey, peer.DeviceClass));
        if (peer.Barred.Length > 0)
            turn.Emit(new PeerSetAside(peer.Name, peer.Barred));
        else if (peer.DeviceClass != state.Spec.Numeric.DeviceClass)
            turn.Emit(new PeerSetAside(peer.Name, $"device class '{peer.DeviceClass}'; the population needs '{state.Spec.Numeric.DeviceClass}'"));
        if (turn.State.Participants.Count == state.Spec.Peers.Length) turn.Emit(new Recruited());
    }

    private static void TakeDraw(PopulationTurn turn, string name, byte[] draw)
    {
        var spec = turn.State.Spec!;
        var hex = Convert.ToHexStringLower(draw);
        switch (WorkNames.Parse(name))
        {
            case ("order", [var block]) when !turn.State.Orders.ContainsKey(block):
                turn.Emit(new OrderDrawn(block, hex, [.. Draws.Shuffle(spec.Peers.Order(StringComparer.Ordinal).ToArray(), draw, "provers")]));
                break;
            case ("challenge", [var number, var attempt]) when turn.Is(number, attempt, CandidateStage.Claimed):
                var prover = turn.State.Candidates[number].Evaluator;
                var others = spec.Peers.Where(p => p != prover).Order(StringComparer.Ordinal).ToArray();
                var segments = Draws.Segments(spec.Schedule.Segments, spec.ExtraSegments, draw);
                turn.Emit(new ClaimChallenged(number, attempt, hex, [.. segments], [.. Draws.Shuffle(others, draw, "verifiers")]));
                foreach (var segment in segments) turn.ReplaceVerifier(number, segment);
                break;
        }
    }

    private static void TakeResult(PopulationTurn turn, WorkCompleted done)
    {
        switch (WorkNames.Parse(done.Name))
        {
            case ("evaluate", [var number, var attempt]) when turn.Evaluates(number, attempt) && done.Result is EvaluationClaim claim:
                turn.TakeClaim(number, claim);
                break;
            case ("audit", [var number, var attempt, var segment, var @try])
                when turn.Audits(number, attempt, segment, @try) && done.Result is AuditReport report:
                turn.TakeReport(number, segment, report);
                break;
            case ("referee", [var number, var attempt, var segment])
                when turn.Referees(number, attempt, segment) && done.Result is AuditReport report:
                turn.TakeRuling(number, segment, report);
                break;
        }
    }

    private static void TakeFailure(PopulationTurn turn, WorkFailed failed)
    {
        switch (WorkNames.Parse(failed.Name))
        {
            case ("evaluate", [var number, var attempt]) when turn.Evaluates(number, attempt):
                turn.Silent(number, failed.Reason);
                break;
            case ("audit", [var number, var attempt, var segment, var @try]) when turn.Audits(number, attempt, segment, @try):
                turn.ReplaceVerifier(number, segment);
                break;
            case ("referee", [var number, var attempt, var segment]) when turn.Referees(number, attempt, segment):
                turn.Void(number, $"the node could not replay segment {segment}: {failed.Reason}");
                break;
        }
    }
}
