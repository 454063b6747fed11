using System.Collections.Immutable;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Athanor.Actors;
using Athanor.Actors.Twins.Units;
using Athanor.Compute.Control;
using Athanor.Compute.Estimation;
using Athanor.Compute.Exchange;
using Athanor.Compute.Plants;
using Athanor.Hosting;
using Athanor.Nodes.Cli.Models;
using Athanor.Protocol;
using Athanor.Protocol.Models;
using Athanor.Protocol.Twins.Units;

namespace Athanor.Nodes.Cli.Twins;

/// <summary>
/// Versions of registered models as models of unit twins. The version's file travels whole in the twin's model, so that the twin's journal
/// holds all that its estimates were made with. What estimator, detectors and controller are stays; they must fit the model's states.
/// </summary>
internal static class LearnedModels
{
    /// <summary>Messages are at most 64 KiB (athanor.messages.max); the event of an adoption says a little more than the command.</summary>
    private const int LargestCommand = 62 << 10;

    // Else each '+' of the file would be six characters.
    private static readonly JsonSerializerOptions Plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The weights and the description of a version, and what sources call it.</summary>
    /// <param name="version">Null: the one in production, else the newest.</param>
    /// <exception cref="UserException">There is none, it is retired, or it cannot be read.</exception>
    public static async Task<(string Name, ReadOnlyMemory<byte> File)> Fetch(
        IClusterClient client, EntityAddress model, int? version, CancellationToken cancellation)
    {
        var view = await ModelArguments.Read(client, model, cancellation);
        var found = ModelArguments.VersionOf(view, model, version);
        var name = ModelArguments.NameOf(model, found.Number);
        CheckStage(view, found.Number, name);
        try
        {
            return (name, (await VersionFiles.Read(client, model, found, cancellation)).Write());
        }
        catch (ExchangeException error)
        {
            throw new UserException($"{name} cannot be read: {error.Message}", ExitCodes.Failure);
        }
    }

    /// <exception cref="UserException">The version is retired.</exception>
    public static void CheckStage(ModelView view, int version, string name)
    {
        if (view.StageOf(version) != ModelStage.Retired) return;
        var change = view.Stages!.Changes.Last(c => c.Version == version);
        throw new UserException($"{name} is retired (by {change.By}: {change.Why}); adopt another version", ExitCodes.Failure);
    }

    /// <summary>The next model of a unit.</summary>
    /// <param name="present">What the unit runs: its unit of time, estimator, detectors and controller are taken over.</param>
    /// <param name="says">Gets what could not be taken over.</param>
    /// <exception cref="UserException">The model does not fit the unit; the message names the signal.</exception>
    public static UnitModel Of(string name, ReadOnlyMemory<byte> file, UnitSpec spec, UnitModel present, Action<string> says)
    {
        try
        {
            var names = NeuralPlants.Names(file);
            var now = UnitModels.Of(present).Model;
            var inputs = Inputs(names, spec);
            var settings = EstimatorJson.Parse(present.Estimator);
            CheckSensors(name, names, spec, settings);
            if (present.Controller is { } controller) CheckController(name, names, spec, ControllerJson.Read(controller));
            settings = Fitting(name, names, now, settings, says);
            var units = new JsonObject();
            foreach (var quantity in now.States.Concat(now.Inputs).Concat(now.Parameters))
            {
                if (quantity.Unit.Length > 0) units[quantity.Name] = quantity.Unit;
            }
            var json = new JsonObject
            {
                ["neural"] = new JsonObject { ["file"] = Convert.ToBase64String(file.Span) },
                ["time-unit-s"] = now.TimeUnitS,
                ["inputs"] = Texts(inputs),
                ["parameters"] = Texts(settings.Estimate.Keys),
                ["units"] = units,
            };
            return present with
            {
                Version = present.Version + 1,
                Source = name,
                Model = json.ToJsonString(Plain),
                Estimator = EstimatorJson.Write(settings),
            };
        }
        catch (Exception error) when (error is PlantException or EstimationException or ControlException)
        {
            throw new UserException($"{spec.Unit} cannot run {name}: {error.Message}", ExitCodes.Failure);
        }
    }

