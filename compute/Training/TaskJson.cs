using System.Text.Json;

namespace Athanor.Compute.Training;

/// <summary>Reads a model's or data's JSON with messages that name the key and what would be right.</summary>
public static class TaskJson
{
    /// <exception cref="TrainingException">A key is not among <paramref name="known"/>.</exception>
    public static void CheckKeys(JsonElement json, string at, params ReadOnlySpan<string> known)
    {
        foreach (var field in json.EnumerateObject())
        {
            if (!known.Contains(field.Name))
                throw new TrainingException($"{at} has no key '{field.Name}'; valid are {string.Join(", ", known.ToArray())}");
        }
    }

    public static double Number(JsonElement json, string at, string key, double? otherwise = null)
    {
        if (!json.TryGetProperty(key, out var value)) return otherwise ?? throw Missing(at, key, "a number");
        if (value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out var number) && double.IsFinite(number)) return number;
        throw Wrong(at, key, value, "a finite number");
    }

    public static int Integer(JsonElement json, string at, string key, int? otherwise = null)
    {
        if (!json.TryGetProperty(key, out var value)) return otherwise ?? throw Missing(at, key, "a whole number");
        return value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var number) ? number
            : throw Wrong(at, key, value, "a whole number");
    }

    public static string Text(JsonElement json, string at, string key, string? otherwise = null)
    {
        if (!json.TryGetProperty(key, out var value)) return otherwise ?? throw Missing(at, key, "text");
        return value.ValueKind == JsonValueKind.String ? value.GetString()! : throw Wrong(at, key, value, "text");
    }

    /// <summary>An array of texts, or one text alone.</summary>
    public static string[] Texts(JsonElement json, string at, string key, string[]? otherwise = null)
    {
        if (!json.TryGetProperty(key, out var value)) return otherwise ?? throw Missing(at, key, "an array of texts");
        if (value.ValueKind == JsonValueKind.String) return [value.GetString()!];
        if (value.ValueKind != JsonValueKind.Array) throw Wrong(at, key, value, "an array of texts");
        return [.. value.EnumerateArray().Select(
            item => item.ValueKind == JsonValueKind.String ? item.GetString()! : throw Wrong(at, key, value, "an array of texts"))];
    }

    /// <summary>An array of whole numbers, or one alone.</summary>
    public static int[] Integers(JsonElement json, string at, string key, int[]? otherwise = null)
    {
        if (!json.TryGetProperty(key, out var value)) return otherwise ?? throw Missing(at, key, "an array of whole numbers");
        if (value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var one)) return [one];
        if (value.ValueKind != JsonValueKind.Array) throw Wrong(at, key, value, "an array of whole numbers");
        return [.. value.EnumerateArray().Select(
            item => item.ValueKind == JsonValueKind.Number && item.TryGetInt32(out var number)
                ? number
                : throw Wrong(at, key, value, "an array of whole numbers"))];
    }

    private static TrainingException Missing(string at, string key, string right) =>
        new($"{at}.{key} is missing; {right} would be right");

    private static TrainingException Wrong(string at, string key, JsonElement value, string right) =>
        new($"{at}.{key} is {value.GetRawText()}; {right} would be right");
}
