using System.Collections.Immutable;
using Athanor.Actors.Twins.Units.Alarms;
using Athanor.Compute.Plants;
using Athanor.Protocol.Twins.Units;

namespace Athanor.Actors.Twins.Units;

/// <summary>What is wrong with what a unit is told; each gives one sentence that names the signal and says what would be right, or
/// null.</summary>
internal static class UnitChecks
{
    public const int MaxSignals = 256;
    private const int MaxWords = 512;

    private static readonly ImmutableSortedDictionary<string, double> NoNumbers = ImmutableSortedDictionary<string, double>.Empty;

    /// <summary>Names that alarms may watch beside signals, estimates and scores.</summary>
    public static readonly ImmutableArray<string> OwnNames = ["nis", "controller", "fault"];

    public static string? Words(string why) =>
        why.Length is 0 or > MaxWords ? $"Why must say in 1 to {MaxWords} characters what speaks for it" : null;

    public static string? Spec(UnitSpec spec)
    {
        if (spec.Unit.Length == 0) return "the spec names no unit";
        if (spec.Sample <= TimeSpan.Zero || spec.Sample > TimeSpan.FromDays(1))
            return Text($"the sample period is {spec.Sample.TotalSeconds} s; above 0 and at most a day would be right");
        if (spec.Sensors.IsEmpty) return "the unit has no sensors; at least one would be right";
        if (UnitSamples.Signals(spec) > MaxSignals)
            return Text($"the unit has {UnitSamples.Signals(spec)} signals; at most {MaxSignals} would be right");
        if (spec.LagWindow < TimeSpan.Zero || spec.LagWindow > TimeSpan.FromDays(1))
            return Text($"the lag window is {spec.LagWindow.TotalSeconds} s; 0 to a day would be right");
        var names = new HashSet<string>(StringComparer.Ordinal);
        for (var i = 0; i < UnitSamples.Signals(spec); i++)
        {
            var name = UnitSamples.Name(spec, i);
            if (TwinChecks.SignalName(name) is { } wrong) return wrong;
            if (!names.Add(name)) return $"{name} is named twice among sensors and inputs";
        }
        foreach (var sensor in spec.Sensors)
        {
            if (!(sensor.Low < sensor.High))
                return Text($"{sensor.Signal}: its range is {sensor.Low} to {sensor.High}; low below high would be right");
            if (sensor.Period is { } period && period <= TimeSpan.Zero)
                return Text($"{sensor.Signal}: its period is {period.TotalSeconds} s; above 0 would be right");
        }
        foreach (var input in spec.Inputs)
        {
            if (!(double.IsFinite(input.Low) && double.IsFinite(input.High) && input.Low < input.High))
                return Text($"{input.Signal}: its bounds are {input.Low} and {input.High}; two finite numbers, low below high, would be right");
            if (!(input.Fallback >= input.Low && input.Fallback <= input.High))
                return Text($"{input.Signal}: its fallback is {input.Fallback}; {input.Low} to {input.High} would be right");
            if (!(input.RatePerS >= 0) || !double.IsFinite(input.RatePerS))
                return Text($"{input.Signal}: its rate is {input.RatePerS} a second; 0 (no bound) or more would be right");
        }
        if (spec.Model.Version != 1) return Text($"the first model has version {spec.Model.Version}; 1 would be right");
        if (spec.Model.Controller is null && spec.Mode is ControllerMode.Shadow or ControllerMode.ClosedLoop)
            return $"the mode is {spec.Mode}, and the model has no controller";
        if (spec.Model.Controller is not null)
        {
            if (spec.Interval < spec.Sample)
                return Text($"moves are {spec.Interval.TotalSeconds} s apart; at least the sample period of {spec.Sample.TotalSeconds} s would be right");
            if (spec.MoveValidity < spec.Interval || spec.MoveValidity > TwinMoving.LongestValidity)
                return Text($"a move is valid for {spec.MoveValidity.TotalSeconds} s; {spec.Interval.TotalSeconds} s to a day would be right");
            if (spec.Watchdog < spec.Interval || spec.Watchdog > TwinMoving.LongestValidity)
                return Text($"the watchdog waits {spec.Watchdog.TotalSeconds} s; {spec.Interval.TotalSeconds} s to a day would be right");
        }
        return null;
    }

    /// <summary>What the numbers of a unit with this model are; reads all settings, so that none is found wrong later.</summary>
    public static string? Shape(UnitSpec spec, UnitModel model, out UnitShape shape)
    {
        shape = new UnitShape([], []);
        try
        {
            var engine = UnitModels.Of(model);
            shape = engine.Shape;
            return Inputs(spec, engine.Model) ?? Sensors(spec, engine.Engine.SensorNames);
        }
        catch (ArgumentException error)
        {
            return error.Message;
        }
    }

    private static string? Inputs(UnitSpec spec, PlantModel model)
    {
        var named = string.Join(", ", model.Inputs.Select(static i => i.Name));
        for (var i = 0; i < Math.Max(spec.Inputs.Length, model.Inputs.Count); i++)
        {
            if (i >= spec.Inputs.Length) return $"the model has the input '{model.Inputs[i].Name}', which {spec.Unit} has not";
            var mine = spec.Inputs[i];
            if (i >= model.Inputs.Count || !string.Equals(model.Inputs[i].Name, mine.Signal, StringComparison.OrdinalIgnoreCase))
                return $"{spec.Unit} has the input '{mine.Signal}' where the model's inputs are: {(named.Length == 0 ? "none" : named)}; the same in the same order would be right";
            if (mine.Unit.Length > 0 && model.Inputs[i].Unit.Length > 0 && mine.Unit != model.Inputs[i].Unit)
                return $"{mine.Signal} is in '{mine.Unit}' here and in '{model.Inputs[i].Unit}' in the model; the same unit would be right";
        }
        return null;
    }

