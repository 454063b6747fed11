using System.Collections.Immutable;
using System.Runtime.InteropServices;
using Athanor.Actors.Twins.Units.Alarms;
using Athanor.Protocol;
using Athanor.Protocol.Twins;
using Athanor.Protocol.Twins.Units;

namespace Athanor.Actors.Twins.Units;

/// <summary>What events do to a unit: numbers are copied, never calculated.</summary>
internal static class UnitApply
{
    /// <summary>Estimates kept for queries, at least; older ones are in the journal.</summary>
    public const int Points = 64;

    public const int MaxEarlier = 4;

    public static UnitState Apply(UnitState? state, IEvent @event) => @event switch
    {
        UnitCreated e => Created(e),
        UnitObserved e => Observed(state!, e),
        UnitStepped e => Stepped(state!, e),
        StepRetried e => state! with { Memory = state.Memory with { Attempt = e.Attempt } },
        StepsSetAside e => SetAside(state!, e),
        AlarmsChanged e => state! with { Alarms = state.Alarms.Apply(e) },
        MovePlanned e => state! with
        {
            Control = state.Control with
            {
                Asked = 0,
                Attempt = 0,
                Planned = e with { Memory = [] },
                PlannedTicks = state.Estimate.Ticks,
                Memory = e.Memory,
                MovedAt = e.At ?? state.Control.MovedAt,
            },
        },
        PlanFailed e => state! with
        {
            Control = state.Control with { Asked = 0, Attempt = 0, PlannedTicks = state.Estimate.Ticks },
            Problem = e.Reason,
        },
        TwinMoved e => state! with { Control = state.Control with { Move = e } },
        UnitFellBack e => state! with { Control = state.Control with { Fallback = e.Reason, Memory = [], Asked = 0, Attempt = 0 } },
        LoopResumed e => state! with { Control = state.Control with { Fallback = null, MovedAt = e.At } },
        UnitModeSet e => state! with { Control = ModeSet(state.Control, e) },
        InputOverridden e => state! with { Control = Held(state.Control, e.Input, hold => hold with { Override = e.Value }) },
        InputLimited e => state! with { Control = Held(state.Control, e.Input, hold => hold with { Low = e.Low, High = e.High }) },
        SetpointSet e => state! with { Control = state.Control with { Setpoints = state.Control.Setpoints.SetItem(e.Name, e.Value) } },
        TrialBegan e => UnitAdopting.Apply(state!, e),
        TrialEnded => state! with { Trial = null },
        UnitModelAdopted e => UnitAdopting.Apply(state!, e),
        _ => throw new InvalidOperationException($"a unit has no event {@event.GetType().Name}"),
    };

    private static UnitState Created(UnitCreated e)
    {
        var control = new UnitControl(
            e.Spec.Mode, e.Spec.Setpoints, ImmutableSortedDictionary.Create<string, InputHold>(StringComparer.Ordinal), 0, 0, null, 0, [], null,
            null, null, null);
        var memory = new UnitMemory(
            0, null, [.. e.Shape.Estimates.Select(q => e.Spec.Start is { } start && start.TryGetValue(q.Name, out var at) ? at : double.NaN)],
            [.. e.Spec.Inputs.Select(static i => i.Fallback)], [], 0, 0, 0, LiveMemory.None);
        return new UnitState(
            e.Spec, null, e.Shape, e.Spec.Model, [], 0, [.. Enumerable.Repeat(UnitSignal.None, UnitSamples.Signals(e.Spec))], memory,
            UnitEstimate.None, null, [], AlarmBook.Empty, control, null, 0, 0, null);
    }

