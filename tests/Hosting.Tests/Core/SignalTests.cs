using Athanor.Actors;
using Athanor.Hosting.Core;
using Athanor.Hosting.Stores;
using Athanor.Protocol;
using static Hosting.Tests.Core.CoreHarness;

namespace Hosting.Tests.Core;

[Message("signals.serve")]
public sealed record Serve([property: Key(0)] EntityAddress To, [property: Key(1)] long Count, [property: Key(2)] bool Persists) : ICommand;

[Message("signals.ball")]
public sealed record Ball([property: Key(0)] long Left) : ICommand;

[Message("signals.bad-ball")]
public sealed record BadBall : ICommand;

[Message("signals.serve-badly")]
public sealed record ServeBadly([property: Key(0)] EntityAddress To) : ICommand;

[Message("signals.scored")]
public sealed record Scored([property: Key(0)] long Points) : IEvent;

[Message("signals.get-score")]
public sealed record GetScore : IQuery;

[Message("signals.score")]
public sealed record Score([property: Key(0)] long Points) : IReply;

[Message("signals.player")]
public sealed record Player([property: Key(0)] long Points) : IState;

/// <summary>Players that hit balls to and fro; who gets the last one scores.</summary>
internal sealed class PlayerDecider : Decider<Player>
{
    public const string FamilyName = "players";

    public override string Family => FamilyName;

    public override Player Initial(EntityAddress address) => new(0);

    public override IReadOnlyList<Effect> Decide(Player state, ICommand command, DecisionContext context) => command switch
    {
        Serve { Persists: true } serve =>
            [new Effect.Signal(serve.To, new Ball(serve.Count)), new Effect.Persist(new Scored(1)), new Effect.Reply(new Done())],
        Serve serve => [new Effect.Signal(serve.To, new Ball(serve.Count)), new Effect.Reply(new Done())],
        ServeBadly serve => [new Effect.Signal(serve.To, new BadBall())],
        Ball { Left: 0 } => [new Effect.Persist(new Scored(100))],
        Ball ball => [new Effect.Signal(context.Sender!.Value, new Ball(ball.Left - 1))],
        _ => throw new InvalidOperationException("out"),
    };

    public override Player Apply(Player state, IEvent @event) => new(state.Points + ((Scored)@event).Points);

    public override IReply Answer(Player state, IQuery query) => new Score(state.Points);
}

public class SignalTests
{
    private static readonly EntityAddress Ann = EntityAddress.Of(PlayerDecider.FamilyName, "ann");
    private static readonly EntityAddress Bob = EntityAddress.Of(PlayerDecider.FamilyName, "bob");

    private readonly CoreHarness _core = new(deciders: [new PlayerDecider()]);

    private long Points(EntityAddress player) => ReplyOf<Score>(_core.Query(player, new GetScore())).Points;

    private void Rest()
    {
        while (_core.Core.HasWork) _core.Give(new CoreInput.Tick());
    }

    [Fact]
    public void Signals_go_to_and_fro_without_a_commit_and_their_last_effect_is_committed()
    {
        _core.Send(Ann, new Serve(Bob, 1000, false));
        Rest();
        Assert.Equal((0, 100), (Points(Ann), Points(Bob)));
        Assert.Equal(1, _core.Commits);
        Assert.Single(_core.Journal(Bob));
        Assert.Empty(Wait(_core.Store.ReadMail([0], 10, default)));
        Assert.Equal(0, _core.Core.SignalsDropped);
    }

    [Fact]
    public void A_game_without_end_does_not_hold_up_others()
    {
        _core.Send(Ann, new Serve(Bob, long.MaxValue, false));
        Assert.True(_core.Core.HasWork);
        Assert.Equal(_core.Now, _core.Core.NextDue);
        var carol = EntityAddress.Of(PlayerDecider.FamilyName, "carol");
        var dora = EntityAddress.Of(PlayerDecider.FamilyName, "dora");
        var served = _core.Send(carol, new Serve(dora, 0, true));
        for (var i = 0; i < 5; i++) _core.Give(new CoreInput.Tick());
        Assert.IsType<Done>(ReplyOf<Done>(_core.Answers[served]));
        Assert.Equal((1, 100), (Points(carol), Points(dora)));
        Assert.Equal((0, 0), (Points(Ann), Points(Bob)));
    }

    [Fact]
    public void A_signal_leaves_only_after_the_commit_of_what_its_sender_knew()
    {
        _core.Query(Bob, new GetScore());
        _core.Hold = static action => action is CoreAction.Commit;
        _core.Send(Ann, new Serve(Bob, 0, true));
        // Decided while the first is under way, and with nothing of its own to commit.
        _core.Send(Ann, new Serve(Bob, 0, false));
        Rest();
        Assert.Single(_core.Held);
        Assert.Equal(0, Points(Bob));
        _core.Free();
        Rest();
        Assert.Equal((1, 200), (Points(Ann), Points(Bob)));
    }

    [Fact]
    public void A_signal_of_a_commit_that_was_refused_never_leaves()
    {
        _core.Query(Bob, new GetScore());
        _core.Hold = static action => action is CoreAction.Commit;
        var asked = _core.Send(Ann, new Serve(Bob, 0, true));
        var commit = Assert.IsType<CoreAction.Commit>(_core.Held.Single());
        _core.Held.Clear();
        _core.Hold = static _ => false;
        _core.Give(new CoreInput.CommitFailed(commit.Id, "the disk is full"));
        _core.Pass(5);
        Assert.Equal(Refusal.Unavailable, WhyOf(_core.Answers[asked]));
        Assert.Equal((0, 0), (Points(Ann), Points(Bob)));
    }

    [Fact]
    public void A_signal_that_throws_is_dropped_at_once_and_counted_and_the_next_one_is_handled()
    {
        _core.Send(Ann, new ServeBadly(Bob));
        _core.Send(Ann, new Serve(Bob, 0, false));
        Rest();
        Assert.Equal(100, Points(Bob));
        Assert.Equal(1, _core.Core.SignalsDropped);
        Assert.Contains(_core.Notes, static note => note.Contains("a signal is not tried again"));
        Assert.Empty(Wait(_core.Store.ReadParked(default)));
    }

    [Fact]
    public void A_signal_to_an_address_that_nobody_decides_for_or_that_is_none_is_dropped_and_counted()
    {
        _core.Send(Ann, new Serve(EntityAddress.Of("nobody", "x"), 0, false));
        _core.Send(Ann, new Serve(EntityAddress.Of(PlayerDecider.FamilyName, "a b"), 0, false));
        Assert.Equal(2, _core.Core.SignalsDropped);
    }
}
