using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Athanor.Compute.Control;
using Athanor.Compute.Estimation;
using Athanor.Compute.Faults;
using Athanor.Compute.Plants;
using Athanor.Compute.Problems;
using Athanor.Hosting.Configuration.Hocon;
using Athanor.Protocol;
using Athanor.Protocol.Twins.Units;

namespace Athanor.Hosting.Specifications;

/// <summary>
/// Reads <c>twin { unit, model, inputs, sensors, estimator, detectors, alarms, controller, plant }</c> of a HOCON file, beside whatever else
/// the file holds (kinetics to simulate, a model to train). docs/guides/twins.md has every key. Numbers with units are converted into
/// those of the model; what is wrong is one <see cref="HoconException"/> that begins with file and line and names the key and what would
/// be right.
/// </summary>
public sealed class TwinFile
{
    private static readonly string[] Keys =
    [
        "unit", "title", "sample", "lag-window", "model", "initial", "inputs", "sensors", "estimator", "detectors", "alarms", "controller", "plant",
    ];

    private readonly OdeProblem? _problem;

    private TwinFile(string path, HoconObject root, Func<string, ReadOnlyMemory<byte>>? registered)
    {
        if (root.At("twin") is not HoconObject section)
            throw SpecificationReader.Error(root.Origin, "twin", "the file has no section twin { model { ... } sensors { ... } }");
        Path = path;
        var reader = new SpecificationReader(section, "twin", Keys);
        var name = System.IO.Path.GetFileNameWithoutExtension(path);
        Unit = reader.Text("unit") ?? name;
        if (!EntityAddress.IsValidPart(Unit)) throw reader.Wrong("unit", "a name of letters, digits, '.', '_' and '-'");
        Title = reader.Text("title") ?? Unit;
        var sample = TwinQuantities.Seconds(reader, "sample") ?? throw reader.Missing("sample");
        if (!(sample > 0.0)) throw reader.Wrong("sample", "above 0 s");
        var model = new TwinFileModel(path, root, reader, registered);
        (_problem, TimeUnitS) = (model.Problem, model.TimeUnitS);
        Inputs = model.Ordered(reader, TwinFileSignals.Inputs(reader, model));
        Sensors = TwinFileSignals.Sensors(reader, model, sample);
        Initial = Starts(reader, model);
        var lag = TwinQuantities.Seconds(reader, "lag-window") ?? 0.0;
        if (!(lag >= 0.0)) throw reader.Wrong("lag-window", "at least 0 s");
        Estimator = TwinFileEstimator.Read(reader, model, Inputs, Sensors, sample, lag);
        Model = Plant(reader, model);
        Detectors = TwinFileDetectors.Read(reader, Model, Inputs, Sensors, Initial, sample);
        Control = TwinFileControl.Read(reader, model, Inputs, sample);
        Simulation = TwinFilePlant.Read(reader, model, Inputs, Sensors, Initial);
        var alarms = TwinFileAlarms.Read(reader, signal => UnitOf(model, signal), [.. Sensors.Select(static s => s.Signal), .. model.States.Select(static s => s.Name), .. Estimator.Estimate.Keys]);
        alarms = [.. alarms, .. TwinFileDetectors.Alarms(reader, Detectors)];
        Spec = new UnitSpec(
            Unit, TimeSpan.FromSeconds(sample),
            [.. Sensors.Select(static s => new UnitSensor(s.Signal, s.Unit, TimeSpan.FromSeconds(s.PeriodS), s.Low, s.High))],
            [.. Inputs.Select(static i => new UnitInput(i.Name, i.Unit, i.Low, i.High, i.RatePerS, i.Fallback))], TimeSpan.FromSeconds(lag),
            new UnitModel(1, model.Source ?? path, ModelJson, EstimatorJson.Write(Estimator), Detectors?.ToJson(), Control is null ? null : ControllerJson.Write(Control.Settings)),
            Control?.Mode ?? ControllerMode.Off, TimeSpan.FromSeconds(Control?.Settings.IntervalS ?? sample), TimeSpan.FromSeconds(Control?.ValidForS ?? (3.0 * sample)),
            TimeSpan.FromSeconds(Control?.WatchdogS ?? (10.0 * sample)),
            Control?.Setpoints ?? ImmutableSortedDictionary.Create<string, double>(StringComparer.Ordinal), alarms,
            model.States.Select((s, i) => (s.Name, Value: Initial[i])).Where((s, i) => s.Value != model.States[i].Initial)
                .ToImmutableSortedDictionary(static s => s.Name, static s => s.Value, StringComparer.Ordinal));
        Prove(reader);
    }

    public string Path { get; }

    /// <summary>The twin's id.</summary>
    public string Unit { get; }

