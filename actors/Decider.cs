using Athanor.Protocol;

namespace Athanor.Actors;

/// <summary>What a decider may know of the moment: no clock, no random source, only what the host recorded.</summary>
/// <param name="Address">The entity's own address.</param>
/// <param name="Now">The host's handling time. Never runs back for an entity. No order or expiry rests on a sender's clock.</param>
/// <param name="NextEventNumber">The number that the entity's next event will take, from 1.</param>
/// <param name="Sender">The entity that told this, or null for a client.</param>
/// <param name="Principal">Who the gateway authenticated, or <c>system</c>; the journal records it.</param>
public sealed record DecisionContext(
    EntityAddress Address, DateTimeOffset Now, long NextEventNumber, EntityAddress? Sender = null, string Principal = "system")
{
    /// <summary>A seed that is the same in every run: SHA-256 of (root seed, address, next event number, purpose), first 8 bytes,
    /// little-endian.</summary>
    public ulong DeriveSeed(ulong rootSeed, string purpose) => Seeds.Derive(rootSeed, $"{Address}#{NextEventNumber}:{purpose}");
}

/// <summary>What an entity decides, untyped, as the host calls it.</summary>
public interface IDecider
{
    /// <summary>The family of the entities that this decides for: <c>twins</c>, <c>training</c>, ...</summary>
    string Family { get; }

    IState Initial(EntityAddress address);

    IReadOnlyList<Effect> Decide(IState state, ICommand command, DecisionContext context);

    IState Apply(IState state, IEvent @event);

    /// <summary>Answers a query from committed state. Returns <see cref="Rejected"/> for a query that it does not know.</summary>
    IReply Answer(IState state, IQuery query);

    /// <summary>Numerics that a query needs before it can be answered, from committed state; null if <see cref="Answer"/> answers it. They change
    /// nothing, and nothing awaits them: an owner that goes meanwhile leaves its asker to ask again.</summary>
    ICompute? Needs(IState state, IQuery query) => null;

    /// <summary>The answer to a query that needed numerics.</summary>
    IReply Answer(IState state, IQuery query, IComputeResult result) =>
        new Rejected("invalid", $"{query.GetType().Name} is not answered by {result.GetType().Name}");

    /// <summary>The Computes that this state awaits. After recovery the host starts them again; a result that is no longer awaited
    /// is dropped.</summary>
    IReadOnlyList<Effect.StartCompute> Awaiting(IState state);
}

/// <summary>
/// The rules of one family: <c>Decide(state, command) → effects</c>, <c>Apply(state, event) → state</c>, over immutable records.
/// Pure: no I/O, no clock, no thread, no random source, so that replaying the journal gives the same state bit for bit.
/// </summary>
public abstract class Decider<TState> : IDecider
    where TState : class, IState
{
    public abstract string Family { get; }

    public abstract TState Initial(EntityAddress address);

    public abstract IReadOnlyList<Effect> Decide(TState state, ICommand command, DecisionContext context);

    public abstract TState Apply(TState state, IEvent @event);

    public abstract IReply Answer(TState state, IQuery query);

    public virtual ICompute? Needs(TState state, IQuery query) => null;

    public virtual IReply Answer(TState state, IQuery query, IComputeResult result) =>
        new Rejected("invalid", $"{query.GetType().Name} is not answered by {result.GetType().Name}");

    public virtual IReadOnlyList<Effect.StartCompute> Awaiting(TState state) => [];

    IState IDecider.Initial(EntityAddress address) => Initial(address);

    IReadOnlyList<Effect> IDecider.Decide(IState state, ICommand command, DecisionContext context) =>
        Decide((TState)state, command, context);

    IState IDecider.Apply(IState state, IEvent @event) => Apply((TState)state, @event);

    IReply IDecider.Answer(IState state, IQuery query) => Answer((TState)state, query);

    ICompute? IDecider.Needs(IState state, IQuery query) => Needs((TState)state, query);

    IReply IDecider.Answer(IState state, IQuery query, IComputeResult result) => Answer((TState)state, query, result);

    IReadOnlyList<Effect.StartCompute> IDecider.Awaiting(IState state) => Awaiting((TState)state);
}
