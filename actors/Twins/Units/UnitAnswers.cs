using System.Collections.Immutable;
using Athanor.Actors.Twins.Units.Alarms;
using Athanor.Protocol;
using Athanor.Protocol.Twins;
using Athanor.Protocol.Twins.Units;

namespace Athanor.Actors.Twins.Units;

/// <summary>Answers from a unit's state.</summary>
internal static class UnitAnswers
{
    private static readonly ImmutableSortedDictionary<string, double> NoSamples =
        ImmutableSortedDictionary.Create<string, double>(StringComparer.Ordinal);

    public static IReply Answer(UnitState state, IQuery query) => query switch
    {
        UnitQuery => View(state),
        UnitSpecQuery => new UnitSpecView(state.Spec, state.Model, state.Earlier, state.Trial?.Model),
        UnitHistoryQuery page => History(state, page.AfterRow),
        AlarmsQuery => AlarmViews.Of(state.Alarms, state.Spec.Alarms, state.Origin ?? state.PlantTime, state.PlantTime),
        TwinSignalsQuery => Signals(state),
        WhatIf what => new Rejected("invalid", Problem(state, what) ?? "it is calculated"),
        _ => new Rejected("invalid", $"a unit does not know {query.GetType().Name}"),
    };

    /// <summary>The Compute that a query needs; null if the state alone answers it.</summary>
    public static ICompute? Needs(UnitState state, IQuery query) =>
        query is WhatIf what && Problem(state, what) is null ? new RollOutUnit(UnitDecider.Run(state, state.Memory.Stepped), what) : null;

    public static string? Problem(UnitState state, WhatIf what)
    {
        if (state.Estimate.Row == 0) return $"{state.Spec.Unit} has no estimate yet to roll out from";
        if (what.Step <= TimeSpan.Zero || what.Horizon < what.Step || what.Horizon / what.Step > UnitRollOut.MostSteps)
        {
            return UnitSamples.Text(
                $"a horizon of {what.Horizon.TotalSeconds} s in steps of {what.Step.TotalSeconds} s is no roll-out; 1 to {UnitRollOut.MostSteps} steps would be right");
        }
        foreach (var (name, value) in what.Inputs)
        {
            if (state.Spec.Inputs.All(i => i.Signal != name))
                return $"{state.Spec.Unit} has no input '{name}'; its inputs are {string.Join(", ", state.Spec.Inputs.Select(static i => i.Signal))}";
            if (!double.IsFinite(value)) return UnitSamples.Text($"{name} is {value}; a finite number would be right");
        }
        return null;
    }

    private static UnitView View(UnitState state)
    {
        var (spec, estimate) = (state.Spec, state.Estimate);
        var (values, sds) = (PackedNumbers.Unpack(estimate.Estimates), PackedNumbers.Unpack(estimate.Sds));
        var (innovations, scores) = (PackedNumbers.Unpack(estimate.Sensors), PackedNumbers.Unpack(estimate.Scores));
        var sensors = spec.Sensors.Select((s, i) => new SensorView(
            s.Signal, s.Unit, state.Signals[i].Count > 0 ? state.Signals[i].Value : null, TimeOf(state, i),
            i < estimate.Statuses.Length ? (SensorStatus)estimate.Statuses[i] : SensorStatus.Missing, At(innovations, i)));
        var actual = UnitControlRules.Actual(state);
        var inputs = spec.Inputs.Select((input, i) =>
        {
            var (low, high) = UnitControlRules.Bounds(state, input);
            var hold = state.Control.Holds.GetValueOrDefault(input.Signal);
            if (hold?.Override is not null) (low, high) = (hold.Low ?? input.Low, hold.High ?? input.High);
            return new InputView(
                input.Signal, input.Unit, actual[i], state.Control.Mode is ControllerMode.Off or ControllerMode.Shadow ? null : state.Control.Planned?.Move[i],
                low, high, hold?.Override);
        });
        var control = new ControllerView(
            state.Control.Mode, state.Control.Planned?.Status ?? "", state.Control.Fallback, state.Control.Setpoints, state.Control.Move,
            state.Control.Asked > 0);
        return new UnitView(
            spec.Unit, state.Model.Version, state.Model.Source, estimate.Row > 0 ? state.Origin?.AddTicks(estimate.Ticks) : null, estimate.Row,
            state.Taken, [.. state.Shape.Estimates.Select((q, i) => new EstimateView(q.Name, q.Unit, At(values, i), At(sds, i)))
                .Take(values.Length)],
            [.. sensors], [.. inputs], At(scores, 0), [.. state.Shape.Scores.Select((name, i) => new ScoreView(name, At(scores, i + 1)))],
            state.Diagnosis,
            [.. AlarmViews.Of(state.Alarms, spec.Alarms, state.Origin ?? state.PlantTime, state.PlantTime).Alarms.Where(static a => a.State != AlarmState.Normal)],
            control, Trial(state.Trial), state.Late, state.SetAside, state.Problem);
    }

