using System.Collections.Immutable;
using Athanor.Actors.Twins.Units.Alarms;
using Athanor.Protocol;
using Athanor.Protocol.Twins.Units;

namespace Athanor.Actors.Tests.Twins.Units;

public sealed class AlarmRulesTests
{
    private static readonly DateTimeOffset Start = new(2026, 3, 1, 6, 0, 0, TimeSpan.Zero);

    [Fact]
    public void An_alarm_goes_through_the_states_of_the_standard()
    {
        var unit = new Alarmed(High());
        Assert.Equal(AlarmState.Normal, unit.State("T.high"));
        unit.At(0, 351.0);
        Assert.Equal(AlarmState.Unacknowledged, unit.State("T.high"));
        unit.Do(new AcknowledgeAlarms(["T.high"], "seen"));
        Assert.Equal(AlarmState.Acknowledged, unit.State("T.high"));
        Assert.Equal(("ada", "seen"), (unit.Book["T.high"].By, unit.Book["T.high"].Why));
        unit.At(10, 340.0);
        Assert.Equal(AlarmState.Normal, unit.State("T.high"));
        unit.At(20, 352.0).At(30, 340.0);
        Assert.Equal(AlarmState.ReturnedUnacknowledged, unit.State("T.high"));
        unit.Do(new AcknowledgeAlarms([], ""));
        Assert.Equal(AlarmState.Normal, unit.State("T.high"));
    }

    [Fact]
    public void A_latched_alarm_stays_until_it_is_acknowledged_and_reset()
    {
        var unit = new Alarmed(High() with { Latching = true }).At(0, 351.0).At(10, 340.0);
        Assert.Equal(AlarmState.LatchedUnacknowledged, unit.State("T.high"));
        Assert.Contains("not acknowledged", unit.Refused(new ResetAlarm("T.high")));
        unit.Do(new AcknowledgeAlarms([], ""));
        Assert.Equal(AlarmState.LatchedAcknowledged, unit.State("T.high"));
        unit.At(20, 355.0);
        Assert.Equal(AlarmState.Unacknowledged, unit.State("T.high"));
        Assert.Contains("still on", unit.Refused(new ResetAlarm("T.high")));
        unit.Do(new AcknowledgeAlarms([], "")).At(30, 340.0).Do(new ResetAlarm("T.high"));
        Assert.Equal(AlarmState.Normal, unit.State("T.high"));
    }

    [Fact]
    public void The_dead_band_keeps_an_alarm_until_the_value_is_clear_of_the_limit()
    {
        var unit = new Alarmed(High() with { DeadBand = 2.0 }).At(0, 350.0);
        unit.At(1, 349.0).At(2, 348.0);
        Assert.True(unit.Book["T.high"].Active);
        unit.At(3, 347.99);
        Assert.False(unit.Book["T.high"].Active);
        var low = new Alarmed(High() with { Tag = "T.low", Condition = AlarmCondition.Low, Limit = 300.0, DeadBand = 2.0 }).At(0, 300.0)
            .At(1, 301.9);
        Assert.True(low.Book["T.low"].Active);
        Assert.False(low.At(2, 302.1).Book["T.low"].Active);
    }

    [Fact]
    public void Delays_need_the_condition_without_a_break()
    {
        var unit = new Alarmed(High() with { OnDelay = TimeSpan.FromSeconds(30), OffDelay = TimeSpan.FromSeconds(60) });
        unit.At(0, 351.0).At(20, 349.0).At(25, 351.0).At(50, 351.0);
        Assert.Equal(AlarmState.Normal, unit.State("T.high"));
        unit.At(55, 351.0);
        Assert.Equal(AlarmState.Unacknowledged, unit.State("T.high"));
        unit.At(60, 340.0).At(119, 340.0);
        Assert.True(unit.Book["T.high"].Active);
        Assert.False(unit.At(120, 340.0).Book["T.high"].Active);
    }

    [Fact]
    public void A_value_that_is_absent_or_not_a_number_changes_no_condition_and_has_an_alarm_of_its_own()
    {
        var unit = new Alarmed(High(), High() with { Tag = "T.bad", Condition = AlarmCondition.Bad }).At(0, 351.0).At(10, double.NaN)
            .At(20);
        Assert.Equal((AlarmState.Unacknowledged, AlarmState.Unacknowledged), (unit.State("T.high"), unit.State("T.bad")));
        unit.At(30, 352.0);
        Assert.Equal((AlarmState.Unacknowledged, AlarmState.ReturnedUnacknowledged), (unit.State("T.high"), unit.State("T.bad")));
    }

