using Athanor.Actors;
using Athanor.Hosting.Core;
using Athanor.Hosting.Stores;
using Athanor.Protocol;
using static Hosting.Tests.Core.CoreHarness;

namespace Hosting.Tests.Core;

public class SupervisionTests
{
    private readonly CoreHarness _core = new();

    [Fact]
    public void A_clients_command_that_throws_three_times_is_answered_with_the_reason_and_the_next_goes_on()
    {
        var bad = _core.Send(A, new Poison("bad luck"));
        var good = _core.Send(A, new Credit(1, 5));
        Assert.Empty(_core.Answers);
        _core.Pass(1);
        var refuse = Assert.IsType<CoreAction.Refuse>(_core.Answers[bad]);
        Assert.Equal(Refusal.Failed, refuse.Why);
        Assert.Contains("bad luck", refuse.Reason);
        Assert.Equal(5, ReplyOf<BalanceIs>(_core.Answers[good]).Balance);
        Assert.Equal(3, _core.Notes.Count(static text => text.Contains("bad luck")));
    }

    [Fact]
    public void A_message_that_throws_three_times_is_parked_with_the_reason_while_other_entities_go_on()
    {
        _core.Ask(B, new SendPoison(1, A));
        _core.Ask(B, new Send(2, A, 7));
        Assert.Equal(-7, _core.Balance(B));
        Assert.Empty(_core.Journal(A));
        _core.Pass(1);
        var parked = Wait(_core.Store.ReadParked(default)).Single();
        Assert.Equal((B, "accounts.poison"), (parked.Mail.Sender!.Value, parked.Mail.Command.Kind));
        Assert.Contains("poison", parked.Reason);
        Assert.Equal(7, _core.Balance(A));
        Assert.Empty(Wait(_core.Store.ReadMail([0], 10, default)));
    }

    [Fact]
    public void A_parked_message_comes_back_as_a_new_one()
    {
        _core.Ask(B, new SendPoison(1, A));
        _core.Pass(1);
        var parked = Wait(_core.Store.ReadParked(default)).Single();
        Assert.IsType<Done>(ReplyOf<Done>(_core.Unpark(parked)));
        Assert.Empty(Wait(_core.Store.ReadParked(default)));
        _core.Pass(1);
        Assert.NotEqual(parked.Mail.Id, Wait(_core.Store.ReadParked(default)).Single().Mail.Id);
    }

    [Fact]
    public void A_parked_message_that_is_returned_twice_comes_back_once()
    {
        _core.Ask(B, new SendPoison(1, A));
        _core.Pass(1);
        var parked = Wait(_core.Store.ReadParked(default)).Single();
        _core.Unpark(parked);
        Assert.Equal(Refusal.Invalid, WhyOf(_core.Unpark(parked)));
        var next = _core.Restart();
        Assert.Equal(Refusal.Invalid, WhyOf(next.Unpark(parked)));
        next.Pass(1);
        Assert.Single(Wait(_core.Store.ReadParked(default)));
    }

    [Fact]
    public void Between_attempts_the_entity_is_rebuilt_from_the_journal()
    {
        _core.Ask(A, new Credit(1, 5));
        var reads = _core.Done.OfType<CoreAction.ReadEntity>().Count();
        _core.Send(A, new Poison("again"));
        _core.Pass(1);
        Assert.Equal(reads + 2, _core.Done.OfType<CoreAction.ReadEntity>().Count());
        Assert.Equal(5, _core.Balance(A));
    }

    [Fact]
    public void A_Compute_that_the_state_does_not_await_is_an_error_of_the_decider()
    {
        var ask = _core.Send(A, new Unasked());
        _core.Pass(1);
        Assert.Contains("does not say that it awaits it", Assert.IsType<CoreAction.Refuse>(_core.Answers[ask]).Reason);
    }

    [Fact]
    public void A_message_of_an_unknown_kind_faults_its_entity_and_others_go_on()
    {
        TellRaw(new StoredMessage("accounts.from-the-future", 1, new byte[] { 0x90 }));
        _core.Ask(B, new Send(1, A, 7));
        Assert.Equal("faulted", _core.Core.StatusOf(A));
        Assert.Equal(Refusal.Faulted, WhyOf(_core.Ask(A, new Credit(2, 1))));
        Assert.Equal(Refusal.Faulted, WhyOf(_core.Query(A, new Describe())));
        Assert.Equal(-7, _core.Balance(B));
        Assert.Contains("from-the-future", Wait(_core.Store.ReadEntity(A, false, default)).Head!.Fault);
        // Its rows are held, in the store, over a restart too.
        var again = _core.Restart();
        Assert.Equal(Refusal.Faulted, WhyOf(again.Ask(A, new Credit(2, 1))));
    }

