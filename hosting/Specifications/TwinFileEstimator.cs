using System.Collections.Immutable;
using Athanor.Compute.Estimation;

namespace Athanor.Hosting.Specifications;

/// <summary>Reads <c>estimator { kind = ekf, process-noise { ... }, estimate { ... } }</c>; what the instruments are is in <c>sensors</c>.
/// </summary>
internal static class TwinFileEstimator
{
    private static readonly string[] Keys =
    [
        "kind", "process-noise", "initial-sd", "estimate", "bounds", "gate", "frozen-after", "nis-window", "iterations", "horizon", "members",
        "inflation", "seed", "allow-unobservable",
    ];

    public static EstimatorSettings Read(
        SpecificationReader twin, TwinFileModel model, ImmutableArray<TwinInput> inputs, ImmutableArray<TwinSensor> sensors, double sampleS, double lagS)
    {
        var section = twin.Object("estimator") ?? throw twin.Missing("estimator");
        var reader = new SpecificationReader(section, twin.At("estimator"), Keys);
        var frozenAfter = (int)TwinFileControl.Whole(reader, "frozen-after", 20, 0, 100_000);
        var usual = new EstimatorSettings { Sensors = [] };
        return new EstimatorSettings
        {
            Kind = TwinFileControl.OneOf(reader, "kind", EstimatorKind.Ekf),
            PeriodS = sampleS,
            ProcessNoise = States(reader, "process-noise", model, TwinQuantities.Walk),
            InitialSd = States(reader, "initial-sd", model, TwinQuantities.Width),
            Estimate = Estimated(reader, model, inputs),
            Bounds = Bounds(reader, model),
            Sensors = [.. sensors.Select(s => new SensorSettings(s.Signal)
            {
                Of = s.Of,
                Noise = s.Noise,
                Bias = s.Bias is { } bias ? new SensorBias(bias.Sd, bias.Walk) : null,
                PeriodS = s.PeriodS,
                DelayS = s.DelayS,
                Laboratory = s.Laboratory,
                Low = s.Low,
                High = s.High,
                FrozenAfter = frozenAfter,
            })],
            LagWindowS = lagS,
            Gate = NotNegative(reader, "gate", usual.Gate),
            NisWindow = (int)TwinFileControl.Whole(reader, "nis-window", usual.NisWindow, 1, 1_000_000),
            Iterations = (int)TwinFileControl.Whole(reader, "iterations", usual.Iterations, 1, 100),
            Horizon = (int)TwinFileControl.Whole(reader, "horizon", usual.Horizon, 1, 1000),
            Members = (int)TwinFileControl.Whole(reader, "members", usual.Members, 4, 100_000),
            Inflation = NotNegative(reader, "inflation", usual.Inflation),
            Seed = (ulong)TwinFileControl.Whole(reader, "seed", (long)usual.Seed, 0, long.MaxValue),
            AllowUnobservable = PlantQuantities.Flag(reader, "allow-unobservable"),
        };
    }

    private static ImmutableSortedDictionary<string, double> States(
        SpecificationReader reader, string key, TwinFileModel model, Func<SpecificationReader, string, string, double?> read) =>
        TwinQuantities.ByName(reader, key, model.States.Select(static s => s.Name), (inner, name) =>
            read(inner, name, model.State(name).Unit) is { } value && value >= 0.0 ? value : throw inner.Wrong(name, "at least 0"));

    private static ImmutableSortedDictionary<string, EstimatedParameter> Estimated(
        SpecificationReader reader, TwinFileModel model, ImmutableArray<TwinInput> inputs)
    {
        var all = ImmutableSortedDictionary.CreateBuilder<string, EstimatedParameter>(StringComparer.Ordinal);
        if (reader.Object("estimate") is not { } section) return all.ToImmutable();
        var names = new SpecificationReader(
            section, reader.At("estimate"), [.. model.Parameters.Select(static p => p.Name).Where(n => inputs.All(i => i.Name != n))]);
        foreach (var (name, _) in names.Fields)
        {
            var inner = new SpecificationReader(names.Object(name)!, names.At(name), ["sd", "walk", "low", "high"]);
            var (unit, nominal) = (model.Parameter(name).Unit, model.NominalOf(name));
            var sd = TwinQuantities.RelativeWidth(inner, "sd", unit, nominal) ?? throw inner.Missing("sd");
            if (!(sd > 0.0)) throw inner.Wrong("sd", "above 0");
            all[name] = new EstimatedParameter(
                sd, TwinQuantities.RelativeWalk(inner, "walk", unit, nominal) ?? 0.0, TwinQuantities.Relative(inner, "low", unit, nominal) ?? double.NaN,
                TwinQuantities.Relative(inner, "high", unit, nominal) ?? double.NaN);
        }
        return all.ToImmutable();
    }

    private static ImmutableSortedDictionary<string, StateBounds> Bounds(SpecificationReader reader, TwinFileModel model)
    {
        var all = ImmutableSortedDictionary.CreateBuilder<string, StateBounds>(StringComparer.Ordinal);
        if (reader.Object("bounds") is not { } section) return all.ToImmutable();
        var names = new SpecificationReader(section, reader.At("bounds"), [.. model.States.Select(static s => s.Name)]);
        foreach (var (name, _) in names.Fields)
        {
            var inner = new SpecificationReader(names.Object(name)!, names.At(name), ["low", "high"]);
            var state = model.State(name);
            var (low, high) = (TwinQuantities.Value(inner, "low", state.Unit) ?? state.Lower, TwinQuantities.Value(inner, "high", state.Unit) ?? state.Upper);
            all[name] = low < high ? new StateBounds(low, high) : throw inner.Wrong("high", FormattableString.Invariant($"above low, which is {low:R}"));
        }
        return all.ToImmutable();
    }

    private static double NotNegative(SpecificationReader reader, string key, double otherwise) =>
        reader.Number(key) is not { } number ? otherwise : number >= 0.0 ? number : throw reader.Wrong(key, "at least 0");
}
