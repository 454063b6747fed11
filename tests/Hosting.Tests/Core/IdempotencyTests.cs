using Athanor.Hosting.Core;
using static Hosting.Tests.Core.CoreHarness;

namespace Hosting.Tests.Core;

public class IdempotencyTests
{
    private readonly CoreHarness _core = new();

    [Fact]
    public void The_same_key_with_the_same_command_has_effect_once_and_the_same_reply()
    {
        var key = _core.NewKey();
        Assert.Equal(5, ReplyOf<BalanceIs>(_core.Ask(A, new Credit(1, 5), key)).Balance);
        _core.Ask(A, new Credit(2, 5));
        Assert.Equal(5, ReplyOf<BalanceIs>(_core.Ask(A, new Credit(1, 5), key)).Balance);
        Assert.Equal(5, ReplyOf<BalanceIs>(_core.Restart().Ask(A, new Credit(1, 5), key)).Balance);
        Assert.Equal(2, _core.Journal(A).Count);
    }

    [Fact]
    public void A_key_that_its_client_has_only_just_made_is_not_looked_up_and_is_found_when_it_comes_again()
    {
        var first = _core.Command(A, new Credit(1, 5), _core.NewKey()) with { IsNew = true };
        _core.Give(first);
        Assert.Equal(5, ReplyOf<BalanceIs>(_core.Answers[first.Correlation]).Balance);
        Assert.Empty(_core.Done.OfType<CoreAction.FindReply>());
        Assert.Equal(5, ReplyOf<BalanceIs>(_core.Ask(A, new Credit(1, 5), first.Key)).Balance);
        Assert.Single(_core.Done.OfType<CoreAction.FindReply>());
        Assert.Single(_core.Journal(A));
    }

    [Fact]
    public void A_command_sent_again_while_the_first_is_under_way_joins_it()
    {
        _core.Hold = static action => action is CoreAction.Commit;
        var key = _core.NewKey();
        var (first, second) = (_core.Send(A, new Credit(1, 5), key), _core.Send(A, new Credit(1, 5), key));
        _core.Free();
        Assert.Equal(5, ReplyOf<BalanceIs>(_core.Answers[first]).Balance);
        Assert.Equal(5, ReplyOf<BalanceIs>(_core.Answers[second]).Balance);
        Assert.Single(_core.Journal(A));
    }

    [Fact]
    public void The_same_key_with_another_command_or_entity_is_a_conflict()
    {
        var key = _core.NewKey();
        _core.Ask(A, new Credit(1, 5), key);
        Assert.Equal(Refusal.Conflict, WhyOf(_core.Ask(A, new Credit(1, 6), key)));
        Assert.Equal(Refusal.Conflict, WhyOf(_core.Ask(B, new Credit(1, 5), key)));
        _core.Hold = static action => action is CoreAction.Commit;
        var busy = _core.NewKey();
        _core.Send(A, new Credit(2, 5), busy);
        Assert.Equal(Refusal.Conflict, WhyOf(_core.Ask(A, new Credit(3, 5), busy)));
    }

    [Theory]
    [InlineData(-7 * 24 * 60 - 1, false)]
    [InlineData(-7 * 24 * 60 + 1, true)]
    [InlineData(9, true)]
    [InlineData(11, false)]
    public void A_key_is_taken_if_it_is_of_the_last_7_days_and_not_10_minutes_ahead(int minutes, bool taken)
    {
        var answer = _core.Ask(A, new Credit(1, 5), Guid.CreateVersion7(_core.Time.Now.AddMinutes(minutes)));
        if (taken) Assert.IsType<CoreAction.Reply>(answer);
        else Assert.Equal(Refusal.Invalid, WhyOf(answer));
    }

    /// <summary>What the new owner has written may not have reached a standby yet: only its own answer says so.</summary>
    [Fact]
    public void A_reply_that_a_node_finds_after_it_lost_the_shard_unawares_is_not_its_to_give()
    {
        Assert.NotNull(_core.Ask(A, new Credit(1, 5), _core.NewKey()));
        var key = _core.NewKey();
        _core.Hold = static action => action is CoreAction.FindReply;
        var late = _core.Send(A, new Credit(2, 5), key);
        _core.Time.Now += TimeSpan.FromMinutes(2);
        var other = new CoreHarness(_core.Store, _core.Time, _core.Options with { Node = "node-b" });
        other.Pass(60);
        Assert.Equal(10, ReplyOf<BalanceIs>(other.Ask(A, new Credit(2, 5), key)).Balance);
        _core.Free();
        Assert.Equal(Refusal.NotOwner, WhyOf(_core.Answers[late]));
    }

    [Fact]
    public void A_key_that_is_no_UUIDv7_is_refused() =>
        Assert.Equal(Refusal.Invalid, WhyOf(_core.Ask(A, new Credit(1, 5), new Guid("0f8fad5b-d9cb-469f-a165-70867728950e"))));

    [Fact]
    public void Commands_of_one_session_are_handled_in_their_order_however_they_arrive()
    {
        _core.Send(A, new Credit(3, 1), _core.NewKey(), new ClientOrder("s", 3, 1));
        _core.Send(A, new Credit(2, 1), _core.NewKey(), new ClientOrder("s", 2, 1));
        Assert.Empty(_core.Answers);
        _core.Send(A, new Credit(1, 1), _core.NewKey(), new ClientOrder("s", 1, 1));
        Assert.Equal([1L, 2, 3], _core.Journal(A).Cast<Credited>().Select(static e => e.Op));
        Assert.Equal(3, _core.Answers.Count);
    }

    [Fact]
    public void A_new_owner_knows_from_the_command_itself_what_comes_first()
    {
        _core.Send(A, new Credit(8, 1), _core.NewKey(), new ClientOrder("s", 8, 7));
        Assert.Empty(_core.Journal(A));
        _core.Send(A, new Credit(7, 1), _core.NewKey(), new ClientOrder("s", 7, 7));
        Assert.Equal([7L, 8], _core.Journal(A).Cast<Credited>().Select(static e => e.Op));
    }

    [Fact]
    public void A_command_to_nobody_is_refused_and_leaves_no_trace()
    {
        Assert.Equal(Refusal.Invalid, WhyOf(_core.Ask(A with { Family = "nobodies" }, new Credit(1, 1))));
        Assert.Equal(Refusal.Invalid, WhyOf(_core.Ask(A with { Id = "a b" }, new Credit(1, 1))));
        Assert.Equal(Refusal.Invalid, WhyOf(_core.Query(A with { Family = "nobodies" }, new GetBalance())));
        Assert.Empty(Wait(_core.Store.ListAllEntities(default)));
    }

    [Fact]
    public void An_ask_that_is_not_answered_in_time_gets_a_diagnosis_and_is_taken_back()
    {
        var ask = _core.Send(A, new Wait(), timeout: 2);
        _core.Hold = static action => action is CoreAction.FindReply;
        var behind = _core.Send(A, new Credit(1, 1), _core.NewKey(), timeout: 2);
        _core.Pass(3);
        Assert.Equal(Refusal.TimedOut, WhyOf(_core.Answers[ask]));
        var refuse = Assert.IsType<CoreAction.Refuse>(_core.Answers[behind]);
        foreach (var word in (string[])["default/accounts/a", "shard 0", "owner node-a", "epoch 1.1", "1 messages in its mailbox",
            "1 stashed", "none in flight"])
            Assert.Contains(word, refuse.Reason);
        _core.Free();
        Assert.Empty(_core.Journal(A));
    }
}
