using Athanor.Actors;
using Athanor.Protocol;

namespace Athanor.Bench.Actors;

/// <summary>Stores its payload as an event, and tells the entity named, if one is.</summary>
[Message("bench.put")]
public sealed record Put([property: Key(0)] byte[] Payload, [property: Key(1)] EntityAddress? Tell) : ICommand;

/// <summary>What a told entity handles: its mailbox row is deleted, and nothing else happens.</summary>
[Message("bench.note")]
public sealed record Noted([property: Key(0)] long Number) : ICommand;

[Message("bench.serve")]
public sealed record Serve([property: Key(0)] EntityAddress To, [property: Key(1)] long Hops) : ICommand;

[Message("bench.ball")]
public sealed record Ball([property: Key(0)] long Left) : ICommand;

[Message("bench.stored")]
public sealed record Stored([property: Key(0)] byte[] Payload) : IEvent;

[Message("bench.finished")]
public sealed record Finished : IEvent;

[Message("bench.get")]
public sealed record Get : IQuery;

[Message("bench.count")]
public sealed record Count([property: Key(0)] long Events, [property: Key(1)] long Sum) : IReply;

/// <param name="Sum">Of the first bytes of all payloads: so that Apply has read each.</param>
[Message("bench.state")]
public sealed record BenchState([property: Key(0)] long Events, [property: Key(1)] long Sum) : IState;

/// <summary>The least that an entity can be, so that what is measured is the host.</summary>
internal sealed class BenchDecider : Decider<BenchState>
{
    public const string FamilyName = "bench";

    private static readonly Effect Ok = new Effect.Reply(new Done());

    public static MessageRegistry Messages { get; } =
        MessageRegistry.Of(ProtocolMessages.AddTo, Athanor.Actors.ActorsMessages.AddTo, ActorsMessages.AddTo);

    public override string Family => FamilyName;

    public static EntityAddress Address(string id) => EntityAddress.Of(FamilyName, id);

    public override BenchState Initial(EntityAddress address) => new(0, 0);

    public override IReadOnlyList<Effect> Decide(BenchState state, ICommand command, DecisionContext context) => command switch
    {
        Ball { Left: > 0 } ball => [new Effect.Signal(context.Sender!.Value, new Ball(ball.Left - 1))],
        Ball => [new Effect.Persist(new Finished())],
        Put { Tell: { } to } put => [new Effect.Persist(new Stored(put.Payload)), new Effect.Tell(to, new Noted(state.Events)), Ok],
        Put put => [new Effect.Persist(new Stored(put.Payload)), Ok],
        Noted => [],
        Serve serve => [new Effect.Signal(serve.To, new Ball(serve.Hops)), Ok],
        _ => [new Effect.Reply(new Rejected("invalid", command.GetType().Name))],
    };

    public override BenchState Apply(BenchState state, IEvent @event) =>
        new(state.Events + 1, state.Sum + (@event is Stored { Payload: [var first, ..] } ? first : 0));

    public override IReply Answer(BenchState state, IQuery query) => new Count(state.Events, state.Sum);
}
