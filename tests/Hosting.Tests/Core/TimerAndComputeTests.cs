using Athanor.Hosting.Core;
using Athanor.Protocol;
using static Hosting.Tests.Core.CoreHarness;

namespace Hosting.Tests.Core;

public class TimerAndComputeTests
{
    private readonly CoreHarness _core = new();

    [Fact]
    public void A_timer_rings_once_when_it_is_due_by_the_stores_clock()
    {
        var due = _core.Time.Now.AddSeconds(30);
        _core.Ask(A, new SetAlarm(1, 30));
        _core.Pass(29.9);
        Assert.DoesNotContain(_core.Journal(A), static e => e is Rang);
        _core.Pass(1);
        var rang = (Rang)_core.Journal(A)[^1];
        Assert.InRange(rang.Time, due, due.AddSeconds(0.2));
        _core.Pass(60);
        Assert.Single(_core.Journal(A).OfType<Rang>());
        Assert.Empty(Wait(_core.Store.OpenShard(0, default)).Timers);
    }

    [Fact]
    public void A_timer_set_before_a_crash_rings_under_the_new_owner()
    {
        _core.Ask(A, new SetAlarm(1, 30));
        _core.Time.Now = _core.Time.Now.AddMinutes(5);
        var again = _core.Restart();
        again.Pass(1);
        Assert.Equal(again.Time.Now.AddSeconds(-1), ((Rang)again.Journal(A)[^1]).Time);
    }

    [Fact]
    public void Timers_are_left_alone_where_a_command_only_reads_or_appends()
    {
        _core.Ask(A, new SetAlarm(1, 30));
        _core.Time.Now = _core.Time.Now.AddMinutes(5);
        var reading = new CoreHarness(_core.Store, _core.Time, _core.Options with { Wakes = false });
        reading.Pass(10);
        Assert.Single(reading.Journal(A));
        Assert.Single(Wait(_core.Store.OpenShard(0, default)).Timers);
    }

    [Fact]
    public void Time_handed_to_an_entity_never_runs_back()
    {
        _core.Ask(A, new SetAlarm(1, 0));
        var before = ((AlarmSet)_core.Journal(A)[0]).Due;
        _core.Time.Now = _core.Time.Now.AddHours(-1);
        var again = _core.Restart();
        again.Ask(A, new SetAlarm(2, 0));
        Assert.True(((AlarmSet)again.Journal(A).OfType<AlarmSet>().Last()).Due >= before);
    }

    [Fact]
    public void A_Compute_comes_back_as_a_command_and_is_recorded()
    {
        _core.Ask(A, new Crunch(1, 12));
        Assert.Equal([new CrunchAsked(1, 12), new Crunched(1, 144)], _core.Journal(A));
    }

    [Fact]
    public void A_Compute_that_misses_its_deadline_is_cancelled_and_its_late_result_dropped()
    {
        _core.Hold = static action => action is CoreAction.StartCompute;
        _core.Ask(A, new Crunch(1, 12));
        var first = (CoreAction.StartCompute)_core.Held.Single();
        _core.Pass(AccountDecider.ComputeDeadline.TotalSeconds + 0.1);
        Assert.Equal(first.Id, _core.Done.OfType<CoreAction.CancelCompute>().Single().Id);
        Assert.Equal(new CrunchRetried(1), _core.Journal(A)[^1]);
        _core.Give(new CoreInput.ComputeDone(first.Id, new Squared(-1)));
        Assert.Equal(new CrunchRetried(1), _core.Journal(A)[^1]);
        _core.Held.RemoveAt(0);
        _core.Free();
        Assert.Equal(new Crunched(1, 144), _core.Journal(A)[^1]);
    }

    [Fact]
    public void A_Compute_that_threw_is_a_command_with_the_reason()
    {
        _core.Hold = static action => action is CoreAction.StartCompute;
        _core.Ask(A, new Crunch(1, 12));
        _core.Give(new CoreInput.ComputeThrew(((CoreAction.StartCompute)_core.Held.Single()).Id, "overflow"));
        Assert.Equal(new CrunchRetried(1), _core.Journal(A)[^1]);
    }

    [Fact]
    public void Unfinished_Compute_is_asked_again_by_the_new_owner_without_a_message()
    {
        _core.Hold = static action => action is CoreAction.StartCompute;
        _core.Ask(A, new Crunch(1, 12));
        var again = _core.Restart();
        Assert.Equal(new Crunched(1, 144), again.Journal(A)[^1]);
    }

    [Fact]
    public void An_entity_that_awaits_Compute_is_not_passivated()
    {
        _core.Hold = static action => action is CoreAction.StartCompute;
        _core.Ask(A, new Crunch(1, 12));
        _core.Pass(_core.Options.PassivateAfter.TotalSeconds * 2);
        Assert.Equal("active", _core.Core.StatusOf(A));
    }
}