    /// <exception cref="UserException">The message that carries the model is too large.</exception>
    public static void CheckSize(string source, ICommand command)
    {
        var size = Families.Messages.Encode(command).Length;
        if (size <= LargestCommand) return;
        throw new UserException(
            $"{source} with its weights makes a message of {size} bytes, and a twin's model may have {LargestCommand} (messages have 64 KiB); "
            + "a net with fewer hidden units would be right", ExitCodes.Failure);
    }

    /// <summary>Inputs of the unit that the model does not have as controls.</summary>
    private static string[] Inputs(NeuralNames names, UnitSpec spec)
    {
        string[] controls = [.. names.Controls.Select(static c => c.Key)], own = [.. spec.Inputs.Select(static i => i.Signal)];
        foreach (var control in controls.Except(own))
            throw new PlantException($"the model has the input '{control}', which {spec.Unit} has not; its inputs are {Listed(own)}");
        string[] others = [.. own.Except(controls)];
        foreach (var other in others.Where(o => !names.Constants.ContainsKey(o)))
            throw new PlantException($"{spec.Unit} has the input '{other}', which the model does not take; it takes {Listed([.. controls, .. names.Constants.Keys])}");
        if (!own.SequenceEqual([.. controls, .. others]))
            throw new PlantException($"the inputs of {spec.Unit} are {Listed(own)}, and the model's come as {Listed([.. controls, .. others])}; the same order would be right");
        return others;
    }

    private static void CheckSensors(string name, NeuralNames names, UnitSpec spec, EstimatorSettings settings)
    {
        foreach (var sensor in settings.Sensors)
        {
            foreach (var state in sensor.Of.IsEmpty ? [sensor.Name] : sensor.Of.Keys)
            {
                if (names.States.All(s => s.Name != state))
                    throw new PlantException($"the sensor '{sensor.Name}' of {spec.Unit} shows '{state}', which is no state of {name}; its states are {States(names)}");
            }
        }
    }

    private static void CheckController(string name, NeuralNames names, UnitSpec spec, ControllerSettings settings)
    {
        var used = settings.Tracked.Select(static t => t.State).Concat(settings.Bounds.Select(static b => b.State)).Concat(settings.Loops.Select(static l => l.State))
            .Concat(settings.Objective.SelectMany(static t => t.Factors).Where(f => spec.Inputs.All(i => i.Signal != f)));
        foreach (var state in used)
        {
            if (names.States.All(s => s.Name != state))
                throw new PlantException($"the controller of {spec.Unit} needs the state '{state}', which {name} has not; its states are {States(names)}");
        }
    }

    /// <summary>The estimator without what the model does not have. States that are new begin as uncertain as their spread in training.</summary>
    private static EstimatorSettings Fitting(string name, NeuralNames names, PlantModel now, EstimatorSettings settings, Action<string> says)
    {
        var states = names.States.Select(static s => s.Name).ToHashSet(StringComparer.Ordinal);
        string[] parameters = [.. settings.Estimate.Keys.Where(p => !names.Numbers.ContainsKey(p))];
        if (parameters.Length > 0) says($"{name} has no {Listed(parameters)}, so it is estimated no longer");
        string[] gone = [.. now.States.Select(static s => s.Name).Where(s => !states.Contains(s))];
        if (gone.Length > 0) says($"{name} has no state {Listed(gone)}");
        var sd = Of(settings.InitialSd);
        foreach (var state in names.States)
        {
            if (!sd.ContainsKey(state.Name) && (state.Mean == 0.0 || now.States.All(s => s.Name != state.Name))) sd = sd.Add(state.Name, state.Scale);
        }
        return settings with
        {
            Estimate = settings.Estimate.RemoveRange(parameters),
            ProcessNoise = Of(settings.ProcessNoise),
            InitialSd = sd,
            Bounds = Of(settings.Bounds),
        };

        ImmutableSortedDictionary<string, T> Of<T>(ImmutableSortedDictionary<string, T> all) => all.RemoveRange(all.Keys.Where(k => !states.Contains(k)));
    }

    private static JsonArray Texts(IEnumerable<string> names) => [.. names.Select(static n => (JsonNode)n)];

    private static string States(NeuralNames names) => Listed([.. names.States.Select(static s => s.Name)]);

    private static string Listed(IReadOnlyCollection<string> names) => names.Count == 0 ? "none" : string.Join(", ", names);
}
