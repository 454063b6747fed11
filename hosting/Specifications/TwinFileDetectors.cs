using System.Collections.Immutable;
using Athanor.Compute.Faults;
using Athanor.Compute.Plants;
using Athanor.Protocol.Twins.Units;

namespace Athanor.Hosting.Specifications;

/// <summary>Reads <c>detectors { false-alarm-rate = 0.01, residual { ewma = true, cusum = true } }</c>. The signatures of faults in actuators
/// and parameters come from the model's own derivatives at the start.</summary>
internal static class TwinFileDetectors
{
    private static readonly string[] Keys = ["false-alarm-rate", "residual", "isolate", "seed", "alarm"];

    private static readonly string[] Residual = ["ewma", "cusum", "nis", "forgetting", "slack"];

    public static DetectorSettings? Read(
        SpecificationReader twin, PlantModel model, ImmutableArray<TwinInput> inputs, ImmutableArray<TwinSensor> sensors, double[] initial, double sampleS)
    {
        if (twin.Object("detectors") is not { } section) return null;
        var reader = new SpecificationReader(section, twin.At("detectors"), Keys);
        string[] names = [.. sensors.Select(static s => s.Signal)];
        var settings = new DetectorSettings(names, [.. names, .. inputs.Select(static i => i.Name)])
        {
            FalseAlarmRate = reader.Number("false-alarm-rate") ?? 0.01,
            Seed = (ulong)TwinFileControl.Whole(reader, "seed", 1, 0, long.MaxValue),
            Signatures = reader.Has("isolate") && !PlantQuantities.Flag(reader, "isolate") ? [] : PlantSignatures.Of(
                model, initial, [.. inputs.Select(static i => i.Start)], model.NominalParameters, sampleS,
                [.. sensors.Select(s => (s.Signal, model.States.Select(q => s.Of.GetValueOrDefault(q.Name)).ToArray()))]),
        };
        if (reader.Object("residual") is { } residual)
        {
            var inner = new SpecificationReader(residual, reader.At("residual"), Residual);
            settings = settings with
            {
                Ewma = Flag("ewma"),
                Cusum = Flag("cusum"),
                Nis = Flag("nis"),
                Forgetting = inner.Number("forgetting") ?? 0.1,
                Slack = inner.Number("slack") ?? 0.5,
            };

            bool Flag(string key) => !inner.Has(key) || PlantQuantities.Flag(inner, key);
        }
        return settings.Problem() is { } problem ? throw SpecificationReader.Error(twin.Origin("detectors"), reader.At("false-alarm-rate"), problem) : settings;
    }

    /// <summary>An alarm for each chart, as long as the section does not say <c>alarm = none</c>; the first of them is marked as first-out.
    /// </summary>
    public static ImmutableArray<AlarmSpec> Alarms(SpecificationReader twin, DetectorSettings? settings)
    {
        if (settings is null) return [];
        var reader = new SpecificationReader(twin.Object("detectors")!, twin.At("detectors"), Keys);
        if (reader.Text("alarm") == "none") return [];
        var priority = TwinFileControl.OneOf(reader, "alarm", AlarmPriority.Medium);
        return [.. Detector.Create(settings).Scores.Select(score => new AlarmSpec(
            $"{score}.high", score, AlarmCondition.High, 1.0, 0.2, TimeSpan.Zero, TimeSpan.Zero, priority, "detectors", false, TimeSpan.FromHours(8), null,
            "See what it points to"))];
    }
}