    private static TrialView? Trial(UnitTrial? trial)
    {
        if (trial is null) return null;
        var (sums, rows) = (trial.Sums, Math.Max(1.0, trial.Sums[0]));
        return new TrialView(trial.Model.Source, (long)sums[0], sums[1] / rows, sums[2] / rows, sums[3] / rows, sums[4] / rows);
    }

    private static UnitHistory History(UnitState state, long after)
    {
        var (rows, samples) = (ImmutableArray.CreateBuilder<HistoryRow>(), Samples(state));
        foreach (var point in state.Points)
        {
            if (point.Row <= after) continue;
            rows.Add(new HistoryRow(
                point.Row, state.Origin!.Value.AddTicks(point.Ticks), samples.GetValueOrDefault(point.Row) ?? NoSamples,
                PackedNumbers.Unpack(point.Estimates), PackedNumbers.Unpack(point.Sds)));
        }
        return new UnitHistory(state.Shape, rows.ToImmutable());
    }

    /// <summary>The samples of the rows since the last checkpoint, by the row's number; earlier ones are in the journal.</summary>
    private static Dictionary<long, ImmutableSortedDictionary<string, double>> Samples(UnitState state)
    {
        var samples = new Dictionary<long, ImmutableSortedDictionary<string, double>>();
        var row = state.Memory.From;
        foreach (var block in state.Memory.Rows)
        {
            foreach (var taken in SampleRows.Unpack(block, state.Signals.Length))
            {
                var values = NoSamples.ToBuilder();
                for (var i = 0; i < taken.Signals.Length; i++) values[UnitSamples.Name(state.Spec, taken.Signals[i])] = taken.Values[i];
                samples[++row] = values.ToImmutable();
            }
        }
        return samples;
    }

    private static TwinSignalsView Signals(UnitState state)
    {
        var views = ImmutableSortedDictionary.CreateBuilder<string, SignalView>(StringComparer.Ordinal);
        for (var i = 0; i < state.Signals.Length; i++)
        {
            var (signal, name) = (state.Signals[i], UnitSamples.Name(state.Spec, i));
            if (TimeOf(state, i) is not { } time) continue;
            var sequence = signal.Sequences.Length > 0 ? signal.Sequences[^1] : 0;
            views[name] = new SignalView(new TakenSample(name, time, sequence, signal.Value, false), signal.Count);
        }
        return new TwinSignalsView(views.ToImmutable(), state.Late, state.Control.Move);
    }

    private static DateTimeOffset? TimeOf(UnitState state, int signal) =>
        state.Signals[signal].Ticks is [.., var ticks] ? state.Origin!.Value.AddTicks(ticks) : null;

    private static double At(double[] values, int i) => i < values.Length ? values[i] : 0.0;
}

/// <summary>Bounds of roll-outs.</summary>
public static class UnitRollOut
{
    public const int MostSteps = 2000;
}
