using System.Collections.Immutable;
using Athanor.Compute.Plants.Simulation;

namespace Athanor.Hosting.Specifications;

/// <summary>What the operator asks for while a simulated plant runs.</summary>
/// <param name="Values">By controlled state.</param>
public sealed record TwinSetpointChange(double AtS, ImmutableSortedDictionary<string, double> Values);

/// <summary>The simulated plant that <c>twins run --against plant</c> runs against.</summary>
/// <param name="Scenario">How it differs from the twin's model, its instruments' noise, and what goes wrong.</param>
/// <param name="TimeUnit">Unit of time on pictures.</param>
public sealed record TwinPlant(PlantScenario Scenario, double DurationS, ImmutableArray<TwinSetpointChange> Setpoints, string TimeUnit);

/// <summary>Reads <c>plant { duration = "2 h", parameters { k0 = "120 %" }, faults = [ ... ], setpoints = [ ... ] }</c> of a twin.</summary>
internal static class TwinFilePlant
{
    private static readonly string[] Keys =
        ["duration", "seed", "initial", "parameters", "process-noise", "missing", "late", "late-by", "noise", "faults", "setpoints", "time-unit"];

    private static readonly string[] FaultKeys =
        ["at", "until", "sensor", "actuator", "parameter", "bias", "drift", "frozen", "wild", "dead", "stuck", "step"];

    /// <param name="initial">Where the estimator starts: the truth does, unless the section says otherwise.</param>
    public static TwinPlant? Read(
        SpecificationReader twin, TwinFileModel model, ImmutableArray<TwinInput> inputs, ImmutableArray<TwinSensor> sensors, double[] initial)
    {
        if (twin.Object("plant") is not { } section) return null;
        var reader = new SpecificationReader(section, twin.At("plant"), Keys);
        var problem = model.Problem ?? throw SpecificationReader.Error(
            twin.Origin("plant"), twin.At("plant"), "a learned model has no equations to simulate a plant with; a file whose model is a benchmark or its own kinetics would be right");
        var truth = (double[])initial.Clone();
        foreach (var (name, value) in States(reader, "initial", model, TwinQuantities.Value)) truth[problem.StateIndex(name)] = value;
        var parameters = model.Constants;
        if (reader.Object("parameters") is { } own)
        {
            var inner = new SpecificationReader(own, reader.At("parameters"), [.. problem.Parameters.Select(static p => p.Name)]);
            foreach (var (name, _) in inner.Fields)
                parameters = parameters.SetItem(name, TwinQuantities.Relative(inner, name, model.Parameter(name).Unit, model.NominalOf(name))!.Value);
        }
        // A feed that is only measured stands at its start, and the truth is told so as a parameter.
        foreach (var input in inputs.Where(static i => !i.Moved))
        {
            if (!parameters.ContainsKey(input.Name) || model.Constants.ContainsKey(input.Name)) parameters = parameters.SetItem(input.Name, input.Start);
        }
        var noise = States(reader, "process-noise", model, TwinQuantities.Walk);
        var (missing, late) = (Share(reader, "missing"), Share(reader, "late"));
        var lateBy = TwinQuantities.Seconds(reader, "late-by") ?? 0.0;
        if (late > 0.0 && !(lateBy > 0.0)) throw reader.Wrong("late-by", "above 0 s where samples are late");
        var scenario = new PlantScenario
        {
            Problem = problem,
            TimeUnitS = model.TimeUnitS,
            Initial = truth,
            Parameters = parameters,
            ProcessNoise = noise.Count == 0 ? [] : [.. problem.States.Select(s => noise.GetValueOrDefault(s.Name))],
            // Until the first move they are where the twin takes them to be.
            Actuators = [.. inputs.Where(static i => i.Moved).Select(static i => new PlantActuator(i.Name, i.Low, i.High, i.Fallback))],
            Sensors = [.. sensors.Select(s => new PlantSensor(
                s.Signal, s.Weights(problem), s.Noise * (reader.Number("noise") ?? 1.0), s.PeriodS, s.DelayS, missing, late, lateBy))],
            Faults = Faults(reader, model, inputs, sensors),
            Seed = (ulong)(reader.Number("seed") ?? 1.0),
        };
        return new TwinPlant(
            scenario, TwinQuantities.Seconds(reader, "duration") ?? throw reader.Missing("duration"), Setpoints(reader, model), TimeUnit(reader, problem.TimeUnit));
    }

    private static string TimeUnit(SpecificationReader reader, string otherwise) => reader.Text("time-unit") switch
    {
        null => otherwise,
        "s" or "min" or "h" or "d" => reader.Text("time-unit")!,
        _ => throw reader.Wrong("time-unit", "s, min, h or d"),
    };

