using Athanor.Hosting.Core;
using Athanor.Hosting.Stores;
using Athanor.Hosting.Stores.Memory;
using Athanor.Protocol;
using static Hosting.Tests.Core.CoreHarness;

namespace Hosting.Tests.Core;

public class CommitTests
{
    private readonly CoreHarness _core = new();

    [Fact]
    public void A_command_is_answered_after_its_commit_and_not_before()
    {
        _core.Hold = static action => action is CoreAction.Commit;
        var ask = _core.Send(A, new Credit(1, 5), _core.NewKey());
        Assert.False(_core.Answers.ContainsKey(ask));
        _core.Free();
        Assert.Equal(5, ReplyOf<BalanceIs>(_core.Answers[ask]).Balance);
        Assert.Equal([new Credited(1, 5)], _core.Journal(A));
    }

    [Fact]
    public void Queries_see_committed_state_only()
    {
        _core.Ask(A, new Credit(1, 5));
        _core.Hold = static action => action is CoreAction.Commit;
        _core.Send(A, new Credit(2, 5));
        Assert.Equal(5, _core.Balance(A));
        _core.Free();
        Assert.Equal(10, _core.Balance(A));
    }

    [Fact]
    public void Commands_that_come_during_a_commit_share_the_next_one()
    {
        _core.Hold = static action => action is CoreAction.Commit;
        for (var op = 1; op <= 100; op++) _core.Send(op % 2 == 0 ? A : B, new Credit(op, 1));
        Assert.Equal(1, _core.Commits);
        _core.Free();
        Assert.Equal(2, _core.Commits);
        Assert.Equal(100, _core.Answers.Count);
        Assert.Equal((50, 50), (_core.Balance(A), _core.Balance(B)));
    }

    [Fact]
    public void Commands_that_come_in_one_step_share_a_commit()
    {
        _core.Give(_core.Command(A, new Credit(1, 1)), _core.Command(B, new Credit(2, 1)), _core.Command(A, new Credit(3, 1)));
        Assert.InRange(_core.Commits, 1, 2);
        Assert.Equal(3, _core.Answers.Count);
    }

    [Fact]
    public void A_command_that_changes_nothing_waits_for_what_it_saw()
    {
        _core.Hold = static action => action is CoreAction.Commit;
        _core.Send(A, new Credit(1, 5));
        var wait = _core.Send(A, new Wait(), _core.NewKey());
        Assert.False(_core.Answers.ContainsKey(wait));
        _core.Free();
        Assert.Equal(5, ReplyOf<BalanceIs>(_core.Answers[wait]).Balance);
    }

