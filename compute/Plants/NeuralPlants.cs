using System.Collections.Immutable;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Athanor.Compute.Exchange;
using Athanor.Compute.Linear;
using Athanor.Compute.Neural.Models;
using Athanor.Compute.Training;

namespace Athanor.Compute.Plants;

/// <summary>
/// Learned models of dynamics as plants. States and inputs are the model's states and controls, by name; parameters are those of the
/// physics' trained numbers (a heat of reaction, a time constant) that are named. Numbers that the model takes as constant flows and
/// temperatures of a reactor can be named as inputs, too: <c>dilution</c>, <c>feed.SPECIES</c>, <c>feed-temperature</c>,
/// <c>coolant</c>, <c>jacket-heat</c>.
/// </summary>
public static class NeuralPlants
{
    // As of plants over known equations: a substep covers so much of the largest eigenvalue's time at the nominal point.
    private const double Reach = 0.3;

    /// <summary>Finds a version's file by its SHA-256 (hex), for plants that name one: {"neural": {"hash": …}}. Null: none is found, and
    /// such plants are refused. To be set once, before plants are made.</summary>
    public static Func<string, ReadOnlyMemory<byte>?>? Blobs { get; set; }

    /// <param name="file">A version's safetensors file.</param>
    /// <param name="timeUnitS">Seconds in a unit of the time of the model's data.</param>
    /// <param name="inputs">Constants of the reactor that are inputs, after the model's controls.</param>
    /// <param name="parameters">Numbers of the physics that may be estimated or adapted.</param>
    /// <param name="substepS">Longest substep, s; 0 or less: 0.3 over the largest eigenvalue at the nominal point.</param>
    /// <param name="units">Units of states and inputs by name, for people and for checks: a file of weights tells none.</param>
    /// <exception cref="PlantException">It is no model of dynamics, or a name is unknown; the message says what would be right.</exception>
    public static PlantModel Of(
        ReadOnlyMemory<byte> file, double timeUnitS = 1.0, IReadOnlyList<string>? inputs = null, IReadOnlyList<string>? parameters = null,
        double substepS = 0.0, IReadOnlyDictionary<string, string>? units = null)
    {
        if (!(timeUnitS > 0.0) || !double.IsFinite(timeUnitS))
            throw new PlantException(string.Create(CultureInfo.InvariantCulture, $"time-unit-s is {timeUnitS}; a positive number of seconds would be right"));
        try
        {
            return Make(file, timeUnitS, inputs ?? [], parameters ?? [], substepS, units);
        }
        catch (Exception e) when (e is ExchangeException or TrainingException)
        {
            throw new PlantException($"neural: {e.Message}");
        }
    }

    /// <summary>What the model of a version's file calls its quantities.</summary>
    /// <exception cref="PlantException">It is no model of dynamics.</exception>
    public static NeuralNames Names(ReadOnlyMemory<byte> file)
    {
        try
        {
            var (read, specification) = Specification(file);
            var model = NeuralModel<double>.Of(specification);
            var numbers = model.Constants(Weights(read, model));
            return new NeuralNames(
                read.Kind, [.. specification.States.Select(static s => new NeuralState(s.Name, s.Offset, s.Scale, s.Positive))],
                [.. specification.Controls.Select(static c => KeyValuePair.Create(c.Name, c.Offset))], Constants(specification),
                numbers.ToImmutableSortedDictionary(static n => n.Key, static n => n.Value, StringComparer.Ordinal));
        }
        catch (Exception e) when (e is ExchangeException or TrainingException)
        {
            throw new PlantException($"neural: {e.Message}");
        }
    }

