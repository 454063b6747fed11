using System.Text.Json;

namespace Athanor.Compute.Exchange;

/// <summary>Reads a model's JSON with messages that name the key and what would be right.</summary>
internal static class ModelKeys
{
    public static string Text(JsonElement json, string key) =>
        json.TryGetProperty(key, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString()! : throw Wrong(json, key, "a text");

    public static double Number(JsonElement json, string key) =>
        json.TryGetProperty(key, out var value) ? Number(json, key, value) : throw Wrong(json, key, "a number");

    public static string[] Texts(JsonElement json, string key) =>
        [.. Items(json, key, "an array of texts").Select(item => item.ValueKind == JsonValueKind.String ? item.GetString()! : throw Wrong(json, key, "an array of texts"))];

    public static double[] Numbers(JsonElement json, string key) => [.. Items(json, key, "an array of numbers").Select(item => Number(json, key, item))];

    public static int[] Integers(JsonElement json, string key) =>
    [
        .. Items(json, key, "an array of whole numbers").Select(item => item.ValueKind == JsonValueKind.Number && item.TryGetInt32(out var number)
            ? number
            : throw Wrong(json, key, "an array of whole numbers")),
    ];

    public static IEnumerable<JsonElement> Items(JsonElement json, string key, string what) =>
        json.TryGetProperty(key, out var value) && value.ValueKind == JsonValueKind.Array ? value.EnumerateArray() : throw Wrong(json, key, what);

    /// <summary>Means and deviations of as many columns as there are names.</summary>
    public static (double[] Means, double[] Deviations) Scales(JsonElement json, string means, string deviations, int count)
    {
        var (m, d) = (Numbers(json, means), Numbers(json, deviations));
        if (m.Length != count || d.Length != count)
            throw new ExchangeException($"the model has {count} columns, and {means} has {m.Length} values, {deviations} {d.Length}");
        return Array.TrueForAll(d, static value => value > 0)
            ? (m, d)
            : throw new ExchangeException($"one of the model's {deviations} is not above 0");
    }

    private static double Number(JsonElement json, string key, JsonElement value) =>
        value.ValueKind == JsonValueKind.Number && double.IsFinite(value.GetDouble()) ? value.GetDouble() : throw Wrong(json, key, "a finite number");

    private static ExchangeException Wrong(JsonElement json, string key, string what) => new(json.TryGetProperty(key, out var value)
        ? $"the model's {key} is {Brief(value.GetRawText())}; {what} would be right"
        : $"the model's {key} is missing; {what} would be right");

    private static string Brief(string text) => text.Length > 60 ? text[..60] + "..." : text;
}
