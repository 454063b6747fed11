using System.Collections.Concurrent;
using Athanor.Compute.Control;
using Athanor.Compute.Estimation;
using Athanor.Compute.Faults;
using Athanor.Compute.Plants;

namespace Athanor.Compute.Twins.Units;

/// <summary>All numerics of a unit, made once from its settings. Equal settings give the same engine, so that units of one model are stepped
/// together; it holds nothing of a unit and may be used from several threads.</summary>
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
        if (detectors is not null) (Detector, Scores, DetectorValues) = Detecting(detectors);
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

    /// <summary>Parameters that are estimated, by their number in the model.</summary>
    public int[] Estimated { get; }

    /// <summary>Sensors whose bias is estimated.</summary>
    public int[] Biased { get; }

    public string[] SensorNames { get; }

    /// <summary>Null without one.</summary>
    public Detector? Detector { get; }

    /// <summary>Names of the detectors' scores.</summary>
    public string[] Scores { get; } = [];

    /// <summary>What the detectors' values are: sensors by their number, then inputs.</summary>
    public int[] DetectorValues { get; } = [];

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

    private (Detector Detector, string[] Scores, int[] Values) Detecting(string json)
    {
        try
        {
            var settings = DetectorSettings.FromJson(json);
            if (!settings.Sensors.AsSpan().SequenceEqual(SensorNames))
            {
                throw new DetectorException(
                    $"detectors.sensors are {string.Join(", ", settings.Sensors)}; those of the estimator, {string.Join(", ", SensorNames)}, would be right");
            }
            string[] known = [.. SensorNames, .. Model.Inputs.Select(static i => i.Name)];
            int[] values = [.. settings.Values.Select(v => Array.IndexOf(known, v))];
            if (Array.IndexOf(values, -1) is >= 0 and var unknown)
                throw new DetectorException($"detectors.values: there is no '{settings.Values[unknown]}'; there are {string.Join(", ", known)}");
            var detector = Detector.Create(settings);
            return (detector, [.. detector.Scores], values);
        }
        catch (DetectorException error)
        {
            throw new ArgumentException(error.Message, error);
        }
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
