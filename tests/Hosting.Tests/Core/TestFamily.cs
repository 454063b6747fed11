using System.Collections.Immutable;
using Athanor.Actors;
using Athanor.Hosting.Core;
using Athanor.Hosting.Stores;
using Athanor.Protocol;

namespace Hosting.Tests.Core;

// A small family that uses every effect: accounts that are credited, send to each other, set alarms and ask for Compute.

[Message("accounts.account")]
public sealed record Account(
    [property: Key(0)] long Balance, [property: Key(1)] ImmutableSortedDictionary<string, long> SentTo,
    [property: Key(2)] ImmutableSortedDictionary<long, long> Crunching) : IState;

[Message("accounts.credit")]
public sealed record Credit([property: Key(0)] long Op, [property: Key(1)] long Amount) : ICommand;

[Message("accounts.send")]
public sealed record Send([property: Key(0)] long Op, [property: Key(1)] EntityAddress To, [property: Key(2)] long Amount) : ICommand;

[Message("accounts.receive")]
public sealed record Receive([property: Key(0)] long Op, [property: Key(1)] long Amount, [property: Key(2)] long Order) : ICommand;

[Message("accounts.set-alarm")]
public sealed record SetAlarm([property: Key(0)] long Op, [property: Key(1)] double Seconds) : ICommand;

[Message("accounts.ring")]
public sealed record Ring([property: Key(0)] long Op) : ICommand;

[Message("accounts.crunch")]
public sealed record Crunch([property: Key(0)] long Op, [property: Key(1)] long Number) : ICommand;

[Message("accounts.poison")]
public sealed record Poison([property: Key(0)] string Text) : ICommand;

[Message("accounts.send-poison")]
public sealed record SendPoison([property: Key(0)] long Op, [property: Key(1)] EntityAddress To) : ICommand;

[Message("accounts.wait")]
public sealed record Wait : ICommand;

[Message("accounts.sleep")]
public sealed record Sleep : ICommand;

[Message("accounts.dig")]
public sealed record Dig([property: Key(0)] long Op) : ICommand;

[Message("accounts.undig")]
public sealed record Undig([property: Key(0)] long Op) : ICommand;

[Message("accounts.unasked")]
public sealed record Unasked : ICommand;

[Message("accounts.credited")]
public sealed record Credited([property: Key(0)] long Op, [property: Key(1)] long Amount) : IEvent;

[Message("accounts.sent")]
public sealed record Sent([property: Key(0)] long Op, [property: Key(1)] EntityAddress To, [property: Key(2)] long Amount) : IEvent;

[Message("accounts.received")]
public sealed record Received(
    [property: Key(0)] long Op, [property: Key(1)] long Amount, [property: Key(2)] EntityAddress From,
        [property: Key(3)] long Order) : IEvent;

[Message("accounts.alarm-set")]
public sealed record AlarmSet([property: Key(0)] long Op, [property: Key(1)] DateTimeOffset Due) : IEvent;

[Message("accounts.rang")]
public sealed record Rang([property: Key(0)] long Op, [property: Key(1)] DateTimeOffset Time) : IEvent;

[Message("accounts.crunch-asked")]
public sealed record CrunchAsked([property: Key(0)] long Op, [property: Key(1)] long Number) : IEvent;

[Message("accounts.crunch-retried")]
public sealed record CrunchRetried([property: Key(0)] long Op) : IEvent;

[Message("accounts.crunched")]
public sealed record Crunched([property: Key(0)] long Op, [property: Key(1)] long Result) : IEvent;

[Message("accounts.poison-sent")]
public sealed record PoisonSent([property: Key(0)] long Op, [property: Key(1)] EntityAddress To) : IEvent;

[Message("accounts.unappliable")]
public sealed record Unappliable : IEvent;

[Message("accounts.square")]
public sealed record Square([property: Key(0)] long Number) : ICompute;

[Message("accounts.squared")]
public sealed record Squared([property: Key(0)] long Result) : IComputeResult;

[Message("accounts.digging")]
public sealed record Digging([property: Key(0)] long Op) : IWork;

[Message("accounts.balance-is")]
public sealed record BalanceIs([property: Key(0)] long Balance) : IReply;

[Message("accounts.get-balance")]
public sealed record GetBalance : IQuery;

internal sealed class AccountDecider : Decider<Account>
{
    public const string FamilyName = "accounts";