    private void TellRaw(StoredMessage message)
    {
        var row = Wait(_core.Store.ReadShards(default))[0];
        var part = new ShardCommit(0, row.Owner!, row.Epoch, row.LastNumber);
        part = part with { Mail = [new MailRow(new MailId(0, part.NewLast, 0), 0, A, B, message, null)] };
        Assert.True(Wait(_core.Store.Commit([part], default)).Single().Accepted);
        _core.Give(new CoreInput.MailHint([0]));
        _core.Pass(2);
    }

    [Fact]
    public void A_damaged_history_faults_the_entity_and_a_repair_releases_its_messages_in_order()
    {
        _core.Ask(A, new Credit(1, 5));
        var again = new CoreHarness(_core.Store, _core.Time, _core.Options) { Hold = static action => action is CoreAction.ReadEntity read && read.Entity == A };
        var ask = again.Send(A, new Credit(2, 1));
        var read = (CoreAction.ReadEntity)again.Held.Single();
        again.Held.Clear();
        again.Give(new CoreInput.EntityDamaged(read.Id, "journal, event 1: CRC"));
        Assert.Equal(Refusal.Faulted, WhyOf(again.Answers[ask]));
        again.Ask(B, new Send(3, A, 7));
        again.Ask(B, new Send(4, A, 8));
        Assert.Equal(Refusal.Faulted, WhyOf(again.Ask(A, new Credit(5, 1))));

        // The first repair finds it still damaged.
        again.Repair(A);
        again.Give(new CoreInput.EntityDamaged(((CoreAction.ReadEntity)again.Held.Single()).Id, "journal, event 1: CRC"));
        again.Held.Clear();
        Assert.Equal("faulted", again.Core.StatusOf(A));

        again.Hold = static _ => false;
        ReplyOf<Done>(again.Repair(A, skipSnapshot: true));
        again.Pass(2);
        Assert.Equal([new Credited(1, 5), new Received(3, 7, B, 0), new Received(4, 8, B, 1)], again.Journal(A));
        Assert.Equal(20, again.Balance(A));
        Assert.Equal(1, Wait(again.Store.ReadEntity(A, false, default)).Snapshot!.EntityNumber);
        Assert.Null(Wait(again.Store.ReadEntity(A, false, default)).Head!.Fault);
    }

    [Fact]
    public void A_repair_of_a_sound_entity_is_refused() => Assert.Equal(Refusal.Invalid, WhyOf(_core.Repair(A)));

    [Fact]
    public void Stashed_commands_are_decided_again_after_the_next_event()
    {
        var first = _core.Send(A, new Wait());
        var second = _core.Send(A, new Wait());
        Assert.Empty(_core.Answers);
        _core.Ask(A, new Credit(1, 5));
        Assert.Equal(5, ReplyOf<BalanceIs>(_core.Answers[first]).Balance);
        Assert.Equal(5, ReplyOf<BalanceIs>(_core.Answers[second]).Balance);
    }

    [Fact]
    public void An_idle_entity_is_passivated_with_a_snapshot_and_comes_back()
    {
        _core.Ask(A, new Credit(1, 5));
        Assert.Equal("active", _core.Core.StatusOf(A));
        _core.Pass(_core.Options.PassivateAfter.TotalSeconds + 1);
        Assert.Equal("idle", _core.Core.StatusOf(A));
        Assert.Equal(1, Wait(_core.Store.ReadEntity(A, false, default)).Snapshot!.EntityNumber);
        Assert.Equal(5, _core.Balance(A));
    }

    [Fact]
    public void An_entity_may_ask_to_be_forgotten()
    {
        _core.Ask(A, new Credit(1, 5));
        _core.Ask(A, new Sleep());
        Assert.Equal("idle", _core.Core.StatusOf(A));
        Assert.Equal(5, _core.Balance(A));
    }

    [Fact]
    public void Entities_in_memory_are_bounded_and_the_least_recently_used_go_first()
    {
        var core = new CoreHarness(options: new CoreOptions { Node = "node-a", ShardCount = 1, MaxActive = 10 });
        for (var i = 0; i < 50; i++) core.Ask(A with { Id = $"e{i}" }, new Credit(i, 1));
        core.Pass(0.1);
        Assert.InRange(core.Core.ActiveEntities, 1, 10);
        Assert.Equal(("idle", "active"), (core.Core.StatusOf(A with { Id = "e0" }), core.Core.StatusOf(A with { Id = "e49" })));
        for (var i = 0; i < 50; i++) Assert.Equal(1, core.Balance(A with { Id = $"e{i}" }));
    }
}