    private static UnitState Observed(UnitState state, UnitObserved e)
    {
        var count = UnitSamples.Signals(state.Spec);
        var signals = new UnitSignal[count];
        state.Signals.CopyTo(signals);
        foreach (var row in SampleRows.Unpack(e.Rows, count))
        {
            for (var i = 0; i < row.Signals.Length; i++)
            {
                var signal = row.Signals[i];
                signals[signal] = e.Ours == true
                    ? signals[signal] with { Value = row.Values[i] }
                    : UnitSamples.Take(signals[signal], UnitSamples.WindowOf(state.Spec, signal), row, row.Values[i]);
            }
        }
        var late = 0;
        if (e.Aside is { } aside)
        {
            foreach (var row in SampleRows.Unpack(aside, count))
            {
                late++;
                signals[row.Signals[0]] = signals[row.Signals[0]] with { Aside = true };
            }
        }
        var memory = state.Memory;
        if (e.Count > 0)
        {
            var rows = memory.Rows.Add(e.Rows);
            memory = memory with { Rows = rows, Stepping = memory.Stepping > 0 ? memory.Stepping : rows.Length - memory.Stepped };
        }
        return state with
        {
            Origin = state.Origin ?? e.Origin,
            Taken = state.Taken + e.Count,
            Signals = ImmutableCollectionsMarshal.AsImmutableArray(signals),
            Memory = memory,
            Late = state.Late + late,
            Control = e.At is { } at ? state.Control with { SampledAt = at } : state.Control,
        };
    }

    private static UnitState Stepped(UnitState state, UnitStepped e)
    {
        var memory = state.Memory;
        var stepped = memory.Stepped + memory.Stepping;
        var row = state.Estimate.Row + e.Count;
        var ticks = state.Estimate.Ticks;
        for (var i = memory.Stepped; i < stepped; i++) ticks = Math.Max(ticks, SampleRows.Latest(memory.Rows[i], state.Signals.Length));
        var estimate = new UnitEstimate(
            row, ticks, e.Estimates, e.Sds ?? state.Estimate.Sds, e.Sensors, e.Scores, e.Statuses ?? state.Estimate.Statuses);
        var point = new UnitPoint(row, estimate.Ticks, estimate.Estimates, estimate.Sds);
        // Trimmed by halves, so that not every row moves all of them.
        var points = state.Points.Length < 2 * Points ? state.Points.Add(point) : [.. state.Points.AsSpan()[^(Points - 1)..], point];
        memory = e.Checkpoint is { } checkpoint
            ? memory with { From = row, Checkpoint = checkpoint, Start = [], StartInputs = [], StartTicks = null, Rows = memory.Rows.RemoveRange(0, stepped), Stepped = 0 }
            : memory with { Stepped = stepped };
        memory = memory with { Stepping = memory.Rows.Length - memory.Stepped, Attempt = 0, Live = e.Memory };
        return state with
        {
            Estimate = estimate,
            Memory = memory,
            Diagnosis = e.Diagnosis is { } diagnosis ? diagnosis.Causes.IsEmpty && diagnosis.Class is null ? null : diagnosis : state.Diagnosis,
            Points = points,
            Control = e.Plan == true ? state.Control with { Asked = row, Attempt = 0 } : state.Control,
            Trial = state.Trial is { } trial && e.Trial is { } sums ? trial with { Sums = sums } : state.Trial,
            Problem = null,
        };
    }

    private static UnitState SetAside(UnitState state, StepsSetAside e)
    {
        var memory = state.Memory;
        var rows = memory.Rows.RemoveRange(memory.Stepped, memory.Stepping);
        return state with
        {
            Taken = state.Taken - e.Count,
            SetAside = state.SetAside + e.Count,
            Problem = e.Reason,
            Memory = memory with { Rows = rows, Stepping = rows.Length - memory.Stepped, Attempt = 0 },
        };
    }

    private static UnitControl ModeSet(UnitControl control, UnitModeSet e) => control with
    {
        Mode = e.Mode,
        // A controller that did not run, or ran without effect, begins from what the inputs truly are.
        Memory = control.Mode == ControllerMode.Off ? [] : control.Memory,
        Asked = e.Mode == ControllerMode.Off ? 0 : control.Asked,
        Fallback = null,
        SampledAt = e.At,
        MovedAt = e.At,
    };

    private static UnitControl Held(UnitControl control, string input, Func<InputHold, InputHold> change)
    {
        var hold = change(control.Holds.GetValueOrDefault(input) ?? new InputHold(null, null, null));
        return control with
        {
            Holds = hold is { Low: null, High: null, Override: null } ? control.Holds.Remove(input) : control.Holds.SetItem(input, hold),
        };
    }
}