    /// <summary>{"neural": {"file": BASE64} or {"hash": SHA-256}, "time-unit-s", "inputs": [names], "parameters": [names], "substep-s",
    /// "units": {name: unit}}; all but the first may be left out.</summary>
    internal static PlantModel Create(JsonElement json)
    {
        PlantJson.Known(json, "model", "neural", "time-unit-s", "inputs", "parameters", "substep-s", "units");
        var neural = json.GetProperty("neural");
        if (neural.ValueKind != JsonValueKind.Object)
            throw new PlantException($"model.neural is {neural.ValueKind}; {{\"file\": BASE64}} or {{\"hash\": SHA-256}} would be right");
        PlantJson.Known(neural, "model.neural", "file", "hash");
        return Of(
            File(neural), PlantJson.Number(json, "model", "time-unit-s", 1.0), PlantJson.Texts(json, "model", "inputs"),
            PlantJson.Texts(json, "model", "parameters"), PlantJson.Number(json, "model", "substep-s", 0.0), Units(json));
    }

    private static Dictionary<string, string>? Units(JsonElement json)
    {
        if (!json.TryGetProperty("units", out var units)) return null;
        if (units.ValueKind != JsonValueKind.Object) throw new PlantException("model.units: an object of units by name would be right");
        return units.EnumerateObject().ToDictionary(static u => u.Name, u => PlantJson.Text(units, "model.units", u.Name), StringComparer.Ordinal);
    }

    private static ReadOnlyMemory<byte> File(JsonElement neural)
    {
        if (!neural.TryGetProperty("hash", out _))
        {
            var text = PlantJson.Text(neural, "model.neural", "file");
            var bytes = new byte[text.Length];
            return Convert.TryFromBase64String(text, bytes, out var length)
                ? bytes.AsMemory(0, length)
                : throw new PlantException("model.neural.file is no base64; a version's safetensors file in base64 would be right");
        }
        var hash = PlantJson.Text(neural, "model.neural", "hash");
        return Blobs?.Invoke(hash) ?? throw new PlantException($"model.neural.hash: the file {hash} is not here");
    }

    private static PlantModel Make(
        ReadOnlyMemory<byte> bytes, double timeUnitS, IReadOnlyList<string> inputs, IReadOnlyList<string> parameters, double substepS,
        IReadOnlyDictionary<string, string>? units)
    {
        var (file, specification) = Specification(bytes);
        var nominal = specification.Controls.Select(static c => c.Offset).ToList();
        foreach (var input in inputs) specification = WithInput(specification, input, nominal);
        var model = NeuralModel<double>.Of(specification);
        var weights = Weights(file, model);
        var slopes = model.Slopes(weights);
        var chosen = parameters.Select(name => Position(slopes.Constants, name)).ToArray();
        if (chosen.Distinct().Count() != chosen.Length) throw new PlantException("neural: a parameter is named twice");
        var values = model.Constants(weights);
        double[] x = [.. specification.States.Select(static s => s.Offset)], u = [.. nominal];
        var substep = substepS > 0.0 ? substepS : Substep(slopes, x, u, weights.AsSpan(weights.Length - slopes.Constants.Count)) * timeUnitS;
        if (!double.IsFinite(substep)) throw new PlantException("neural: the model has no finite slopes at its mean; name a substep in s");
        var plant = new NeuralPlant(model, weights, chosen, timeUnitS, substep, slopes.KeepsPositive);
        var words = string.Create(CultureInfo.InvariantCulture, $"{timeUnitS:R};{substep:R};{string.Join(',', inputs)};{string.Join(',', parameters)}");
        var hash = Convert.ToHexStringLower(SHA256.HashData([.. bytes.Span, .. Encoding.UTF8.GetBytes(words)]));
        return PlantModel.Of(
            new NeuralPlantMap(plant), $"neural/{file.Kind}/{hash[..16]}",
            [.. specification.States.Select(s => new PlantQuantity(s.Name, Unit(s.Name), s.Offset, s.Positive ? 0.0 : double.NegativeInfinity))],
            [.. specification.Controls.Select((c, i) => new PlantQuantity(c.Name, Unit(c.Name), u[i]))],
            [.. parameters.Select(name => new PlantQuantity(name, Unit(name), values[name], Least(name)))], timeUnitS);

        string Unit(string name) => units?.GetValueOrDefault(name) ?? "";
    }

