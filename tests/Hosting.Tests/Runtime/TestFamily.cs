using System.Collections.Immutable;
using Athanor.Actors;
using Athanor.Hosting.Work;
using Athanor.Protocol;
using Hosting.Tests.Slots;

namespace Hosting.Tests.Runtime;

[Message("tests.add")]
public sealed record Add([property: Key(0)] long Amount) : ICommand;

/// <summary>Adds here and tells another counter to add as much.</summary>
[Message("tests.share")]
public sealed record Share([property: Key(0)] string With, [property: Key(1)] long Amount) : ICommand;

[Message("tests.remind")]
public sealed record Remind([property: Key(0)] TimeSpan After, [property: Key(1)] long Amount) : ICommand;

[Message("tests.do-work")]
public sealed record DoWork(
    [property: Key(0)] string Name, [property: Key(1)] Act Act, [property: Key(2)] TimeSpan Deadline,
    [property: Key(3)] ImmutableArray<string> Inputs) : ICommand;

[Message("tests.cancel-work")]
public sealed record CancelIt([property: Key(0)] string Name) : ICommand;

/// <summary>Asks for a Compute that squares the value.</summary>
[Message("tests.square-it")]
public sealed record SquareIt([property: Key(0)] long Value) : ICommand;

/// <summary>Is held back for ever, or until something happens.</summary>
[Message("tests.hold")]
public sealed record Hold : ICommand;

[Message("tests.explode")]
public sealed record Explode : ICommand;

/// <summary>Tells itself to explode, so that a message and not a client's command is parked.</summary>
[Message("tests.blast")]
public sealed record Blast : ICommand;

[Message("tests.total")]
public sealed record Total([property: Key(0)] long Value) : IReply;

[Message("tests.look")]
public sealed record Look : IQuery;

[Message("tests.seen")]
public sealed record Seen(
    [property: Key(0)] long Value, [property: Key(1)] ImmutableSortedDictionary<string, string> Ended,
    [property: Key(2)] ImmutableArray<long> Squares) : IReply;

[Message("tests.added")]
public sealed record Added([property: Key(0)] long Amount) : IEvent;

[Message("tests.ended")]
public sealed record Ended([property: Key(0)] string Name, [property: Key(1)] string How) : IEvent;

[Message("tests.square-wanted")]
public sealed record SquareWanted([property: Key(0)] long Value) : IEvent;

[Message("tests.squared")]
public sealed record Squared([property: Key(0)] long Square) : IEvent;

[Message("tests.square")]
public sealed record Square([property: Key(0)] long Value) : ICompute;

[Message("tests.square-result")]
public sealed record SquareResult([property: Key(0)] long Value) : IComputeResult;

[Message("tests.counter")]
public sealed record CounterState(
    [property: Key(0)] long Value, [property: Key(1)] ImmutableSortedDictionary<string, string> Ended,
    [property: Key(2)] long? Awaited, [property: Key(3)] ImmutableArray<long> Squares) : IState;

/// <summary>A counter that uses everything that a host offers.</summary>
internal sealed class CounterDecider : Decider<CounterState>
{
    private static readonly ImmutableSortedDictionary<string, string> None = ImmutableSortedDictionary<string, string>.Empty;

    public override string Family => "counters";

    public override CounterState Initial(EntityAddress address) => new(0, None, null, []);

    public override IReadOnlyList<Effect> Decide(CounterState state, ICommand command, DecisionContext context) => command switch
    {
        Add a when a.Amount < 0 => [new Effect.Reply(new Rejected("invalid", "an amount is not negative"))],
        Add a => [new Effect.Persist(new Added(a.Amount)), new Effect.Reply(new Total(state.Value + a.Amount))],
        Share s =>
        [
            new Effect.Persist(new Added(s.Amount)),
            new Effect.Tell(EntityAddress.Of(Family, s.With), new Add(s.Amount)),
            new Effect.Reply(new Total(state.Value + s.Amount)),
        ],
        Remind r => [new Effect.SetTimer("reminder", context.Now + r.After, new Add(r.Amount)), new Effect.Reply(new Done())],
        DoWork w =>
        [
            new Effect.Dispatch(w.Name, w.Act, context.DeriveSeed(7, w.Name), w.Inputs, w.Deadline),
            new Effect.Reply(new Done()),
        ],
        CancelIt c => [new Effect.CancelWork(c.Name), new Effect.Persist(new Ended(c.Name, "cancelled")), new Effect.Reply(new Done())],
        SquareIt s =>
        [
            new Effect.Persist(new SquareWanted(s.Value)),
            new Effect.StartCompute("square", new Square(s.Value), TimeSpan.FromSeconds(20)),
            new Effect.Reply(new Done()),
        ],
        Hold => [new Effect.Stash()],
        Blast => [new Effect.Tell(context.Address, new Explode()), new Effect.Reply(new Done())],
        Explode => throw new InvalidOperationException("this decider is broken"),
        WorkCompleted c => [new Effect.Persist(new Ended(c.Name, ((Acted)c.Result).Text))],
        WorkFailed f => [new Effect.Persist(new Ended(f.Name, $"{(f.Parked ? "parked" : "failed")}: {f.Reason}"))],
        ComputeCompleted { Result: SquareResult r } => [new Effect.Persist(new Squared(r.Value))],
        ComputeFailed f => [new Effect.Persist(new Ended(f.Name, f.Reason))],
        _ => [new Effect.Reply(new Rejected("invalid", $"a counter does not know {command.GetType().Name}"))],
    };

    public override CounterState Apply(CounterState state, IEvent @event) => @event switch
    {
        Added a => state with { Value = state.Value + a.Amount },
        Ended e => state with { Ended = state.Ended.SetItem(e.Name, e.How), Awaited = e.Name == "square" ? null : state.Awaited },
        SquareWanted w => state with { Awaited = w.Value },
        Squared s => state with { Awaited = null, Squares = state.Squares.Add(s.Square) },
        _ => state,
    };

    public override IReply Answer(CounterState state, IQuery query) => query is Look
        ? new Seen(state.Value, state.Ended, state.Squares)
        : new Rejected("invalid", "a counter answers Look");

    public override IReadOnlyList<Effect.StartCompute> Awaiting(CounterState state) =>
        state.Awaited is { } value ? [new Effect.StartCompute("square", new Square(value), TimeSpan.FromSeconds(20))] : [];
}

/// <summary>Squares, and remembers the sizes of its batches. A gate holds it back so that tests decide when it computes.</summary>
internal sealed class SquareHandler : IComputeHandler
{
    public ManualResetEventSlim Gate { get; } = new(true);

    public List<int> Batches { get; } = [];

    public TaskCompletionSource Begun { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Type Handles => typeof(Square);

    public IReadOnlyList<IComputeResult> Run(IReadOnlyList<ICompute> batch, CancellationToken cancellation)
    {
        Begun.TrySetResult();
        Gate.Wait(cancellation);
        lock (Batches) Batches.Add(batch.Count);
        return [.. batch.Cast<Square>().Select(s => s.Value == 13
            ? throw new ArithmeticException("13 has no square today")
            : new SquareResult(s.Value * s.Value))];
    }
}
