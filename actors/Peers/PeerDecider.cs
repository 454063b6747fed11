using System.Security.Cryptography;
using Athanor.Compute.Trust;
using Athanor.Protocol;
using Athanor.Protocol.Evolution;
using Athanor.Protocol.Peers;

namespace Athanor.Actors.Peers;

/// <summary>
/// One peer's identity: a name that belongs to the first key that enrolled under it, what it has claimed, and how that was judged.
///
/// The gateway registers each signed claim here before the work is completed. The same claim again is the same claim; a different one for
/// the same work, signed by the same key, is equivocation, and the two are the proof: the peer is revoked for good. A claim that another
/// key signed is refused and proves nothing. Populations judge claims and audits and tell; one bad judgement quarantines, and every
/// population that watches the peer is told. Quarantined and revoked peers stay known, so that the name cannot come back with a clean record.
/// </summary>
public sealed class PeerDecider : Decider<PeerState>
{
    public override string Family => "peers";

    public override PeerState Initial(EntityAddress address) => PeerState.Of(address);

    public override IReadOnlyList<Effect> Decide(PeerState state, ICommand command, DecisionContext context) => command switch
    {
        EnrolPeer c => Enrol(state, c, context),
        WatchPeer c => Watch(state, c.Watcher),
        SubmitClaim c => Submit(state, c),
        JudgePeer c => Judge(state, c),
        _ => Refuse("invalid", $"a peer does not know the command {command.GetType().Name}"),
    };

    public override PeerState Apply(PeerState state, IEvent @event) => @event switch
    {
        PeerWasEnrolled e => state with { Status = PeerStatus.Probation, PublicKey = e.PublicKey, DeviceClass = e.DeviceClass },
        PeerWasWatched e => state with { Watchers = state.Watchers.Add(e.Watcher) },
        ClaimRegistered e => state with { Claims = state.Claims.SetItem(e.WorkId, e.StatementHash) },
        PeerWasJudged e => Judged(state, e),
        PeerWasQuarantined e => state with { Status = PeerStatus.Quarantined, Reason = e.Reason },
        PeerWasRevoked e => state with { Status = PeerStatus.Revoked, Reason = e.Reason },
        _ => throw new InvalidOperationException($"{@event.GetType().Name} is no event of a peer"),
    };

    public override IReply Answer(PeerState state, IQuery query) => query switch
    {
        ShowPeer => new PeerView(
            state.Name, state.Status, state.PublicKey, state.DeviceClass, state.Reason, state.Reputations, state.Claims.Count),
        _ => new Rejected("invalid", $"a peer does not know the query {query.GetType().Name}"),
    };

    private static PeerState Judged(PeerState state, PeerWasJudged e)
    {
        var key = $"{state.DeviceClass}/{e.TaskFamily}";
        var before = state.Reputations.GetValueOrDefault(key, new Reputation(0, 0));
        var after = e.Good ? before with { Good = before.Good + 1 } : before with { Bad = before.Bad + 1 };
        return state with { Reputations = state.Reputations.SetItem(key, after), Claims = state.Claims.Remove(e.WorkId) };
    }

    private static IReadOnlyList<Effect> Enrol(PeerState state, EnrolPeer c, DecisionContext context)
    {
        var signed = PeerNames.Of(context.Address.Tenant, state.Name);
        if (!PeerKey.Verify(c.PublicKey, new EnrolmentStatement(signed, c.PublicKey, c.DeviceClass).CanonicalBytes(), c.Proof))
            return Refuse("forbidden", "the proof is not a signature of this enrolment by that key (ECDSA P-256)");
        if (state.Status != PeerStatus.Unknown)
        {
            if (!state.PublicKey.AsSpan().SequenceEqual(c.PublicKey))
                return Refuse("conflict", $"the name '{state.Name}' belongs to another key; enrol under another name");
            return state.DeviceClass == c.DeviceClass
                ? [new Effect.Reply(new Done())]
                : Refuse("conflict", $"'{state.Name}' is enrolled with the device class '{state.DeviceClass}'");
        }
        return
        [
            new Effect.Persist(new PeerWasEnrolled(c.PublicKey, c.DeviceClass, context.Now)),
            .. state.Watchers.Select(w => new Effect.Tell(w, new PeerEnrolled(state.Name, c.PublicKey, c.DeviceClass, ""))),
            new Effect.Reply(new Done()),
        ];
    }

    private static IReadOnlyList<Effect> Watch(PeerState state, EntityAddress watcher)
    {
        var effects = new List<Effect>();
        if (!state.Watchers.Contains(watcher)) effects.Add(new Effect.Persist(new PeerWasWatched(watcher)));
        if (state.Status != PeerStatus.Unknown)
        {
            var barred = state.Status == PeerStatus.Probation ? "" : state.Reason;
            effects.Add(new Effect.Tell(watcher, new PeerEnrolled(state.Name, state.PublicKey, state.DeviceClass, barred)));
        }
        effects.Add(new Effect.Reply(new Done()));
        return effects;
    }

    private static IReadOnlyList<Effect> Submit(PeerState state, SubmitClaim c)
    {
        if (state.Status == PeerStatus.Unknown) return Refuse("not-found", $"no peer is enrolled as '{state.Name}'");
        if (!PeerKey.Verify(state.PublicKey, c.Statement, c.Signature))
            return Refuse("forbidden", $"the claim for {c.WorkId} is not signed by the key of '{state.Name}'");
        var hash = Convert.ToHexStringLower(SHA256.HashData(c.Statement));
        var earlier = state.Claims.GetValueOrDefault(c.WorkId);
        if (earlier is not null && earlier != hash && state.Status != PeerStatus.Revoked)
        {
            var reason = $"equivocation: two different claims for {c.WorkId}";
            return
            [
                new Effect.Persist(new PeerWasRevoked(reason, c.WorkId, earlier, c.Statement, c.Signature)),
                .. TellWatchers(state, reason),
                .. Refuse("forbidden", reason),
            ];
        }
        if (state.Status != PeerStatus.Probation) return Refuse("forbidden", state.Reason);
        return earlier is null
            ? [new Effect.Persist(new ClaimRegistered(c.WorkId, hash)), new Effect.Reply(new Done())]
            : [new Effect.Reply(new Done())];
    }

    private static IReadOnlyList<Effect> Judge(PeerState state, JudgePeer c)
    {
        var effects = new List<Effect> { new Effect.Persist(new PeerWasJudged(c.WorkId, c.TaskFamily, c.Good, c.Evidence)) };
        if (!c.Good && state.Status == PeerStatus.Probation)
        {
            effects.Add(new Effect.Persist(new PeerWasQuarantined(c.Evidence)));
            effects.AddRange(TellWatchers(state, c.Evidence));
        }
        effects.Add(new Effect.Reply(new Done()));
        return effects;
    }

    private static IEnumerable<Effect> TellWatchers(PeerState state, string reason) =>
        state.Watchers.Select(w => new Effect.Tell(w, new PeerBarred(state.Name, reason)));

    private static IReadOnlyList<Effect> Refuse(string code, string reason) => [new Effect.Reply(new Rejected(code, reason))];
}
