using System.Collections.Immutable;
using Athanor.Protocol;
using Athanor.Protocol.Evolution;
using Athanor.Protocol.Peers;

namespace Athanor.Actors.Evolution;

/// <summary>One command's decision in the making: the state as its events so far leave it, and the effects. Here: breeding, giving work
/// out, and what becomes of a peer that is barred; <c>PopulationTurn.Judging.cs</c> has claims and audits.</summary>
internal sealed partial class PopulationTurn(PopulationState state, DecisionContext context)
{
    /// <summary>Rounds of a drawn order before the node does the work itself.</summary>
    private const int Rounds = 3;

    private static readonly TimeSpan Deadline = TimeSpan.FromHours(1);
    private static readonly TimeSpan DrawDeadline = TimeSpan.FromSeconds(30);

    private readonly PopulationState _before = state;
    private readonly List<Effect> _effects = [];

    public PopulationState State { get; private set; } = state;

    public DecisionContext Context => context;

    private PopulationSpec Spec => State.Spec!;

    public void Emit(IEvent @event)
    {
        _effects.Add(new Effect.Persist(@event));
        State = PopulationApply.Apply(State, @event);
    }

    public void Do(Effect effect) => _effects.Add(effect);

    /// <summary>Applies, breeds and assigns what has become possible, and asks for the draws that are newly awaited.</summary>
    public IReadOnlyList<Effect> Finish()
    {
        if (State.Phase == PopulationPhase.Running) Advance();
        var awaited = Awaiting(_before).Select(c => c.Name).ToHashSet(StringComparer.Ordinal);
        foreach (var compute in Awaiting(State))
        {
            if (!awaited.Contains(compute.Name)) _effects.Add(compute);
        }
        return _effects;
    }

    /// <summary>The draws that a state waits for: orders of blocks with a candidate that nobody has, and challenges to claims.</summary>
    public static IReadOnlyList<Effect.StartCompute> Awaiting(PopulationState state)
    {
        if (state.Phase != PopulationPhase.Running) return [];
        var result = new List<Effect.StartCompute>();
        var peers = state.Spec!.Peers.Length;
        var asked = -1;
        foreach (var (number, candidate) in state.Candidates)
        {
            if (candidate.Stage == CandidateStage.Claimed)
            {
                Ask(WorkNames.Challenge(number, candidate.Attempt), "challenge", candidate.Claim!.Root);
            }
            else if (candidate.Stage == CandidateStage.Waiting && peers > 0 && number / peers > asked && !state.Orders.ContainsKey(number / peers))
            {
                asked = number / peers;
                Ask(WorkNames.Order(asked), "order", $"{asked}");
            }
        }
        return result;

        void Ask(string name, string purpose, string data) =>
            result.Add(new Effect.StartCompute(name, new Draw(state.Population, purpose, data), DrawDeadline));
    }

    public EvaluationSpec SpecOf(int number)
    {
        var candidate = State.Candidates[number];
        return new EvaluationSpec(
            State.Population, number, candidate.Genome, candidate.Seed, Spec.Table, Spec.Schedule, Spec.Numeric,
            [.. candidate.Parents.Select(p => State.Candidates[p].Root)]);
    }

    public string WorkId(string name) => $"{context.Address}/{name}";

    /// <summary>The peer gets no more work; what it claimed and nobody confirmed is void, and what it said as a verifier is asked of others.</summary>
    public void Bar(string peer, string reason)
    {
        Emit(new PeerSetAside(peer, reason));
        foreach (var (number, candidate) in State.Candidates)
        {
            if (candidate.Stage is CandidateStage.Evaluating or CandidateStage.Claimed or CandidateStage.Auditing && candidate.Evaluator == peer)
            {
                Void(number, $"{peer} was caught: {reason}");
            }
            else if (candidate.Stage == CandidateStage.Auditing)
            {
                foreach (var audit in candidate.Audits)
                {
                    // A dispute is in the referee's hands already, and its ruling does not rest on the verifier's word.
                    if (audit.Verifier == peer && audit.Stage != AuditStage.Disputed) ReplaceVerifier(number, audit.Segment);
                }
            }
        }
    }

    /// <summary>The peer at an order's place from <paramref name="from"/> on, in rounds, that is not barred; the node's empty name if none.</summary>
    private (int Position, string Name) Next(ImmutableArray<string> order, int from, int rounds)
    {
        for (var position = from; position < rounds * order.Length; position++)
        {
            var name = order[position % order.Length];
            if (State.Participants[name].Barred.Length == 0) return (position, name);
        }
        return (rounds * order.Length, "");
    }

    private string Pool(string peer) => peer.Length == 0 ? "cpu" : PeerNames.Pool(context.Address.Tenant, peer);

    /// <summary>Breeds each candidate after exactly as many results as its number says, also when several results have become applicable at
    /// once: that is what makes the run independent of timing.</summary>
    private void Advance()
    {
        while (true)
        {
            var bred = State.Candidates.Count;
            if (bred < Spec.Candidates && bred < State.Applied + Spec.Window)
                Emit(Breeding.Breed(State, bred));
            else if (State.Candidates.TryGetValue(State.Applied, out var next) && next.Stage == CandidateStage.Confirmed)
                Emit(Breeding.Enter(State));
            else
                break;
        }
        foreach (var (number, candidate) in State.Candidates)
        {
            if (candidate.Stage == CandidateStage.Waiting) Assign(number, candidate);
        }
        if (State.Applied == Spec.Candidates) Emit(new PopulationFinished());
    }

    private void Assign(int number, Candidate candidate)
    {
        ImmutableArray<string> order = [];
        if (Spec.Peers.Length > 0 && !State.Orders.TryGetValue(number / Spec.Peers.Length, out order)) return;
        // In its block each candidate starts one place further on, so that a block gives every peer one candidate.
        var first = order.Length == 0 ? 0 : number % order.Length;
        ImmutableArray<string> own = [.. order.Skip(first), .. order.Take(first)];
        var (position, evaluator) = Next(own, candidate.Position + 1, Rounds);
        Emit(new CandidateAssigned(number, candidate.Attempt, position, evaluator));
        var name = WorkNames.Evaluate(number, candidate.Attempt);
        Do(new Effect.Dispatch(
            name, new Evaluate(WorkId(name), SpecOf(number), evaluator), candidate.Seed, [Spec.Table.Blob], Deadline, Pool(evaluator)));
        if (evaluator.Length > 0)
            Do(new Effect.SetTimer($"evaluate-{number}", context.Now + Spec.Silence, new EvaluationOverdue(number, candidate.Attempt)));
    }

    private void Tell(string peer, string workId, bool good, string evidence) => Do(new Effect.Tell(
        new EntityAddress(context.Address.Tenant, "peers", peer), new JudgePeer(workId, "evolution", good, evidence)));
}
