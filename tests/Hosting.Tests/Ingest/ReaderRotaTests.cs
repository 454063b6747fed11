using Athanor.Hosting.Ingest;

namespace Hosting.Tests.Ingest;

public sealed class ReaderRotaTests
{
    private readonly Clock _clock = new();

    [Fact]
    public void Queues_are_shared_evenly_by_name_and_every_view_of_the_same_members_says_the_same()
    {
        string[] members = ["c/1", "a/9", "b/5"];
        var rotas = members.Select(self => new ReaderRota(self, TimeSpan.FromSeconds(3), _clock)).ToArray();
        Assert.All(rotas, rota => Assert.All(Enumerable.Range(0, 8), queue => Assert.Equal(rota.Self, rota.OwnerOf(queue))));
        foreach (var rota in rotas)
        {
            foreach (var member in members) rota.Heard(member);
        }
        Assert.All(rotas, static rota => Assert.Equal(
            ["a/9", "b/5", "c/1", "a/9", "b/5", "c/1", "a/9", "b/5"], Enumerable.Range(0, 8).Select(rota.OwnerOf)));
    }

    [Fact]
    public void One_that_goes_or_is_not_heard_of_loses_its_share_and_one_s_own_is_never_forgotten()
    {
        var rota = new ReaderRota("a/1", TimeSpan.FromSeconds(3), _clock);
        rota.Heard("b/1");
        rota.Heard("c/1");
        rota.Left("c/1");
        Assert.Equal(["a/1", "b/1"], rota.Members);
        _clock.Seconds = 3;
        rota.Forget();
        Assert.Equal(["a/1", "b/1"], rota.Members);
        _clock.Seconds = 4;
        rota.Left("a/1");
        rota.Forget();
        Assert.Equal(["a/1"], rota.Members);
    }

    [Fact]
    public void A_change_is_told_once_and_a_word_that_changes_nothing_is_not()
    {
        var rota = new ReaderRota("a/1", TimeSpan.FromSeconds(3), _clock);
        var changed = rota.Changed;
        rota.Heard("a/1");
        rota.Forget();
        Assert.False(changed.IsCompleted);
        // The same node after a restart stands elsewhere in the lines.
        rota.Heard("b/1");
        Assert.True(changed.IsCompleted);
        changed = rota.Changed;
        rota.Heard("b/1");
        Assert.False(changed.IsCompleted);
        rota.Heard("b/2");
        Assert.True(changed.IsCompleted);
    }

    private sealed class Clock : TimeProvider
    {
        public long Seconds { get; set; }

        public override long TimestampFrequency => 1;

        public override long GetTimestamp() => Seconds;
    }
}
