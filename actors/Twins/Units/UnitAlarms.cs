using Athanor.Actors.Twins.Units.Alarms;
using Athanor.Protocol.Twins.Units;

namespace Athanor.Actors.Twins.Units;

/// <summary>What the alarms of a unit are judged by: its signals, estimates and scores by name. A signal that cannot be believed (frozen,
/// wild, of a clock that jumped) has no number, so alarms of the condition Bad tell of it by its name.</summary>
internal static class UnitAlarms
{
    public static AlarmsChanged? Changed(UnitState state)
    {
        var spec = state.Spec;
        if (spec.Alarms.IsEmpty) return null;
        var values = new Dictionary<string, double>(state.Signals.Length + 4, StringComparer.Ordinal);
        var statuses = state.Estimate.Statuses;
        for (var i = 0; i < state.Signals.Length; i++)
        {
            var signal = state.Signals[i];
            var bad = signal.Aside || (i < statuses.Length && (SensorStatus)statuses[i] is SensorStatus.Frozen or SensorStatus.Wild);
            if (bad) values[UnitSamples.Name(spec, i)] = double.NaN;
            else if (signal.Count > 0) values[UnitSamples.Name(spec, i)] = signal.Value;
        }
        Watched(state, values);
        if (spec.Model.Controller is not null && state.Control is { Planned: not null, Mode: not ControllerMode.Off } control)
            values["controller"] = control.Fallback is not null || control.Planned.Status == UnitControlRules.FallbackStatus ? double.NaN : 0.0;
        return AlarmRules.Evaluate(state.Alarms, spec.Alarms, values, state.PlantTime);
    }

    /// <summary>Estimates and scores, if an alarm wants any: they are unpacked for that alone.</summary>
    private static void Watched(UnitState state, Dictionary<string, double> values)
    {
        var wanted = false;
        foreach (var alarm in state.Spec.Alarms)
            wanted |= !values.ContainsKey(alarm.Signal) || (alarm.SuppressedWhile is { } by && !values.ContainsKey(by.Signal));
        if (!wanted || state.Estimate.Estimates.Length == 0) return;
        var estimates = PackedNumbers.Unpack(state.Estimate.Estimates);
        for (var i = 0; i < estimates.Length && i < state.Shape.Estimates.Length; i++) values.TryAdd(state.Shape.Estimates[i].Name, estimates[i]);
        var scores = PackedNumbers.Unpack(state.Estimate.Scores);
        if (scores.Length > 0) values["nis"] = scores[0];
        var worst = 0.0;
        for (var i = 1; i < scores.Length && i <= state.Shape.Scores.Length; i++)
        {
            values.TryAdd(state.Shape.Scores[i - 1], scores[i]);
            worst = Math.Max(worst, scores[i]);
        }
        if (scores.Length > 1) values["fault"] = worst;
    }
}
