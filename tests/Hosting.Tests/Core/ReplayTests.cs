using Athanor.Hosting.Core;
using Athanor.Hosting.Stores;
using Athanor.Protocol;
using static Hosting.Tests.Core.CoreHarness;

namespace Hosting.Tests.Core;

public class ReplayTests
{
    private readonly CoreHarness _core = new(options: new CoreOptions { Node = "node-a", ShardCount = 1, SnapshotEvery = 3 });

    private EntityHistory History(bool fromStart = true) => Wait(_core.Store.ReadEntity(A, fromStart, default));

    private static Replayed FromJournal(EntityHistory history) => Replay.FromJournal(Deciders[0], Codec, A, history);

    private void Fill()
    {
        for (var op = 1; op <= 8; op++) _core.Ask(A, new Credit(op, op));
    }

    [Fact]
    public void The_journal_alone_gives_the_live_state_bit_for_bit()
    {
        Fill();
        var live = ReplyOf<Description>(_core.Query(A, new Describe()));
        var replayed = FromJournal(History());
        Assert.Equal((live.EventNumber, live.StateHash), (replayed.EventNumber, replayed.StateHash));
        Assert.Equal(36, ((Account)replayed.State).Balance);
        Assert.NotNull(History(fromStart: false).Snapshot);
    }

    [Fact]
    public void An_entity_without_events_replays_to_its_initial_state() => Assert.Equal(0, FromJournal(History()).EventNumber);

    [Fact]
    public void Every_kind_of_damage_is_reported_with_entity_and_event()
    {
        Fill();
        var sound = History();
        var events = sound.Events.ToList();
        Damaged(sound with { Events = events.Where(static e => e.EntityNumber != 4).ToList() }, "event 4", "missing");
        Damaged(sound with { Events = events.Take(6).ToList() }, "ends at event 6", "head says 8");
        Damaged(sound with { Events = Replace(events[2] with { Event = events[3].Event }) }, "event 3", "hash");
        Damaged(sound with { Events = Replace(events[2] with { Hash = events[3].Hash }) }, "event 3", "hash");
        Damaged(sound with { Events = Replace(events[2] with { PreviousHash = events[3].PreviousHash }) }, "event 3", "does not follow");

        List<JournalRow> Replace(JournalRow row) => events.Select(e => e.EntityNumber == row.EntityNumber ? row : e).ToList();
    }

    private static void Damaged(EntityHistory history, params string[] words)
    {
        var message = Assert.Throws<DamageException>(() => FromJournal(history)).Message;
        Assert.Contains(A.ToString(), message);
        Assert.All(words, word => Assert.Contains(word, message));
    }
}
