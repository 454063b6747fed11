using System.Collections.Immutable;
using Athanor.Actors;
using Athanor.Protocol;

namespace Athanor.Hosting.Simulation;

// The simulation's own family: accounts that use every effect. One record for all commands and one for all events, so that a world
// spends its time in the core and not in encoding.

internal enum CommandKind : byte
{
    Credit, Send, Receive, SetAlarm, Ring, Crunch, SendPoison, Poison, Immunize, Dig, Undig, Ask, Question, Answer, TimeUp,
}

internal enum EventKind : byte
{
    // Of a client's command.
    Credited, Sent, AlarmSet, CrunchAsked, PoisonSent, Immunized, DigAsked, DigCancelled, Asked,

    // What follows from one; each at most once per operation.
    Received, Rang, Crunched, Eaten, Dug, DigFailed, Questioned, Answered, AskExpired,

    // As often as it happens.
    CrunchRetried,
}

/// <param name="Op">The client's operation that it is, or follows from.</param>
/// <param name="Amount">Amount, number or seconds.</param>
/// <param name="Who">Number of the account that it speaks of.</param>
/// <param name="Order">Its place among what one account sent another.</param>
internal sealed record SimCommand(CommandKind Kind, long Op, long Amount = 0, int Who = 0, long Order = 0) : ICommand;

internal sealed record SimEvent(EventKind Kind, long Op, long Amount = 0, int Who = 0, long Order = 0) : IEvent;

internal sealed record SimReply(long Events) : IReply;

/// <summary>How many events an account has.</summary>
internal sealed record SimCount : IQuery;

internal sealed record Square(long Number) : ICompute;

internal sealed record Squared(long Result) : IComputeResult;

internal sealed record Digging(long Op) : IWork;

internal sealed record Found(long Op) : IWorkResult;

internal sealed record SimState(
    long Events, long Balance, bool Immune, ImmutableSortedDictionary<int, long> SentTo, ImmutableSortedDictionary<long, long> Crunching,
    ImmutableSortedSet<long> Asking) : IState;

/// <param name="stashes">Whether an account that waits for a Compute stashes everything else.</param>
/// <param name="wasParked">Whether a result of the operation was ever set aside: then it may come beside the one asked for again.</param>
/// <param name="throws">Whether a command throws by chance, as one does that meets a full disk or no memory; the only impurity.</param>
internal sealed class SimDecider(bool stashes, Func<bool> throws, Func<long, bool> wasParked) : Decider<SimState>
{
    public const string FamilyName = "accounts";

    public static readonly TimeSpan ComputeDeadline = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(6);

    private static readonly EntityAddress[] Addresses =
        [.. Enumerable.Range(0, 64).Select(static i => EntityAddress.Of(FamilyName, $"a-{i}"))];

    public override string Family => FamilyName;

    public static EntityAddress Account(int number) => Addresses[number];

    public static int NumberOf(EntityAddress account) =>
        int.Parse(account.Id.AsSpan(2), System.Globalization.CultureInfo.InvariantCulture);

    public override SimState Initial(EntityAddress address) =>
        new(0, 0, false, ImmutableSortedDictionary<int, long>.Empty, ImmutableSortedDictionary<long, long>.Empty, []);

    public override IReadOnlyList<Effect> Decide(SimState state, ICommand command, DecisionContext context)
    {
        if (throws()) throw new InvalidOperationException("by chance");
        switch (command)
        {
            case ComputeCompleted or ComputeFailed when IsOver(state, command):
                return [];
            case ComputeCompleted c:
                return [new Effect.Persist(new SimEvent(EventKind.Crunched, OpOf(c.Name), ((Squared)c.Result).Result))];
            case ComputeFailed c:
                return [new Effect.Persist(new SimEvent(EventKind.CrunchRetried, OpOf(c.Name))), Crunch(OpOf(c.Name), state.Crunching[OpOf(c.Name)])];
            case WorkCompleted c:
                return [new Effect.Persist(new SimEvent(EventKind.Dug, ((Found)c.Result).Op))];
            case WorkFailed c:
                return [new Effect.Persist(new SimEvent(EventKind.DigFailed, OpOf(c.Name)))];
            case SimCommand c:
                if (stashes && state.Crunching.Count > 0 && c.Kind is not (CommandKind.Ring or CommandKind.TimeUp)) return [new Effect.Stash()];
                return Decide(state, c, context);
            default:
                throw new InvalidOperationException(command.GetType().Name);
        }
    }

    private bool IsOver(SimState state, ICommand command)
    {
        var op = OpOf(command is ComputeCompleted completed ? completed.Name : ((ComputeFailed)command).Name);
        return !state.Crunching.ContainsKey(op) && wasParked(op);
    }