    [Fact]
    public void A_shelved_alarm_comes_back_by_itself_and_is_told_again_if_its_condition_is_on()
    {
        var unit = new Alarmed(High()).At(0, 351.0).Do(new ShelveAlarm("T.high", TimeSpan.FromMinutes(10), "sensor is being calibrated"));
        Assert.Equal(AlarmState.Shelved, unit.State("T.high"));
        Assert.Equal(Start.AddMinutes(10), AlarmRules.NextWake(unit.Book));
        unit.At(30, 340.0).At(60, 355.0);
        Assert.Equal((AlarmState.Shelved, 1L), (unit.State("T.high"), unit.Book["T.high"].Raises));
        // No sample comes, the timer does.
        unit.At(600);
        Assert.Equal((AlarmState.Unacknowledged, 2L), (unit.State("T.high"), unit.Book["T.high"].Raises));
        Assert.Null(AlarmRules.NextWake(unit.Book));
        unit.Do(new ShelveAlarm("T.high", TimeSpan.FromMinutes(10), "again")).At(700, 340.0).At(1300, 340.0);
        Assert.Equal(AlarmState.Normal, unit.State("T.high"));
    }

    [Fact]
    public void Shelving_needs_a_reason_and_keeps_to_the_longest_time_that_the_design_allows()
    {
        var unit = new Alarmed(High());
        Assert.Contains("say why", unit.Refused(new ShelveAlarm("T.high", TimeSpan.FromMinutes(1), " ")));
        Assert.Contains("at most 08:00:00", unit.Refused(new ShelveAlarm("T.high", TimeSpan.FromHours(9), "x")));
        Assert.Contains("no alarm 'T.hi'; it has T.high", unit.Refused(new ShelveAlarm("T.hi", TimeSpan.FromMinutes(1), "x")));
        Assert.Contains("may not be shelved", new Alarmed(High() with { LongestShelf = TimeSpan.Zero })
            .Refused(new ShelveAlarm("T.high", TimeSpan.FromMinutes(1), "x")));
    }

    [Fact]
    public void Suppression_by_design_hides_an_alarm_while_its_plant_state_lasts_and_swallows_no_acknowledgement()
    {
        var unit = new Alarmed(High() with { SuppressedWhile = new AlarmSuppression("pump", AlarmCondition.Low, 0.5, 0.0) });
        unit.Evaluate(0, ("pump", 1.0), ("T", 351.0)).Evaluate(10, ("pump", 0.0), ("T", 351.0));
        Assert.Equal(AlarmState.SuppressedByDesign, unit.State("T.high"));
        // It went back to normal unseen: nobody has acknowledged it, and somebody must.
        unit.Evaluate(20, ("pump", 0.0), ("T", 340.0)).Evaluate(30, ("pump", 1.0), ("T", 340.0));
        Assert.Equal(AlarmState.ReturnedUnacknowledged, unit.State("T.high"));
        unit.Do(new AcknowledgeAlarms([], "")).Evaluate(40, ("pump", 0.0), ("T", 352.0));
        Assert.Equal((AlarmState.SuppressedByDesign, true, 1L),
            (unit.State("T.high"), unit.Book["T.high"].Active, unit.Book["T.high"].Raises));
        unit.Evaluate(50, ("pump", 1.0));
        Assert.Equal(AlarmState.Unacknowledged, unit.State("T.high"));
    }

    [Fact]
    public void An_alarm_out_of_service_comes_back_only_by_hand()
    {
        var unit = new Alarmed(High()).Do(new SetAlarmService("T.high", false, "transmitter is out")).At(0, 351.0).At(1_000_000, 351.0);
        Assert.Equal(AlarmState.OutOfService, unit.State("T.high"));
        Assert.Contains("out of service", unit.Refused(new ShelveAlarm("T.high", TimeSpan.FromMinutes(1), "x")));
        unit.Do(new SetAlarmService("T.high", true, "new transmitter"));
        Assert.Equal((AlarmState.Unacknowledged, "new transmitter"), (unit.State("T.high"), unit.Book["T.high"].Why));
    }

    [Fact]
    public void The_first_of_a_group_is_marked_until_the_group_is_clear()
    {
        var pressure = High() with { Tag = "P.high", Signal = "P", Limit = 10.0, Group = "trip", Priority = AlarmPriority.Critical };
        var unit = new Alarmed(High() with { Group = "trip" }, pressure);
        unit.Evaluate(0, ("T", 351.0), ("P", 9.0)).Evaluate(1, ("T", 351.0), ("P", 11.0));
        Assert.Equal("T.high", unit.Book.FirstOuts["trip"]);
        unit.Evaluate(2, ("T", 340.0), ("P", 11.0)).Evaluate(3, ("T", 351.0), ("P", 11.0));
        Assert.Equal("T.high", unit.Book.FirstOuts["trip"]);
        unit.Evaluate(4, ("T", 340.0), ("P", 9.0));
        Assert.True(unit.Book.FirstOuts.ContainsKey("trip"));
        unit.Do(new AcknowledgeAlarms([], ""));
        Assert.Empty(unit.Book.FirstOuts);
        // Both in one evaluation: the one whose condition came first, else the more urgent.
        unit.Evaluate(5, ("T", 351.0), ("P", 11.0));
        Assert.Equal("P.high", unit.Book.FirstOuts["trip"]);
    }