    private static double Share(SpecificationReader reader, string key) =>
        reader.Number(key) is not { } share ? 0.0 : share is >= 0.0 and < 1.0 ? share : throw reader.Wrong(key, "a share from 0 to below 1");

    private static ImmutableSortedDictionary<string, double> States(
        SpecificationReader reader, string key, TwinFileModel model, Func<SpecificationReader, string, string, double?> read) =>
        TwinQuantities.ByName(reader, key, model.States.Select(static s => s.Name), (inner, name) => read(inner, name, model.State(name).Unit)!.Value);

    private static ImmutableArray<TwinSetpointChange> Setpoints(SpecificationReader reader, TwinFileModel model)
    {
        string[] names = [.. model.States.Select(static s => s.Name)];
        return [.. reader.Objects("setpoints", ["at", .. names]).Select(item => new TwinSetpointChange(
            TwinQuantities.Seconds(item, "at") ?? throw item.Missing("at"),
            names.Where(item.Has).ToImmutableSortedDictionary(
                static n => n, n => TwinQuantities.Value(item, n, model.State(n).Unit)!.Value, StringComparer.Ordinal)))];
    }

    private static ImmutableArray<PlantFault> Faults(
        SpecificationReader reader, TwinFileModel model, ImmutableArray<TwinInput> inputs, ImmutableArray<TwinSensor> sensors) =>
        [.. reader.Objects("faults", FaultKeys).Select(item => Fault(item, model, inputs, sensors))];

    private static PlantFault Fault(
        SpecificationReader item, TwinFileModel model, ImmutableArray<TwinInput> inputs, ImmutableArray<TwinSensor> sensors)
    {
        var from = TwinQuantities.Seconds(item, "at") ?? throw item.Missing("at");
        var until = TwinQuantities.Seconds(item, "until") ?? double.PositiveInfinity;
        if (!(until > from)) throw item.Wrong("until", "after 'at'");
        if (item.Text("sensor") is { } signal)
        {
            var unit = sensors.FirstOrDefault(s => s.Signal == signal)?.Unit
                ?? throw item.Wrong("sensor", $"one of {string.Join(", ", sensors.Select(static s => s.Signal))}");
            return TwinQuantities.Width(item, "bias", unit) is { } bias ? new(PlantFaultKind.SensorBias, signal, from, until, bias)
                : TwinQuantities.Rate(item, "drift", unit) is { } drift ? new(PlantFaultKind.SensorDrift, signal, from, until, drift)
                : TwinQuantities.Width(item, "wild", unit) is { } wild ? new(PlantFaultKind.SensorWild, signal, from, until, wild)
                : PlantQuantities.Flag(item, "frozen") ? new(PlantFaultKind.SensorFrozen, signal, from, until)
                : PlantQuantities.Flag(item, "dead") ? new PlantFault(PlantFaultKind.SensorDead, signal, from, until)
                : throw item.Wrong("sensor", "beside one of bias, drift, wild, frozen = true, dead = true");
        }
        if (item.Text("actuator") is { } actuator)
        {
            var input = inputs.FirstOrDefault(i => i.Moved && i.Name == actuator)
                ?? throw item.Wrong("actuator", $"one of {string.Join(", ", inputs.Where(static i => i.Moved).Select(static i => i.Name))}");
            return TwinQuantities.Width(item, "bias", input.Unit) is { } bias ? new(PlantFaultKind.ActuatorBias, input.Name, from, until, bias)
                : PlantQuantities.Flag(item, "stuck") ? new PlantFault(PlantFaultKind.ActuatorStuck, input.Name, from, until)
                : throw item.Wrong("actuator", "beside bias or stuck = true");
        }
        var names = model.Parameters.Select(static p => p.Name).Where(n => !inputs.Any(i => i.Moved && i.Name == n)).ToArray();
        var parameter = item.Text("parameter") ?? throw item.Wrong("at", "beside sensor, actuator or parameter: what it happens to");
        if (!names.Contains(parameter)) throw item.Wrong("parameter", $"one of {string.Join(", ", names)}");
        var own = model.Parameter(parameter).Unit;
        return TwinQuantities.RelativeWidth(item, "step", own, model.NominalOf(parameter)) is { } step
            ? new(PlantFaultKind.ParameterStep, parameter, from, until, step)
            : TwinQuantities.RelativeRate(item, "drift", own, model.NominalOf(parameter)) is { } rate
                ? new PlantFault(PlantFaultKind.ParameterDrift, parameter, from, until, rate)
                : throw item.Wrong("parameter", "beside step or drift");
    }
}