    [Fact]
    public void A_rejected_commit_drops_what_was_speculated_and_the_client_may_ask_again()
    {
        var key = _core.NewKey();
        _core.Ask(A, new Credit(1, 5));
        _core.Hold = static action => action is CoreAction.Commit;
        var ask = _core.Send(A, new Credit(2, 5), key);
        var commit = (CoreAction.Commit)_core.Held.Single();
        _core.Held.Clear();
        _core.Hold = static _ => false;
        var row = Wait(_core.Store.ReadShards(default))[0];
        _core.Give(new CoreInput.CommitDone(commit.Id, [new ShardCommitResult(0, false, row with { LastNumber = 99 })]));
        Assert.Equal(Refusal.Unavailable, WhyOf(_core.Answers[ask]));
        Assert.Equal(5, _core.Balance(A));
        Assert.Equal(10, ReplyOf<BalanceIs>(_core.Ask(A, new Credit(2, 5), key)).Balance);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_commit_of_unknown_outcome_is_settled_by_a_newer_one_before_anything_is_answered(bool landed)
    {
        _core.Ask(A, new Credit(1, 5));
        _core.Hold = static action => action is CoreAction.Commit;
        var ask = _core.Send(A, new Credit(2, 5), _core.NewKey());
        var commit = (CoreAction.Commit)_core.Held.Single();
        _core.Held.Clear();
        if (landed) _core.Outcome(commit);
        _core.Give(new CoreInput.CommitUnknown(commit.Id, "no answer"));

        // The shard was read again and an empty commit is under way; neither command nor query is answered.
        var settling = Assert.IsType<CoreAction.Commit>(_core.Held.Single());
        Assert.Empty(settling.Parts.Single().Events);
        Assert.False(_core.Answers.ContainsKey(ask));
        Assert.Null(_core.Query(A, new GetBalance()));

        _core.Free();
        if (landed) Assert.Equal(10, ReplyOf<BalanceIs>(_core.Answers[ask]).Balance);
        else Assert.Equal(Refusal.Unavailable, WhyOf(_core.Answers[ask]));
        Assert.Equal(landed ? 10 : 5, _core.Balance(A));
    }

    [Fact]
    public void A_commit_that_lands_after_its_outcome_was_given_up_is_fenced_by_the_newer_one()
    {
        _core.Hold = static action => action is CoreAction.Commit;
        _core.Send(A, new Credit(1, 5), _core.NewKey());
        var commit = (CoreAction.Commit)_core.Held.Single();
        _core.Held.Clear();
        _core.Hold = static _ => false;
        _core.Give(new CoreInput.CommitUnknown(commit.Id, "no answer"));
        var late = Wait(_core.Store.Commit(commit.Parts, default)).Single();
        Assert.False(late.Accepted);
        Assert.Empty(_core.Journal(A));
    }

    [Fact]
    public void A_commit_that_the_store_refuses_is_said_to_the_client_and_the_shard_goes_on()
    {
        _core.Hold = static action => action is CoreAction.Commit;
        var ask = _core.Send(A, new Credit(1, 5));
        var commit = (CoreAction.Commit)_core.Held.Single();
        _core.Held.Clear();
        _core.Hold = static _ => false;
        _core.Give(new CoreInput.CommitFailed(commit.Id, "the disk is full"));
        var refuse = Assert.IsType<CoreAction.Refuse>(_core.Answers[ask]);
        Assert.Equal((Refusal.Unavailable, "the disk is full"), (refuse.Why, refuse.Reason));
        _core.Pass(1);
        Assert.Equal(5, ReplyOf<BalanceIs>(_core.Ask(A, new Credit(1, 5))).Balance);
    }

    /// <summary>A row is seen that no standby has confirmed, and the standby takes over: the row was never told.</summary>
    [Fact]
    public void A_message_that_a_fail_over_took_back_is_not_handled_and_counts_once_when_it_is_told_anew()
    {
        var time = new VirtualTime();
        var core = new CoreHarness(new MemoryStore(8, time), time);
        Assert.NotEqual(ShardOf.Address(A, 8), ShardOf.Address(B, 8));
        core.Ask(B, new Credit(1, 1));
        var standby = core.Store.TakeBackup();
        core.Hold = static action => action is CoreAction.Commit commit && commit.Parts.Any(static part => part.Handled.Length > 0);
        var key = core.NewKey();
        core.Ask(A, new Send(2, B, 5), key);
        Assert.Single(core.Held);
        core.Store.PutBack(standby);
        var commits = core.Commits;
        core.Free();

        Assert.Contains(core.Notes, static note => note.Contains("does not hold a message any more", StringComparison.Ordinal));
        Assert.Equal([new Credited(1, 1)], core.Journal(B));
        core.Pass(5);
        Assert.Equal(1, core.Balance(B));
        // One commit settles the new term; nothing is tried over and over.
        Assert.Equal(commits + 1, core.Commits);

        // The sender's shard learns of it by its next commit, and its client asks again.
        Assert.Equal(Refusal.Unavailable, WhyOf(core.Ask(A, new Send(2, B, 5), key)));
        core.Pass(5);
        Assert.IsType<CoreAction.Reply>(core.Ask(A, new Send(2, B, 5), key));
        core.Pass(5);
        Assert.Equal(6, core.Balance(B));
        Assert.Equal(2, core.Journal(B).Count);
    }

    [Fact]
    public void Feeds_are_gap_free_and_snapshots_come_in_time()
    {
        var core = new CoreHarness(options: new CoreOptions { Node = "node-a", ShardCount = 1, SnapshotEvery = 10 });
        for (var op = 1; op <= 25; op++) core.Ask(A, new Credit(op, 1));
        var feed = Wait(core.Store.ReadFeed(0, 0, 100, default));
        Assert.Equal(Enumerable.Range(1, 25).Select(static n => (long)n), feed.Select(static row => row.Number));
        var history = Wait(core.Store.ReadEntity(A, false, default));
        Assert.Equal((20L, 5), (history.Snapshot!.EntityNumber, history.Events.Count));
        Assert.Equal(25, core.Restart().Balance(A));
    }

    [Fact]
    public void Work_is_offered_after_the_commit_and_its_cancellation_said()
    {
        _core.Hold = static action => action is CoreAction.Commit;
        _core.Send(A, new Dig(1));
        Assert.DoesNotContain(_core.Done, static action => action is CoreAction.WorkOffered);
        _core.Free();
        Assert.Equal("cpu", Assert.Single(_core.Done.OfType<CoreAction.WorkOffered>().Single().Pools));
        Assert.Equal($"{A}/dig-1", Wait(_core.Store.ListWork(WorkStatus.Pending, default)).Single().Work.Id);
        _core.Ask(A, new Undig(1));
        Assert.Equal($"{A}/dig-1", Assert.Single(_core.Done.OfType<CoreAction.WorkCancelled>().Single().WorkIds));
        Assert.Single(Wait(_core.Store.ListWork(WorkStatus.Cancelled, default)));
    }
}
