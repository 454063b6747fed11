using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Athanor.Compute.Plants;

namespace Athanor.Compute.Estimation;

/// <summary>
/// <see cref="EstimatorSettings"/> as JSON, in one canonical form: keys in a fixed order, names sorted, defaults left out. Times in s, all
/// else in the units of the model.
/// <code>
/// { "kind": "ekf" | "iekf" | "ukf" | "mhe" | "enkf", "period-s": 20,
///   "process-noise": {"T": 0.01}, "initial-sd": {"A": 0.1}, "bounds": {"A": {"low": 0, "high": 6}},
///   "estimate": {"k10": {"sd": 1e11, "walk": 1e8, "low": 0, "high": 2e12}},
///   "sensors": {"T": {"noise": 0.1}, "B": {"of": {"B": 1}, "offset": 0, "noise": 0.02, "bias": {"sd": 0.05, "walk": 1e-4},
///     "period-s": 600, "delay-s": 600, "laboratory": true, "low": 0, "high": 10, "frozen-after": 20}},
///   "lag-window-s": 900, "longest-gap-s": 604800, "gate": 5, "nis-window": 100, "iterations": 5, "horizon": 10, "members": 64,
/// "inflation": 1, "seed": 1,   "allow-unobservable": false }
/// </code>
/// Only "sensors" must be there. Sensors count in the order in which they are written.
/// </summary>
public static class EstimatorJson
{
    private const string Root = "estimator";