    public string Title { get; }

    /// <exception cref="InvalidOperationException">The model is a learned one, which has no equations; such a file has no
    /// <see cref="Simulation"/>.</exception>
    public OdeProblem Problem => _problem ?? throw new InvalidOperationException("a learned model has no equations");

    /// <summary>Seconds in a unit of the model's time.</summary>
    public double TimeUnitS { get; }

    public PlantModel Model { get; }

    /// <summary>The model as <see cref="PlantModels.Create(string)"/> reads it.</summary>
    public string ModelJson { get; private set; } = "";

    public ImmutableArray<TwinInput> Inputs { get; }

    public ImmutableArray<TwinSensor> Sensors { get; }

    /// <summary>What the states are held to be at the start.</summary>
    public double[] Initial { get; }

    public EstimatorSettings Estimator { get; }

    /// <summary>Null without detectors.</summary>
    public DetectorSettings? Detectors { get; }

    /// <summary>Null without a controller.</summary>
    public TwinControl? Control { get; }

    /// <summary>Null without a section <c>plant</c>.</summary>
    public TwinPlant? Simulation { get; }

    /// <summary>What <c>twins.create</c> takes.</summary>
    public UnitSpec Spec { get; }

    /// <param name="registered">Gives the file of a version of a registered model, <c>ID@VERSION</c>; null: files that name one are
    /// refused.</param>
    /// <exception cref="HoconException">The file is wrong.</exception>
    public static TwinFile Load(string path, Func<string, ReadOnlyMemory<byte>>? registered = null) => new(path, HoconFile.Load(path), registered);

    /// <param name="name">What error messages call the text.</param>
    /// <param name="registered">As of <see cref="Load"/>.</param>
    public static TwinFile Parse(string name, string text, Func<string, ReadOnlyMemory<byte>>? registered = null) =>
        new(name, HoconFile.Parse(name, text), registered);

    /// <summary>The version that the file's model names, <c>ID@VERSION</c>; null if it names none. It is asked before the file is read,
    /// by whoever must fetch the version first.</summary>
    /// <exception cref="HoconException">The file is no HOCON.</exception>
    public static string? RegisteredIn(string path) =>
        HoconFile.Load(path).At("twin") is HoconObject twin && twin.At("model") is HoconObject model && model.TryGet(TwinFileModel.Registered, out var name)
            ? $"{name}" : null;

    private static double[] Starts(SpecificationReader reader, TwinFileModel model)
    {
        double[] initial = [.. model.States.Select(static s => s.Initial)];
        var own = TwinQuantities.ByName(
            reader, "initial", model.States.Select(static s => s.Name), (inner, name) => TwinQuantities.Value(inner, name, model.State(name).Unit)!.Value);
        for (var i = 0; i < initial.Length; i++) initial[i] = own.GetValueOrDefault(model.States[i].Name, initial[i]);
        return initial;
    }

    private PlantModel Plant(SpecificationReader reader, TwinFileModel model)
    {
        var json = (JsonObject)model.Json.DeepClone();
        json["inputs"] = new JsonArray([.. Inputs.Where(i => !model.Controls.Contains(i.Name)).Select(static i => (JsonNode)i.Name)]);
        json["parameters"] = new JsonArray([.. Estimator.Estimate.Keys.Select(static p => (JsonNode)p)]);
        ModelJson = model.Source is null ? HoconJson.Canonical(json) : HoconJson.CanonicalPlain(json);
        try
        {
            return PlantModels.Create(ModelJson);
        }
        catch (PlantException error)
        {
            throw SpecificationReader.Error(reader.Origin("model"), "twin.model", error.Message);
        }
    }

    private string? UnitOf(TwinFileModel model, string signal)
    {
        foreach (var sensor in Sensors)
        {
            if (sensor.Signal == signal) return sensor.Unit;
        }
        foreach (var state in model.States)
        {
            if (state.Name == signal) return state.Unit;
        }
        return Estimator.Estimate.ContainsKey(signal) ? model.Parameter(signal).Unit : null;
    }

    /// <summary>Makes estimator and controller once, so that what does not fit is told before anything is started.</summary>
    private void Prove(SpecificationReader reader)
    {
        try
        {
            _ = Compute.Estimation.Estimator.Create(Model, Estimator);
        }
        catch (Exception error) when (error is EstimationException or PlantException)
        {
            throw SpecificationReader.Error(reader.Origin("estimator"), "twin.estimator", error.Message);
        }
        if (Control is null) return;
        try
        {
            _ = Controller.Create(Model, Control.Settings);
        }
        catch (Exception error) when (error is ControlException or PlantException)
        {
            throw SpecificationReader.Error(reader.Origin("controller"), "twin.controller", error.Message);
        }
    }
}