    public static readonly TimeSpan ComputeDeadline = TimeSpan.FromSeconds(5);

    public override string Family => FamilyName;

    public override Account Initial(EntityAddress address) =>
        new(0, ImmutableSortedDictionary<string, long>.Empty, ImmutableSortedDictionary<long, long>.Empty);

    public override IReadOnlyList<Effect> Decide(Account state, ICommand command, DecisionContext context) => command switch
    {
        Credit c => [new Effect.Persist(new Credited(c.Op, c.Amount)), new Effect.Reply(new BalanceIs(state.Balance + c.Amount))],
        Send c =>
        [
            new Effect.Persist(new Sent(c.Op, c.To, c.Amount)),
            new Effect.Tell(c.To, new Receive(c.Op, c.Amount, state.SentTo.GetValueOrDefault(c.To.ToString()))),
        ],
        Receive c => [new Effect.Persist(new Received(c.Op, c.Amount, context.Sender!.Value, c.Order))],
        SetAlarm c =>
        [
            new Effect.Persist(new AlarmSet(c.Op, context.Now.AddSeconds(c.Seconds))),
            new Effect.SetTimer($"alarm-{c.Op}", context.Now.AddSeconds(c.Seconds), new Ring(c.Op)),
        ],
        Ring c => [new Effect.Persist(new Rang(c.Op, context.Now))],
        Crunch c => [new Effect.Persist(new CrunchAsked(c.Op, c.Number)), Asked(c.Op, c.Number)],
        ComputeCompleted c => [new Effect.Persist(new Crunched(OpOf(c.Name), ((Squared)c.Result).Result))],
        ComputeFailed c => [new Effect.Persist(new CrunchRetried(OpOf(c.Name))), Asked(OpOf(c.Name), state.Crunching[OpOf(c.Name)])],
        Poison c => throw new InvalidOperationException(c.Text),
        SendPoison c => [new Effect.Persist(new PoisonSent(c.Op, c.To)), new Effect.Tell(c.To, new Poison("poison"))],
        Wait => state.Balance > 0 ? [new Effect.Reply(new BalanceIs(state.Balance))] : [new Effect.Stash()],
        Sleep => [new Effect.Passivate()],
        Dig c => [new Effect.Dispatch($"dig-{c.Op}", new Digging(c.Op), 7, ["ab"], TimeSpan.FromMinutes(1))],
        Undig c => [new Effect.CancelWork($"dig-{c.Op}")],
        Unasked => [new Effect.StartCompute("nobody-waits", new Square(1), ComputeDeadline)],
        _ => [new Effect.Reply(new Rejected("invalid", command.GetType().Name))],
    };

    private static Effect.StartCompute Asked(long op, long number) => new($"crunch-{op}", new Square(number), ComputeDeadline);

    private static long OpOf(string name) => long.Parse(name.AsSpan("crunch-".Length), System.Globalization.CultureInfo.InvariantCulture);

    public override Account Apply(Account state, IEvent @event) => @event switch
    {
        Credited e => state with { Balance = state.Balance + e.Amount },
        Sent e => state with
        {
            Balance = state.Balance - e.Amount,
            SentTo = state.SentTo.SetItem(e.To.ToString(), state.SentTo.GetValueOrDefault(e.To.ToString()) + 1),
        },
        Received e => state with { Balance = state.Balance + e.Amount },
        CrunchAsked e => state with { Crunching = state.Crunching.Add(e.Op, e.Number) },
        Crunched e => state with { Crunching = state.Crunching.Remove(e.Op) },
        Unappliable => throw new InvalidOperationException("cannot be applied"),
        _ => state,
    };

    public override IReply Answer(Account state, IQuery query) =>
        query is GetBalance ? new BalanceIs(state.Balance) : new Rejected("invalid", query.GetType().Name);

    public override IReadOnlyList<Effect.StartCompute> Awaiting(Account state) =>
        state.Crunching.Count == 0 ? [] : state.Crunching.Select(static pair => Asked(pair.Key, pair.Value)).ToList();
}

/// <summary>A clock that stands still until it is moved.</summary>
internal sealed class VirtualTime : TimeProvider
{
    public static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    public DateTimeOffset Now { get; set; } = Start;

    public override DateTimeOffset GetUtcNow() => Now;
}
