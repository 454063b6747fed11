using System.Collections.Concurrent;
using System.Text.Json;
using Athanor.Compute.Benchmarks;

namespace Athanor.Compute.Plants;

/// <summary>Makes plants from JSON: an object whose one key among the known kinds says which, <c>{"benchmark": NAME, …}</c>.</summary>
public static class PlantModels
{
    private static readonly ConcurrentDictionary<string, Func<JsonElement, PlantModel>> Makers = new(StringComparer.Ordinal)
    {
        ["benchmark"] = Benchmark,
        ["neural"] = NeuralPlants.Create,
    };

    /// <summary>Adds a kind, named by the key that tells it. The maker gets the whole object and must give the same model for the same
    /// JSON. A kind that is there is replaced.</summary>
    public static void Register(string kind, Func<JsonElement, PlantModel> maker) => Makers[kind] = maker;

    /// <exception cref="PlantException">The text is not JSON of a known kind; the message names the key and what would be
    /// right.</exception>
    public static PlantModel Create(string json)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            return Create(document.RootElement);
        }
        catch (JsonException error)
        {
            throw new PlantException($"the model is not JSON: {error.Message}");
        }
    }

    /// <inheritdoc cref="Create(string)"/>
    public static PlantModel Create(JsonElement json)
    {
        if (json.ValueKind != JsonValueKind.Object) throw new PlantException($"model: {Kinds()} would be right, not {json.GetRawText()}");
        foreach (var field in json.EnumerateObject())
        {
            if (Makers.TryGetValue(field.Name, out var maker)) return maker(json);
        }
        throw new PlantException($"model: none of its keys names a kind; {Kinds()} would be right");
    }

    /// <summary>{"benchmark", "inputs": [names], "parameters": [names], "substep-s", "method": "rk4" or "implicit", "constants":
    /// {name: value}}; all but the first may be left out.</summary>
    private static PlantModel Benchmark(JsonElement json)
    {
        PlantJson.Known(json, "model", "benchmark", "inputs", "parameters", "substep-s", PlantMethods.Key, "constants");
        var name = PlantJson.Text(json, "model", "benchmark");
        if (!Catalogue.Has(name))
        {
            throw new PlantException(
                $"model.benchmark: there is no '{name}'; there are {string.Join(", ", Catalogue.All.Select(static p => p.Name))}");
        }
        return PlantModel.Of(
            Catalogue.Find(name), PlantJson.Texts(json, "model", "inputs"), PlantJson.Texts(json, "model", "parameters"),
            PlantJson.Number(json, "model", "substep-s", 0.0), PlantJson.Numbers(json, "model", "constants"),
            method: PlantJson.Method(json));
    }

    private static string Kinds() =>
        "an object with one of the keys " + string.Join(", ", Makers.Keys.Order(StringComparer.Ordinal).Select(static k => $"\"{k}\""));
}

/// <summary>Reads members of a JSON object with messages that name key and what would be right.</summary>
public static class PlantJson
{
    public static void Known(JsonElement json, string at, params ReadOnlySpan<string> known)
    {
        foreach (var field in json.EnumerateObject())
        {
            if (!known.Contains(field.Name))
                throw new PlantException($"{at} has no key '{field.Name}'; valid are {string.Join(", ", known.ToArray())}");
        }
    }

    public static string Text(JsonElement json, string at, string key) =>
        json.TryGetProperty(key, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString()!
            : throw Wrong(json, at, key, "a text");

    /// <summary>An array of texts; absent: empty.</summary>
    public static string[] Texts(JsonElement json, string at, string key)
    {
        if (!json.TryGetProperty(key, out var value)) return [];
        if (value.ValueKind != JsonValueKind.Array) throw Wrong(json, at, key, "an array of names");
        return [.. value.EnumerateArray().Select(
            item => item.ValueKind == JsonValueKind.String ? item.GetString()! : throw Wrong(json, at, key, "an array of names"))];
    }

    /// <summary>The model's "method"; absent: the explicit one.</summary>
    public static PlantMethod Method(JsonElement json) =>
        json.TryGetProperty(PlantMethods.Key, out _) ? PlantMethods.Find(Text(json, "model", PlantMethods.Key)) : PlantMethod.Rk4;

    public static double Number(JsonElement json, string at, string key, double? otherwise = null)
    {
        if (!json.TryGetProperty(key, out var value) && otherwise is { } given) return given;
        return value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out var number) && double.IsFinite(number) ? number
            : throw Wrong(json, at, key, "a finite number");
    }

    /// <summary>An object of numbers by name; absent: empty.</summary>
    public static Dictionary<string, double> Numbers(JsonElement json, string at, string key)
    {
        var numbers = new Dictionary<string, double>();
        if (!json.TryGetProperty(key, out var value)) return numbers;
        if (value.ValueKind != JsonValueKind.Object) throw Wrong(json, at, key, "an object of numbers by name");
        foreach (var field in value.EnumerateObject()) numbers[field.Name] = Number(value, $"{at}.{key}", field.Name);
        return numbers;
    }

    private static PlantException Wrong(JsonElement json, string at, string key, string right) => json.TryGetProperty(key, out var value)
        ? new PlantException($"{at}.{key} is {value.GetRawText()}; {right} would be right")
        : new PlantException($"{at}.{key} is missing; {right} would be right");
}