    /// <exception cref="EstimationException">The message names the key and what would be right.</exception>
    public static EstimatorSettings Parse(string json)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            return Parse(document.RootElement);
        }
        catch (JsonException error)
        {
            throw new EstimationException($"the estimator's settings are not JSON: {error.Message}");
        }
    }

    /// <inheritdoc cref="Parse(string)"/>
    public static EstimatorSettings Parse(JsonElement json)
    {
        try
        {
            return Read(json);
        }
        catch (PlantException error)
        {
            throw new EstimationException(error.Message);
        }
    }

    public static string Write(EstimatorSettings settings)
    {
        var usual = new EstimatorSettings { Sensors = [] };
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream))
        {
            json.WriteStartObject();
            json.WriteString("kind", Name(settings.Kind));
            Number(json, "period-s", settings.PeriodS, usual.PeriodS);
            Numbers(json, "process-noise", settings.ProcessNoise);
            Numbers(json, "initial-sd", settings.InitialSd);
            Object(json, "bounds", settings.Bounds, bounds =>
            {
                Number(json, "low", bounds.Low, double.NegativeInfinity);
                Number(json, "high", bounds.High, double.PositiveInfinity);
            });
            Object(json, "estimate", settings.Estimate, estimated =>
            {
                json.WriteNumber("sd", estimated.Sd);
                Number(json, "walk", estimated.Walk, 0.0);
                Number(json, "low", estimated.Low, double.NaN);
                Number(json, "high", estimated.High, double.NaN);
            });
            json.WriteStartObject("sensors");
            foreach (var sensor in settings.Sensors) Write(json, sensor);
            json.WriteEndObject();
            Number(json, "lag-window-s", settings.LagWindowS, usual.LagWindowS);
            Number(json, "longest-gap-s", settings.LongestGapS, usual.LongestGapS);
            Number(json, "gate", settings.Gate, usual.Gate);
            Number(json, "nis-window", settings.NisWindow, usual.NisWindow);
            Number(json, "iterations", settings.Iterations, usual.Iterations);
            Number(json, "horizon", settings.Horizon, usual.Horizon);
            Number(json, "members", settings.Members, usual.Members);
            Number(json, "inflation", settings.Inflation, usual.Inflation);
            if (settings.Seed != usual.Seed) json.WriteNumber("seed", settings.Seed);
            if (settings.AllowUnobservable) json.WriteBoolean("allow-unobservable", true);
            json.WriteEndObject();
        }
        return Encoding.UTF8.GetString(stream.ToArray());
    }

    private static void Write(Utf8JsonWriter json, SensorSettings sensor)
    {
        json.WriteStartObject(sensor.Name);
        Numbers(json, "of", sensor.Of);
        Number(json, "offset", sensor.Offset, 0.0);
        json.WriteNumber("noise", sensor.Noise);
        if (sensor.Bias is { } bias)
        {
            json.WriteStartObject("bias");
            json.WriteNumber("sd", bias.Sd);
            Number(json, "walk", bias.Walk, 0.0);
            json.WriteEndObject();
        }
        Number(json, "period-s", sensor.PeriodS, 0.0);
        Number(json, "delay-s", sensor.DelayS, 0.0);
        if (sensor.Laboratory) json.WriteBoolean("laboratory", true);
        Number(json, "low", sensor.Low, double.NegativeInfinity);
        Number(json, "high", sensor.High, double.PositiveInfinity);
        Number(json, "frozen-after", sensor.FrozenAfter, 20);
        json.WriteEndObject();
    }

    private static void Number(Utf8JsonWriter json, string key, double value, double usual)
    {
        if (!value.Equals(usual)) json.WriteNumber(key, value);
    }

    private static void Numbers(Utf8JsonWriter json, string key, ImmutableSortedDictionary<string, double> values)
    {
        if (values.Count == 0) return;
        json.WriteStartObject(key);
        foreach (var (name, value) in values) json.WriteNumber(name, value);
        json.WriteEndObject();
    }

    private static void Object<T>(Utf8JsonWriter json, string key, ImmutableSortedDictionary<string, T> values, Action<T> write)
    {
        if (values.Count == 0) return;
        json.WriteStartObject(key);
        foreach (var (name, value) in values)
        {
            json.WriteStartObject(name);
            write(value);
            json.WriteEndObject();
        }
        json.WriteEndObject();
    }

    private static string Name(EstimatorKind kind) => kind.ToString().ToLowerInvariant();

    private static EstimatorSettings Read(JsonElement json)
    {
        if (json.ValueKind != JsonValueKind.Object)
            throw new EstimationException($"{Root} is {json.GetRawText()}; an object would be right");
        PlantJson.Known(
            json, Root, "kind", "period-s", "process-noise", "initial-sd", "bounds", "estimate", "sensors", "lag-window-s", "longest-gap-s",
            "gate", "nis-window", "iterations", "horizon", "members", "inflation", "seed", "allow-unobservable");
        var usual = new EstimatorSettings { Sensors = [] };
        var sensors = ImmutableArray.CreateBuilder<SensorSettings>();
        foreach (var (name, value) in Members(json, Root, "sensors", true)) sensors.Add(Sensor(name, value));
        return usual with
        {
            Kind = Kind(json),
            PeriodS = Least(json, "period-s", usual.PeriodS, 0.0),
            ProcessNoise = Sorted(PlantJson.Numbers(json, Root, "process-noise")),
            InitialSd = Sorted(PlantJson.Numbers(json, Root, "initial-sd")),
            Bounds = Members(json, Root, "bounds").ToImmutableSortedDictionary(
                static m => m.Name, static m => Bounds(m.Value, $"{Root}.bounds.{m.Name}"), StringComparer.Ordinal),
            Estimate = Members(json, Root, "estimate").ToImmutableSortedDictionary(
                static m => m.Name, static m => Estimated(m.Value, $"{Root}.estimate.{m.Name}"), StringComparer.Ordinal),
            Sensors = sensors.ToImmutable(),
            LagWindowS = Least(json, "lag-window-s", usual.LagWindowS, 0.0),
            LongestGapS = Least(json, "longest-gap-s", usual.LongestGapS, 0.0),
            Gate = Least(json, "gate", usual.Gate, 0.0),
            NisWindow = Whole(json, "nis-window", usual.NisWindow, 2),
            Iterations = Whole(json, "iterations", usual.Iterations, 1),
            Horizon = Whole(json, "horizon", usual.Horizon, 1),
            Members = Whole(json, "members", usual.Members, 2),
            Inflation = Least(json, "inflation", usual.Inflation, 1.0),
            Seed = json.TryGetProperty("seed", out var seed)
                ? seed.ValueKind == JsonValueKind.Number && seed.TryGetUInt64(out var number) ? number
                    : throw Wrong("seed", seed, "a whole number of 0 or more")
                : usual.Seed,
            AllowUnobservable = Flag(json, Root, "allow-unobservable"),
        };
    }

    private static SensorSettings Sensor(string name, JsonElement json)
    {
        var at = $"{Root}.sensors.{name}";
        PlantJson.Known(
            json, at, "of", "offset", "noise", "bias", "period-s", "delay-s", "laboratory", "low", "high", "frozen-after");
        SensorBias? bias = null;
        if (json.TryGetProperty("bias", out var walk))
        {
            if (walk.ValueKind != JsonValueKind.Object)
                throw new EstimationException($"{at}.bias is {walk.GetRawText()}; {{\"sd\": …}} would be right");
            PlantJson.Known(walk, at + ".bias", "sd", "walk");
            bias = new SensorBias(PlantJson.Number(walk, at + ".bias", "sd"), PlantJson.Number(walk, at + ".bias", "walk", 0.0));
        }
        return new SensorSettings(name)
        {
            Of = Sorted(PlantJson.Numbers(json, at, "of")),
            Offset = PlantJson.Number(json, at, "offset", 0.0),
            Noise = PlantJson.Number(json, at, "noise"),
            Bias = bias,
            PeriodS = PlantJson.Number(json, at, "period-s", 0.0),
            DelayS = PlantJson.Number(json, at, "delay-s", 0.0),
            Laboratory = Flag(json, at, "laboratory"),
            Low = PlantJson.Number(json, at, "low", double.NegativeInfinity),
            High = PlantJson.Number(json, at, "high", double.PositiveInfinity),
            FrozenAfter = (int)PlantJson.Number(json, at, "frozen-after", 20),
        };
    }

    private static EstimatedParameter Estimated(JsonElement json, string at)
    {
        PlantJson.Known(json, at, "sd", "walk", "low", "high");
        return new EstimatedParameter(
            PlantJson.Number(json, at, "sd"), PlantJson.Number(json, at, "walk", 0.0), PlantJson.Number(json, at, "low", double.NaN),
            PlantJson.Number(json, at, "high", double.NaN));
    }

    private static StateBounds Bounds(JsonElement json, string at)
    {
        PlantJson.Known(json, at, "low", "high");
        return new StateBounds(
            PlantJson.Number(json, at, "low", double.NegativeInfinity), PlantJson.Number(json, at, "high", double.PositiveInfinity));
    }

    private static EstimatorKind Kind(JsonElement json)
    {
        if (!json.TryGetProperty("kind", out var kind)) return EstimatorKind.Ekf;
        foreach (var value in Enum.GetValues<EstimatorKind>())
        {
            if (kind.ValueKind == JsonValueKind.String && kind.GetString() == Name(value)) return value;
        }
        throw Wrong("kind", kind, string.Join(", ", Enum.GetValues<EstimatorKind>().Select(Name)));
    }

    private static IEnumerable<(string Name, JsonElement Value)> Members(JsonElement json, string at, string key, bool needed = false)
    {
        if (!json.TryGetProperty(key, out var value))
        {
            if (needed) throw new EstimationException($"{at}.{key} is missing; an object with an object per name would be right");
            return [];
        }
        if (value.ValueKind != JsonValueKind.Object || value.EnumerateObject().Any(static m => m.Value.ValueKind != JsonValueKind.Object))
            throw Wrong(key, value, "an object with an object per name");
        return value.EnumerateObject().Select(static m => (m.Name, m.Value));
    }

    private static double Least(JsonElement json, string key, double usual, double least)
    {
        var value = PlantJson.Number(json, Root, key, usual);
        return value >= least ? value
            : throw new EstimationException(string.Create(
                CultureInfo.InvariantCulture, $"{Root}.{key} is {value:R}; a number of {least:R} or more would be right"));
    }

    private static int Whole(JsonElement json, string key, int usual, int least)
    {
        if (!json.TryGetProperty(key, out var value)) return usual;
        return value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var number) && number >= least ? number
            : throw Wrong(key, value, $"a whole number of {least} or more");
    }

    private static bool Flag(JsonElement json, string at, string key)
    {
        if (!json.TryGetProperty(key, out var value)) return false;
        return value.ValueKind is JsonValueKind.True or JsonValueKind.False ? value.GetBoolean()
            : throw new EstimationException($"{at}.{key} is {value.GetRawText()}; true or false would be right");
    }

    private static ImmutableSortedDictionary<string, double> Sorted(Dictionary<string, double> values) =>
        values.ToImmutableSortedDictionary(StringComparer.Ordinal);

    private static EstimationException Wrong(string key, JsonElement value, string right) =>
        new($"{Root}.{key} is {value.GetRawText()}; {right} would be right");
}