    private static (ModelFile File, ModelSpecification Specification) Specification(ReadOnlyMemory<byte> bytes)
    {
        var file = ModelFile.Read(bytes);
        if (!ModelKinds.IsDynamics(file.Kind))
        {
            throw new PlantException(
                $"neural: a model of the kind '{file.Kind}' is no plant; neural-ode, augmented, stoichiometric or hybrid would be right");
        }
        return (file, ModelJson.Read(file.Model!.Value));
    }

    private static double[] Weights(ModelFile file, NeuralModel<double> model) =>
        [.. model.Tensors.SelectMany(t => NetWeights.Tensor(file.Tensors, t.Name, [.. t.Shape.Select(static s => (long)s)]).ToDoubles())];

    /// <summary>Heats of reaction may be of either sign; the other numbers are positive.</summary>
    private static double Least(string name) => name.StartsWith("rise-", StringComparison.Ordinal) ? double.NegativeInfinity : 0.0;

    private static double Substep(FieldSlopes<double> slopes, double[] x, double[] u, ReadOnlySpan<double> c)
    {
        double[] dx = new double[x.Length], jx = new double[x.Length * x.Length];
        slopes.Jacobian(c, x, u, dx, jx, [], []);
        var largest = 0.0;
        try
        {
            foreach (var value in RealEigenvalues.Solve(jx, x.Length)) largest = Math.Max(largest, value.Magnitude);
        }
        catch (ArithmeticException)
        {
            return double.NaN;
        }
        return largest > 0.0 ? Reach / largest : double.NaN;
    }

    /// <summary>The same model with one of its reactor's constants as a control; the net of a reactor reads no controls, so it stays.</summary>
    private static ModelSpecification WithInput(ModelSpecification model, string name, List<double> nominal)
    {
        var names = Constants(model);
        if (model.Controls.Any(c => c.Name == name)) throw new PlantException($"neural: the model has an input '{name}' already");
        if (!names.TryGetValue(name, out var value))
        {
            throw new PlantException(
                $"neural: the model has no constant '{name}' to make an input of; there are {(names.Count == 0 ? "none" : string.Join(", ", names.Keys))}");
        }
        nominal.Add(value);
        var (reactor, control) = (model.Reactor!, new Quantity(0.0, name));
        return model with
        {
            Controls = model.Controls.Add(new ControlSpecification(name, value, 1.0)),
            Reactor = name switch
            {
                "dilution" => reactor with { Dilution = control },
                "feed-temperature" => reactor with { FeedTemperature = control },
                "coolant" => reactor with { Coolant = control },
                "jacket-heat" => reactor with { JacketHeat = control },
                _ => reactor with { Feed = reactor.Feed.SetItem(name["feed.".Length..], control) },
            },
        };
    }

    /// <summary>What a reactor takes as constant, by name.</summary>
    private static ImmutableSortedDictionary<string, double> Constants(ModelSpecification model)
    {
        var constants = ImmutableSortedDictionary.CreateBuilder<string, double>(StringComparer.Ordinal);
        if (model.Reactor is not { } reactor || (model.Kind != "stoichiometric" && model.Known != "reactor")) return constants.ToImmutable();
        Add("dilution", reactor.Dilution);
        foreach (var (species, feed) in reactor.Feed) Add($"feed.{species}", feed);
        if (reactor.Temperature is not null) Add("feed-temperature", reactor.FeedTemperature);
        if (reactor.Jacket is not null) Add("jacket-heat", reactor.JacketHeat);
        else if (reactor.Coolant is { } coolant) Add("coolant", coolant);
        return constants.ToImmutable();

        void Add(string name, Quantity quantity)
        {
            if (quantity.Control is null) constants[name] = quantity.Value;
        }
    }

    private static int Position(IReadOnlyList<string> names, string name)
    {
        for (var i = 0; i < names.Count; i++)
        {
            if (names[i] == name) return i;
        }
        throw new PlantException(
            $"neural: the model has no trained number '{name}'; it has {(names.Count == 0 ? "none" : string.Join(", ", names))}");
    }
}
