using System.Collections.Immutable;
using Athanor.Actors.Twins.Units.Alarms;
using Athanor.Compute.Numerics;
using Athanor.Protocol;
using Athanor.Protocol.Twins.Units;
using Xunit.Abstractions;

namespace Athanor.Actors.Tests.Twins.Units;

/// <summary>What the rules promise, on random plants, operators and clocks; a run that fails says its seed.</summary>
public sealed class AlarmProperties(ITestOutputHelper output)
{
    private const int Runs = 200, Steps = 150;

    private static readonly DateTimeOffset Start = new(2026, 3, 1, 6, 0, 0, TimeSpan.Zero);

    private static readonly Lazy<Run[]> Made = new(() => [.. Enumerable.Range(1, Runs).Select(seed => new Run((ulong)seed))]);

    [Fact]
    public void The_book_is_the_fold_of_its_events_whatever_happens() => ForAll((run, seed) =>
    {
        var folded = run.Events.Aggregate(AlarmBook.Empty, (book, changed) => book.Apply(changed));
        Assert.Equal(Text(run.Book), Text(folded));
        Assert.True(run.Events.Zip(run.Events.Skip(1), (a, b) => a.At <= b.At).All(ordered => ordered), $"seed {seed}: time ran back");
    });

    [Fact]
    public void An_annunciated_alarm_is_not_normal_again_before_somebody_acknowledged_or_put_it_aside() => ForAll((run, seed) =>
    {
        foreach (var spec in run.Specs.Where(s => s.Priority != AlarmPriority.Journal))
        {
            var waits = false;
            var book = AlarmBook.Empty;
            foreach (var changed in run.Events)
            {
                book = book.Apply(changed);
                foreach (var change in changed.Changes.Where(c => c.Tag == spec.Tag))
                {
                    waits = change.Step switch
                    {
                        AlarmStep.Raised => true,
                        AlarmStep.Acknowledged or AlarmStep.Shelved or AlarmStep.TakenOut => false,
                        _ => waits,
                    };
                    if (change.Step is AlarmStep.Acknowledged or AlarmStep.Shelved or AlarmStep.TakenOut) Assert.Equal("ada", change.By);
                }
                var state = book[spec.Tag].State;
                Assert.True(!waits || state is not (AlarmState.Normal or AlarmState.Acknowledged or AlarmState.LatchedAcknowledged),
                    $"seed {seed}: {spec.Tag} is {state} and nobody acknowledged it");
            }
        }
    });

    [Fact]
    public void A_condition_that_lasts_through_its_delay_is_known_and_told_unless_it_is_put_aside() => ForAll((run, seed) =>
    {
        foreach (var check in run.Checks)
        {
            var record = check.Book[check.Spec.Tag];
            Assert.True(record.Active == check.Expected,
                $"seed {seed}: {check.Spec.Tag} is {(record.Active ? "on" : "off")} at {check.At:T}");
            Assert.True(!record.Active || record.PutAside || record.State is AlarmState.Unacknowledged or AlarmState.Acknowledged,
                $"seed {seed}: {check.Spec.Tag} is on, not put aside, and {record.State}");
        }
    });

    [Fact]
    public void Every_shelf_ends_and_an_alarm_that_is_on_is_told_again() => ForAll((run, seed) =>
    {
        for (var i = 0; i < run.Events.Count; i++)
        {
            foreach (var shelved in run.Events[i].Changes.Where(c => c.Step == AlarmStep.Shelved))
            {
                Assert.False(string.IsNullOrEmpty(shelved.Why));
                var spec = run.Specs.First(s => s.Tag == shelved.Tag);
                Assert.InRange(shelved.Until!.Value - run.Events[i].At, TimeSpan.FromTicks(1), spec.LongestShelf);
            }
        }
        // Long after the last step, without a sample, every shelf is over.
        var end = Start.AddDays(2);
        var book = run.Book;
        for (var wake = AlarmRules.NextWake(book); wake is not null; wake = AlarmRules.NextWake(book))
        {
            Assert.True(wake < end, $"seed {seed}");
            book = book.Apply(AlarmRules.Evaluate(book, run.Specs, ImmutableDictionary<string, double>.Empty, wake.Value)!);
        }
        Assert.All(book.Alarms.Values, r => Assert.Null(r.ShelvedUntil));
        Assert.All(book.Alarms.Values, r =>
            Assert.True(!r.Active || r.PutAside || r.State is AlarmState.Unacknowledged or AlarmState.Acknowledged, $"seed {seed}"));
    });

    [Fact]
    public void A_group_has_one_first_out_while_any_of_it_stands_and_it_was_raised_first() => ForAll((run, seed) =>
    {
        var book = AlarmBook.Empty;
        foreach (var changed in run.Events)
        {
            var before = book;
            book = book.Apply(changed);
            foreach (var change in changed.Changes.Where(c => c.FirstOutOf is not null))
            {
                Assert.Equal(AlarmStep.Raised, change.Step);
                Assert.False(before.FirstOuts.ContainsKey(change.FirstOutOf!), $"seed {seed}: two first-outs");
            }
            foreach (var group in run.Specs.Where(s => s.Group != "").GroupBy(s => s.Group))
            {
                var stands = group.Any(s => book[s.Tag] is { PutAside: false, State: not AlarmState.Normal });
                Assert.True(!book.FirstOuts.ContainsKey(group.Key) || stands, $"seed {seed}: a first-out of nothing");
            }
        }
    });

