using System.Collections.Concurrent;
using Athanor.Compute.Control;
using Athanor.Compute.Estimation;
using Athanor.Compute.Faults;
using Athanor.Compute.Plants;

namespace Athanor.Compute.Twins.Units;

/// <summary>All numerics of a unit, made once from its settings. Equal settings give the same engine, so that units of one model are
/// stepped together; it holds nothing of a unit and may be used from several threads.</summary>
public sealed class UnitEngine
{
    private const int MostKept = 256;

    private static readonly ConcurrentDictionary<(string, string, string?, string?), UnitEngine> Kept = new();

    private UnitEngine(string model, string estimator, string? detectors, string? controller)
    {
        Model = PlantModels.Create(model);
        Estimator = Estimator.Create(Model, EstimatorJson.Parse(estimator));
        var settings = Estimator.Settings;
        Estimated = [.. Enumerable.Range(0, Model.Parameters.Count).Where(i => settings.Estimate.Keys.Any(
            name => string.Equals(name, Model.Parameters[i].Name, StringComparison.OrdinalIgnoreCase)))];
        Biased = [.. Enumerable.Range(0, settings.Sensors.Length).Where(i => settings.Sensors[i].Bias is not null)];
        SensorNames = [.. settings.Sensors.Select(static s => s.Name)];
        if (detectors is not null) (Detector, Charted, Watched, Scores) = DetectorOf(detectors);
        if (controller is null) return;
        try
        {
            Controller = Controller.Create(Model, ControllerJson.Read(controller));
        }
        catch (ControlException error)
        {
            throw new ArgumentException($"controller: {error.Message}", error);
        }
        var control = Controller.Settings;
        Setpoints = control.Kind == ControllerKind.Pid
            ? [.. control.Loops.Select(static l => l.State)]
            : [.. control.Tracked.Select(static t => t.State)];
    }

    public PlantModel Model { get; }

    public Estimator Estimator { get; }

    /// <summary>Null without one.</summary>
    public Controller? Controller { get; }

    /// <summary>Null without any.</summary>
    public Detector? Detector { get; }

    /// <summary>Sensors whose innovations the detectors see: all, or 0.</summary>
    public int Charted { get; }

    /// <summary>The values that detectors watch: sensors by their number, inputs after them.</summary>
    public int[] Watched { get; } = [];

    /// <summary>Parameters that are estimated, by their number in the model.</summary>
    public int[] Estimated { get; }

    /// <summary>Sensors whose bias is estimated.</summary>
    public int[] Biased { get; }

    public string[] SensorNames { get; }

    /// <summary>Names of the detectors' scores.</summary>
    public string[] Scores { get; } = [];

    /// <summary>Names of the controller's set-points.</summary>
    public string[] Setpoints { get; } = [];

    /// <summary>Estimates in the order of events: states, estimated parameters, biases.</summary>
    public int Size => Model.States.Count + Estimated.Length + Biased.Length;

    /// <exception cref="ArgumentException">Settings are wrong; the message names the key or signal and what would be right.</exception>
    public static UnitEngine Of(string model, string estimator, string? detectors, string? controller)
    {
        var key = (model, estimator, detectors, controller);
        if (Kept.TryGetValue(key, out var known)) return known;
        var made = new UnitEngine(model, estimator, detectors, controller);
        // Whoever comes with ever new settings must not fill the memory.
        if (Kept.Count >= MostKept) Kept.Clear();
        return Kept.GetOrAdd(key, made);
    }

    private (Detector, int, int[], string[]) DetectorOf(string json)
    {
        try
        {
            var settings = DetectorSettings.FromJson(json);
            var detector = Detector.Create(settings);
            if (settings.Sensors.Length > 0 && !settings.Sensors.SequenceEqual(SensorNames))
            {
                throw new ArgumentException(
                    $"detectors.sensors are {string.Join(", ", settings.Sensors)} where the estimator's are {string.Join(", ", SensorNames)}; the same would be right");
            }
            return (detector, settings.Sensors.Length, [.. settings.Values.Select(ValueOf)], [.. detector.Scores]);
        }
        catch (DetectorException error)
        {
            throw new ArgumentException(error.Message, error);
        }
    }

    private int ValueOf(string name)
    {
        if (Array.IndexOf(SensorNames, name) is var sensor and >= 0) return sensor;
        for (var i = 0; i < Model.Inputs.Count; i++)
        {
            if (string.Equals(Model.Inputs[i].Name, name, StringComparison.OrdinalIgnoreCase)) return SensorNames.Length + i;
        }
        throw new ArgumentException($"detectors.values: '{name}' is neither a sensor nor an input");
    }

    /// <summary>Writes the estimates and their standard deviations in the order of events.</summary>
    public void Read(EstimatorOutput output, Span<double> mean, Span<double> sd)
    {
        output.Mean.CopyTo(mean);
        output.Sd.CopyTo(sd);
        var at = Model.States.Count;
        foreach (var i in Estimated) (mean[at], sd[at++]) = (output.Parameters[i], output.ParameterSd[i]);
        foreach (var i in Biased) (mean[at], sd[at++]) = (output.Bias[i], output.BiasSd[i]);
    }
}