    private static IReadOnlyList<Effect> Decide(SimState state, SimCommand c, DecisionContext context)
    {
        Effect Persist(EventKind kind, long amount = 0, long order = 0) => new Effect.Persist(new SimEvent(kind, c.Op, amount, c.Who, order));
        switch (c.Kind)
        {
            case CommandKind.Credit:
                return [Persist(EventKind.Credited, c.Amount), new Effect.Reply(new SimReply(state.Events + 1))];
            case CommandKind.Send:
                var order = state.SentTo.GetValueOrDefault(c.Who);
                return [Persist(EventKind.Sent, c.Amount), Tell(c.Who, new SimCommand(CommandKind.Receive, c.Op, c.Amount, c.Who, order))];
            case CommandKind.Receive:
                return [new Effect.Persist(new SimEvent(EventKind.Received, c.Op, c.Amount, NumberOf(context.Sender!.Value), c.Order))];
            case CommandKind.SetAlarm:
                var due = context.Now.AddMilliseconds(c.Amount);
                return [Persist(EventKind.AlarmSet, due.Ticks), new Effect.SetTimer($"alarm-{c.Op}", due, c with { Kind = CommandKind.Ring, Amount = due.Ticks })];
            case CommandKind.Ring:
                return [new Effect.Persist(new SimEvent(EventKind.Rang, c.Op, context.Now.Ticks - c.Amount))];
            case CommandKind.Crunch:
                return [Persist(EventKind.CrunchAsked, c.Amount), Crunch(c.Op, c.Amount)];
            case CommandKind.SendPoison:
                return [Persist(EventKind.PoisonSent), Tell(c.Who, new SimCommand(CommandKind.Poison, c.Op))];
            case CommandKind.Poison:
                return state.Immune ? [Persist(EventKind.Eaten)] : throw new InvalidOperationException("poison");
            case CommandKind.Immunize:
                return [Persist(EventKind.Immunized)];
            case CommandKind.Dig:
                return [Persist(EventKind.DigAsked), new Effect.Dispatch($"dig-{c.Op}", new Digging(c.Op), 7, [], TimeSpan.FromMinutes(1))];
            case CommandKind.Undig:
                return [Persist(EventKind.DigCancelled, c.Amount), new Effect.CancelWork($"dig-{c.Amount}")];
            case CommandKind.Ask:
                return
                [
                    Persist(EventKind.Asked), Tell(c.Who, new SimCommand(CommandKind.Question, c.Op)),
                    new Effect.SetTimer($"ask-{c.Op}", context.Now + Patience, new SimCommand(CommandKind.TimeUp, c.Op)),
                ];
            case CommandKind.Question:
                return [Persist(EventKind.Questioned), new Effect.Tell(context.Sender!.Value, new SimCommand(CommandKind.Answer, c.Op))];
            case CommandKind.Answer:
                return state.Asking.Contains(c.Op) ? [Persist(EventKind.Answered), new Effect.CancelTimer($"ask-{c.Op}")] : [];
            case CommandKind.TimeUp:
                return state.Asking.Contains(c.Op) ? [Persist(EventKind.AskExpired)] : [];
            default:
                throw new InvalidOperationException(c.Kind.ToString());
        }
    }

    private static Effect.Tell Tell(int who, ICommand command) => new(Account(who), command);

    private static Effect.StartCompute Crunch(long op, long number) => new($"crunch-{op}", new Square(number), ComputeDeadline);

    public static long OpOf(string name) =>
        long.Parse(name.AsSpan(name.IndexOf('-') + 1), System.Globalization.CultureInfo.InvariantCulture);

    public override SimState Apply(SimState state, IEvent @event)
    {
        var e = (SimEvent)@event;
        state = state with { Events = state.Events + 1 };
        return e.Kind switch
        {
            EventKind.Credited or EventKind.Received => state with { Balance = state.Balance + e.Amount },
            EventKind.Sent => state with
            {
                Balance = state.Balance - e.Amount,
                SentTo = state.SentTo.SetItem(e.Who, state.SentTo.GetValueOrDefault(e.Who) + 1),
            },
            EventKind.CrunchAsked => state with { Crunching = state.Crunching.Add(e.Op, e.Amount) },
            EventKind.Crunched => state with { Crunching = state.Crunching.Remove(e.Op) },
            EventKind.Immunized => state with { Immune = true },
            EventKind.Asked => state with { Asking = state.Asking.Add(e.Op) },
            EventKind.Answered or EventKind.AskExpired => state with { Asking = state.Asking.Remove(e.Op) },
            _ => state,
        };
    }

    public override IReply Answer(SimState state, IQuery query) => new SimReply(state.Events);

    public override IReadOnlyList<Effect.StartCompute> Awaiting(SimState state)
    {
        if (state.Crunching.Count == 0) return [];
        var awaits = new List<Effect.StartCompute>(state.Crunching.Count);
        foreach (var (op, number) in state.Crunching) awaits.Add(Crunch(op, number));
        return awaits;
    }
}
