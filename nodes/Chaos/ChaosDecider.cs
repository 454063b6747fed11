using System.Collections.Immutable;
using System.Globalization;
using Athanor.Actors;
using Athanor.Protocol;

namespace Athanor.Nodes.Chaos;

/// <summary>The rules of the counters. Nothing guards against an effect that comes twice: that is the cluster's promise, and is counted.</summary>
internal sealed class ChaosDecider : Decider<ChaosCounter>
{
    public const string FamilyName = "chaos";

    private static readonly TimeSpan WorkDeadline = TimeSpan.FromMinutes(5);

    public override string Family => FamilyName;

    public static EntityAddress Address(string counter) => EntityAddress.Of(FamilyName, counter);

    public override ChaosCounter Initial(EntityAddress address) => new(0, 0, ImmutableSortedDictionary<string, long>.Empty);

    public override IReadOnlyList<Effect> Decide(ChaosCounter state, ICommand command, DecisionContext context)
    {
        switch (command)
        {
            case WorkCompleted c: return [Happened(ChaosFact.Dug, ((ChaosFound)c.Result).Op)];
            case WorkFailed c: return [Happened(ChaosFact.DigFailed, long.Parse(c.Name.AsSpan("dig-".Length), CultureInfo.InvariantCulture))];
            case ChaosAct a: return Decide(state, a, context);
            default: return [new Effect.Reply(new Rejected("invalid", command.GetType().Name))];
        }
    }

    private static IReadOnlyList<Effect> Decide(ChaosCounter state, ChaosAct a, DecisionContext context)
    {
        var order = state.SentTo.GetValueOrDefault(a.Other);
        var due = context.Now.AddMilliseconds(a.Amount);
        return a.Kind switch
        {
            ChaosKind.Credit => [Happened(ChaosFact.Credited, a)],
            ChaosKind.Send =>
            [
                Happened(ChaosFact.Sent, a with { Order = order }),
                new Effect.Tell(Address(a.Other), a with { Kind = ChaosKind.Receive, Order = order }),
            ],
            ChaosKind.Receive => [Happened(ChaosFact.Received, a with { Other = context.Sender!.Value.Id })],
            ChaosKind.SetAlarm =>
            [
                Happened(ChaosFact.AlarmSet, a),
                new Effect.SetTimer($"alarm-{a.Op}", due, a with { Kind = ChaosKind.Ring, Amount = due.ToUnixTimeMilliseconds() }),
            ],
            ChaosKind.Ring => [Happened(ChaosFact.Rang, a)],
            ChaosKind.Dig =>
            [
                Happened(ChaosFact.DigAsked, a),
                new Effect.Dispatch($"dig-{a.Op}", new ChaosDig(a.Op, (int)a.Amount), 1, [], WorkDeadline),
            ],
            _ => [new Effect.Reply(new Rejected("invalid", a.Kind.ToString()))],
        };
    }

    private static Effect.Persist Happened(ChaosFact fact, ChaosAct a) =>
        new(new ChaosHappened(fact, a.Op, a.Session, a.Number, a.Amount, a.Other, a.Order));

    private static Effect.Persist Happened(ChaosFact fact, long op) => new(new ChaosHappened(fact, op, 0, 0, 0, "", 0));

    public override ChaosCounter Apply(ChaosCounter state, IEvent @event)
    {
        var e = (ChaosHappened)@event;
        state = state with { Events = state.Events + 1 };
        return e.Fact switch
        {
            ChaosFact.Credited or ChaosFact.Received => state with { Balance = state.Balance + e.Amount },
            ChaosFact.Sent => state with
            {
                Balance = state.Balance - e.Amount,
                SentTo = state.SentTo.SetItem(e.Other, e.Order + 1),
            },
            _ => state,
        };
    }

    public override IReply Answer(ChaosCounter state, IQuery query) => new Rejected("invalid", query.GetType().Name);
}