    [Fact]
    public void Of_two_that_are_raised_together_the_first_is_whose_condition_came_first()
    {
        var slow = High() with { Tag = "T.slow", Group = "trip", OnDelay = TimeSpan.FromSeconds(60) };
        var unit = new Alarmed(slow,
            High() with { Tag = "P.high", Signal = "P", Limit = 10.0, Group = "trip", Priority = AlarmPriority.Critical });
        unit.Evaluate(0, ("T", 351.0), ("P", 9.0)).Evaluate(60, ("T", 351.0), ("P", 11.0));
        Assert.Equal("T.slow", unit.Book.FirstOuts["trip"]);
    }

    [Fact]
    public void Figures_count_annunciations_floods_chattering_and_stale_alarms()
    {
        var unit = new Alarmed(High(), High() with { Tag = "T.log", Priority = AlarmPriority.Journal, Limit = 345.0 });
        for (var i = 0; i < 12; i++) unit.At(20 * i, 351.0).At((20 * i) + 10, 340.0);
        var figures = unit.Figures(240);
        Assert.Equal((12L, 12, 12, true, 1), (figures.Raised, figures.LastTenMinutes, figures.Peak, figures.InFlood, figures.Floods));
        Assert.Equal((1, 0, 1), (figures.Chattering, figures.Standing, figures.Unacknowledged));
        // The tenth came at 180 s; fewer than five are left in ten minutes from the moment the eighth leaves, 140 s + 600 s.
        Assert.True(unit.Figures(739).InFlood);
        var later = unit.Figures(1_200);
        Assert.False(later.InFlood);
        Assert.Equal((740.0 - 180.0) / 1_200.0, later.FloodShare, 1e-9);
        Assert.Equal(12 / 2.0, later.PerTenMinutes, 1e-9);
        unit.At(2_000, 351.0);
        Assert.Equal((1, 0), (unit.Figures(2_000 + 86_400).Standing, unit.Figures(2_000 + 86_400).Stale));
        Assert.Equal(1, unit.Figures(2_001 + 86_400).Stale);
        Assert.False(unit.State("T.log") is AlarmState.Unacknowledged);
    }

    [Fact]
    public void Time_that_runs_back_counts_as_standing_still()
    {
        var unit = new Alarmed(High()).At(100, 351.0).At(50, 340.0);
        Assert.Equal(Start.AddSeconds(100), unit.Book["T.high"].Since);
    }

    [Fact]
    public void Wrong_specifications_are_named()
    {
        Assert.Null(AlarmChecks.Problem([High()]));
        Assert.Contains("two alarms are named T.high", AlarmChecks.Problem([High(), High()]));
        Assert.Contains("alarm T.high: its limit is NaN", AlarmChecks.Problem([High() with { Limit = double.NaN }]));
        Assert.Contains("dead-band is -1", AlarmChecks.Problem([High() with { DeadBand = -1.0 }]));
        Assert.Contains("on-delay", AlarmChecks.Problem([High() with { OnDelay = TimeSpan.FromDays(2) }]));
        Assert.Contains("names no signal", AlarmChecks.Problem([High() with { Signal = "" }]));
    }

    internal static AlarmSpec High() => new(
        "T.high", "T", AlarmCondition.High, 350.0, 0.0, TimeSpan.Zero, TimeSpan.Zero, AlarmPriority.High, "", false,
            TimeSpan.FromHours(8), null, "cool");

    /// <summary>A unit's alarms with its events.</summary>
    internal sealed class Alarmed(params AlarmSpec[] specs)
    {
        private DateTimeOffset _now = Start;

        public ImmutableArray<AlarmSpec> Specs { get; } = [.. specs];

        public AlarmBook Book { get; private set; } = AlarmBook.Empty;

        public List<AlarmsChanged> Events { get; } = [];

        public AlarmState State(string tag) => Book[tag].State;

        public Alarmed At(double seconds, double? value = null) => value is { } v ? Evaluate(seconds, ("T", v)) : Evaluate(seconds);

        public Alarmed Evaluate(double seconds, params (string Signal, double Value)[] values)
        {
            _now = Start.AddSeconds(seconds);
            return Take(AlarmRules.Evaluate(Book, Specs, values.ToDictionary(v => v.Signal, v => v.Value), _now));
        }

        public Alarmed Do(ICommand command)
        {
            var answer = AlarmActions.Decide(Book, Specs, command, "ada", _now);
            Assert.Null(answer.Problem);
            return Take(answer.Event);
        }

        public string Refused(ICommand command)
        {
            var answer = AlarmActions.Decide(Book, Specs, command, "ada", _now);
            Assert.Null(answer.Event);
            return Assert.IsType<string>(answer.Problem);
        }

        public AlarmFigures Figures(double seconds) => AlarmViews.Figures(Book, Specs, Start, Start.AddSeconds(seconds));

        private Alarmed Take(AlarmsChanged? changed)
        {
            if (changed is null) return this;
            Events.Add(changed);
            Book = Book.Apply(changed);
            return this;
        }
    }
}