    [Fact]
    public void Evaluating_the_same_values_again_at_the_same_time_changes_nothing() => ForAll((run, seed) =>
        Assert.All(run.Repeats, repeat => Assert.True(repeat is null, $"seed {seed}")));

    private void ForAll(Action<Run, ulong> property)
    {
        for (var seed = 1; seed <= Runs; seed++) property(Made.Value[seed - 1], (ulong)seed);
        output.WriteLine($"seeds 1 to {Runs}, {Steps} steps each");
    }

    private static string Text(AlarmBook book) =>
        string.Join('\n', book.Alarms.Select(a => $"{a.Key} {a.Value with { RaisedTicks = [] }} {string.Join(',', a.Value.RaisedTicks)}"))
        + string.Join(',', book.FirstOuts) + book.Rates.Total + book.Rates.Peak + book.Rates.FloodTicks + string.Join(',',
            book.Rates.RecentTicks) + book.At;

    /// <summary>A random unit: alarms, a wandering plant, an operator who does anything, and a plain model of each condition beside
    /// it.</summary>
    private sealed class Run
    {
        private readonly Dictionary<string, (bool Active, DateTimeOffset? Since)> _model = new(StringComparer.Ordinal);

        public Run(ulong seed)
        {
            var random = new Philox(seed);
            Specs = [.. Enumerable.Range(0, 4).Select(i => Spec(ref random, i))];
            var (now, values) = (Start, new double[3]);
            for (var step = 0; step < Steps; step++)
            {
                now += TimeSpan.FromSeconds(random.NextDouble() < 0.1 ? 0 : 1 + (30 * random.NextDouble()));
                if (random.NextDouble() < 0.3)
                {
                    Take(AlarmActions.Decide(Book, Specs, Command(ref random), "ada", now).Event);
                    continue;
                }
                var sampled = new Dictionary<string, double>(StringComparer.Ordinal);
                for (var s = 0; s < values.Length; s++)
                {
                    values[s] = (0.7 * values[s]) + random.NextNormal();
                    if (random.NextDouble() < 0.85) sampled[$"s{s}"] = random.NextDouble() < 0.05 ? double.NaN : values[s];
                }
                Take(AlarmRules.Evaluate(Book, Specs, sampled, now));
                Repeats.Add(AlarmRules.Evaluate(Book, Specs, sampled, now));
                foreach (var spec in Specs) Checks.Add((spec, Book, now, Model(spec, sampled, now)));
            }
        }

        public ImmutableArray<AlarmSpec> Specs { get; }

        public AlarmBook Book { get; private set; } = AlarmBook.Empty;

        public List<AlarmsChanged> Events { get; } = [];

        public List<AlarmsChanged?> Repeats { get; } = [];

        public List<(AlarmSpec Spec, AlarmBook Book, DateTimeOffset At, bool Expected)> Checks { get; } = [];

        private void Take(AlarmsChanged? changed)
        {
            if (changed is null) return;
            Events.Add(changed);
            Book = Book.Apply(changed);
        }

        /// <summary>The condition by itself: dead-band and delays, nothing else.</summary>
        private bool Model(AlarmSpec spec, Dictionary<string, double> values, DateTimeOffset now)
        {
            var (active, since) = _model.GetValueOrDefault(spec.Tag);
            if (values.TryGetValue(spec.Signal, out var value) && (spec.Condition == AlarmCondition.Bad || double.IsFinite(value)))
            {
                var on = spec.Condition switch
                {
                    AlarmCondition.Bad => !double.IsFinite(value),
                    AlarmCondition.High => value >= spec.Limit - (active ? spec.DeadBand : 0.0),
                    _ => value <= spec.Limit + (active ? spec.DeadBand : 0.0),
                };
                if (on == active) since = null;
                else if (now - (since ??= now) >= (on ? spec.OnDelay : spec.OffDelay)) (active, since) = (on, null);
            }
            _model[spec.Tag] = (active, since);
            return active;
        }

        private static AlarmSpec Spec(ref Philox random, int index) => new(
            $"a{index}", $"s{random.NextUInt32() % 3}", (AlarmCondition)(random.NextUInt32() % 3), random.NextDouble(-1, 1),
                random.NextDouble(0, 0.5),
            Delay(ref random), Delay(ref random), (AlarmPriority)(random.NextUInt32() % 5), random.NextDouble() < 0.5 ? "g" : "",
            random.NextDouble() < 0.3, TimeSpan.FromMinutes(20),
            random.NextDouble() < 0.4
                ? new AlarmSuppression($"s{random.NextUInt32() % 3}", (AlarmCondition)(random.NextUInt32() % 2), 0.5, 0.2) : null, "");

        private static TimeSpan Delay(ref Philox random) => random.NextDouble() < 0.5 ? TimeSpan.Zero
            : TimeSpan.FromSeconds(60 * random.NextDouble());

        private static ICommand Command(ref Philox random)
        {
            var tag = $"a{random.NextUInt32() % 4}";
            return (random.NextUInt32() % 7) switch
            {
                0 => new AcknowledgeAlarms([], ""),
                1 => new AcknowledgeAlarms([tag], "seen"),
                2 => new ShelveAlarm(tag, TimeSpan.FromMinutes(25 * random.NextDouble()), "why not"),
                3 => new UnshelveAlarm(tag),
                4 => new ResetAlarm(tag),
                5 => new SetAlarmService(tag, false, "work"),
                _ => new SetAlarmService(tag, true, "work done"),
            };
        }
    }
}
