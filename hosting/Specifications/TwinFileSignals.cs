using System.Collections.Immutable;
using Athanor.Compute.Problems;
using Athanor.Protocol;

namespace Athanor.Hosting.Specifications;

/// <summary>An actuator, or a feed that is only measured.</summary>
/// <param name="Name">Of the signal, and of the model's parameter.</param>
/// <param name="Unit">Of the model's parameter.</param>
/// <param name="RatePerS">Fastest change in a second; 0 for any.</param>
/// <param name="Start">Where it stands at the beginning.</param>
/// <param name="Fallback">The safe value when no move can be made.</param>
/// <param name="Moved">Whether the controller moves it; one that is only measured comes with the samples.</param>
public sealed record TwinInput(
    string Name, string Unit, double Low, double High, double RatePerS, double Start, double Fallback, bool Moved);

/// <summary>An instrument: a linear combination of states.</summary>
/// <param name="Of">Weights by state.</param>
/// <param name="Noise">Standard deviation.</param>
/// <param name="PeriodS">Usual time between samples.</param>
/// <param name="DelayS">From a sample's source time to its arrival.</param>
/// <param name="Low">A value below it is no measurement.</param>
/// <param name="Bias">Standard deviation at the start and random walk (per square root of a second) of its bias; null for an instrument
/// without.</param>
public sealed record TwinSensor(
    string Signal, string Unit, ImmutableSortedDictionary<string, double> Of, double Noise, double PeriodS, double DelayS, bool Laboratory,
    double Low, double High, (double Sd, double Walk)? Bias)
{
    /// <summary>Weights in the order of the problem's states.</summary>
    public double[] Weights(OdeProblem problem) => [.. problem.States.Select(s => Of.TryGetValue(s.Name, out var w) ? w : 0.0)];
}

/// <summary>Reads <c>inputs { ... }</c> and <c>sensors { ... }</c> of a twin.</summary>
internal static class TwinFileSignals
{
    private static readonly string[] InputKeys = ["low", "high", "rate", "start", "fallback", "measured"];

    private static readonly string[] SensorKeys = ["of", "noise", "period", "delay", "laboratory", "low", "high", "bias"];

    public static ImmutableArray<TwinInput> Inputs(SpecificationReader twin, TwinFileModel model)
    {
        if (twin.Object("inputs") is not { } section) return [];
        var all = new SpecificationReader(section, twin.At("inputs"), null);
        return [.. all.Fields.Select(f => Input(f.Key, all, model))];
    }

    public static ImmutableArray<TwinSensor> Sensors(SpecificationReader twin, TwinFileModel model, double sampleS)
    {
        var section = twin.Object("sensors") ?? throw twin.Missing("sensors");
        var all = new SpecificationReader(section, twin.At("sensors"), null);
        ImmutableArray<TwinSensor> sensors = [.. all.Fields.Select(f => Sensor(f.Key, all, model, sampleS))];
        return sensors.IsEmpty ? throw twin.Wrong("sensors", "at least one, such as { T { noise = \"0.1 K\" } }") : sensors;
    }

    private static TwinInput Input(string name, SpecificationReader all, TwinFileModel model)
    {
        var reader = new SpecificationReader(all.Object(name)!, all.At(name), InputKeys);
        string[] known = [.. model.Parameters.Select(static p => p.Name)];
        if (!known.Contains(name))
            throw SpecificationReader.Error(all.Origin(name), all.At(name), $"the model has no parameter '{name}'; it has {string.Join(", ", known)}");
        var parameter = model.Parameter(name);
        var unit = parameter.Unit;
        var low = Value("low") ?? Finite(parameter.Lower, "low");
        var high = Value("high") ?? Finite(parameter.Upper, "high");
        if (!(low < high)) throw reader.Wrong("high", FormattableString.Invariant($"above low, which is {low:R} {unit}"));
        var start = Within("start", Value("start") ?? model.NominalOf(name));
        return new TwinInput(
            name, unit, low, high, TwinQuantities.Rate(reader, "rate", unit) ?? 0.0, start, Within("fallback", Value("fallback") ?? start),
            !PlantQuantities.Flag(reader, "measured"));

        double? Value(string key) => TwinQuantities.Value(reader, key, unit);

        double Finite(double bound, string key) => double.IsFinite(bound) ? bound : throw reader.Missing(key);

        double Within(string key, double value) => value >= low && value <= high ? value
            : throw reader.Wrong(key, FormattableString.Invariant($"from {low:R} to {high:R} {unit}; {value:R} is outside"));
    }

    private static TwinSensor Sensor(string name, SpecificationReader all, TwinFileModel model, double sampleS)
    {
        var reader = new SpecificationReader(all.Object(name)!, all.At(name), SensorKeys);
        if (!EntityAddress.IsValidPart(name)) throw SpecificationReader.Error(all.Origin(name), all.At(name), "a signal is named by letters, digits, '.', '_' and '-'");
        var of = Of(name, reader, model);
        var units = of.Keys.Select(s => model.State(s).Unit).Distinct().ToArray();
        if (units.Length > 1) throw reader.Wrong("of", $"of states in one unit; these are in {string.Join(" and ", units)}");
        var unit = units[0];
        var noise = TwinQuantities.Width(reader, "noise", unit) ?? throw reader.Missing("noise");
        if (!(noise > 0.0)) throw reader.Wrong("noise", "above 0: an instrument without noise would leave the estimate without doubt");
        var period = Positive("period") ?? sampleS;
        var delay = TwinQuantities.Seconds(reader, "delay") ?? 0.0;
        if (!(delay >= 0.0)) throw reader.Wrong("delay", "at least 0");
        (double, double)? bias = null;
        if (reader.Has("bias"))
        {
            var inner = new SpecificationReader(reader.Object("bias")!, reader.At("bias"), ["sd", "walk"]);
            bias = (TwinQuantities.Width(inner, "sd", unit) ?? throw inner.Missing("sd"), TwinQuantities.Walk(inner, "walk", unit) ?? 0.0);
        }
        return new TwinSensor(
            name, unit, of, noise, period, delay, PlantQuantities.Flag(reader, "laboratory") || delay > 0.0,
            TwinQuantities.Value(reader, "low", unit) ?? double.NegativeInfinity, TwinQuantities.Value(reader, "high", unit) ?? double.PositiveInfinity, bias);

        double? Positive(string key) => TwinQuantities.Seconds(reader, key) is not { } value ? null
            : value > 0.0 ? value : throw reader.Wrong(key, "above 0 s");
    }

    private static ImmutableSortedDictionary<string, double> Of(string name, SpecificationReader reader, TwinFileModel model)
    {
        var states = model.States.Select(static s => s.Name).ToArray();
        var none = ImmutableSortedDictionary.Create<string, double>(StringComparer.Ordinal);
        if (!reader.Has("of"))
        {
            return states.Contains(name) ? none.Add(name, 1.0)
                : throw reader.Wrong("of", $"given, since no state is called '{name}'; states are {string.Join(", ", states)}");
        }
        if (reader.Value("of") is not Configuration.Hocon.HoconObject weights)
        {
            var state = reader.Text("of")!;
            return states.Contains(state) ? none.Add(state, 1.0) : throw reader.Wrong("of", $"one of {string.Join(", ", states)}");
        }
        var inner = new SpecificationReader(weights, reader.At("of"), states);
        return inner.Fields.Any() ? none.AddRange(inner.Fields.Select(f => KeyValuePair.Create(f.Key, inner.RequiredNumber(f.Key))))
            : throw reader.Wrong("of", "weights by state, such as { A = 1, B = 1 }");
    }
}