    private static string? Sensors(UnitSpec spec, string[] known)
    {
        for (var i = 0; i < Math.Max(spec.Sensors.Length, known.Length); i++)
        {
            if (i >= known.Length || i >= spec.Sensors.Length || spec.Sensors[i].Signal != known[i])
            {
                return $"{spec.Unit} has the sensors {string.Join(", ", spec.Sensors.Select(static s => s.Signal))} where the estimator's are "
                    + $"{string.Join(", ", known)}; the same in the same order would be right";
            }
        }
        return null;
    }

    /// <summary>The spec's alarms, and one for each sensor that none of them watches for being bad, and for the controller.</summary>
    public static ImmutableArray<AlarmSpec> WithOwnAlarms(UnitSpec spec, UnitShape shape)
    {
        var alarms = spec.Alarms.ToBuilder();
        foreach (var sensor in spec.Sensors) Add(sensor.Signal, AlarmPriority.Medium, "check the sensor: it is frozen, outside its range, or its clock is wrong");
        if (spec.Model.Controller is not null) Add("controller", AlarmPriority.High, "the controller found no move of its own; the loop holds the last one");
        if (shape.Scores.Length > 0 && alarms.All(a => a.Signal != "fault" && !shape.Scores.Contains(a.Signal)))
        {
            alarms.Add(new AlarmSpec(
                "fault.high", "fault", AlarmCondition.High, 1.0, 0.1, TimeSpan.Zero, TimeSpan.Zero, AlarmPriority.Medium, "", false,
                TimeSpan.FromHours(8), null, "see the diagnosis: which signal or parameter the detectors point to"));
        }
        return alarms.ToImmutable();

        void Add(string signal, AlarmPriority priority, string response)
        {
            var tag = $"{signal}.bad";
            if (alarms.Any(a => a.Tag == tag || (a.Signal == signal && a.Condition == AlarmCondition.Bad))) return;
            alarms.Add(new AlarmSpec(
                tag, signal, AlarmCondition.Bad, 0, 0, TimeSpan.Zero, TimeSpan.Zero, priority, "", false, TimeSpan.FromHours(8), null, response));
        }
    }

    public static string? Alarms(UnitSpec spec, UnitShape shape)
    {
        if (AlarmChecks.Problem(spec.Alarms) is { } wrong) return wrong;
        foreach (var alarm in spec.Alarms)
        {
            foreach (var name in alarm.SuppressedWhile is { } while_ ? new[] { alarm.Signal, while_.Signal } : [alarm.Signal])
            {
                if (!Watchable(spec, shape, name))
                    return $"the alarm {alarm.Tag} watches '{name}', which is no signal, estimate or score of {spec.Unit}";
            }
        }
        return null;
    }

    /// <summary>Start values of what is no state of the model, or no number.</summary>
    public static string? Start(UnitSpec spec)
    {
        var states = UnitModels.Of(spec.Model).Model.States;
        foreach (var (name, value) in spec.Start ?? NoNumbers)
        {
            if (states.All(s => s.Name != name))
                return $"start: the model has no state '{name}'; its states are {string.Join(", ", states.Select(static s => s.Name))}";
            if (!double.IsFinite(value)) return Text($"start: {name} is {value}; a finite number would be right");
        }
        return null;
    }

    /// <summary>Set-points that the controller's settings do not know.</summary>
    public static string? Setpoints(UnitSpec spec)
    {
        foreach (var (name, value) in spec.Setpoints)
        {
            if (!double.IsFinite(value)) return Text($"the set-point of {name} is {value}; a finite number would be right");
            if (Setpoint(spec.Model, name) is { } wrong) return wrong;
        }
        return null;
    }

    public static string? Setpoint(UnitModel model, string name)
    {
        var known = UnitModels.Of(model).Setpoints;
        return known.Contains(name) ? null
            : known.Count == 0 ? $"there is no set-point '{name}': the controller has none"
            : $"there is no set-point '{name}'; there are {string.Join(", ", known)}";
    }

    public static bool Same(UnitSpec a, UnitSpec b) =>
        a.Sensors.SequenceEqual(b.Sensors) && a.Inputs.SequenceEqual(b.Inputs) && a.Alarms.SequenceEqual(b.Alarms)
        && a.Setpoints.SequenceEqual(b.Setpoints)
        && (a.Start ?? NoNumbers).SequenceEqual(b.Start ?? NoNumbers)
        && a with { Sensors = b.Sensors, Inputs = b.Inputs, Alarms = b.Alarms, Setpoints = b.Setpoints, Start = b.Start } == b;

    private static bool Watchable(UnitSpec spec, UnitShape shape, string name) =>
        spec.Sensors.Any(s => s.Signal == name) || spec.Inputs.Any(i => i.Signal == name) || shape.Estimates.Any(e => e.Name == name)
        || shape.Scores.Contains(name) || OwnNames.Contains(name);

    private static string Text(FormattableString text) => UnitSamples.Text(text);
}
