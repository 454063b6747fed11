using System.Globalization;
using System.Text.Json;
using Spectre.Console;

namespace Athanor.Nodes.Cli.Training;

/// <summary>Runs side by side: where each stands, the settings in which they differ, their figures.</summary>
internal static class RunComparison
{
    public static Table Of(IReadOnlyList<RunReading> readings)
    {
        var table = new Table().Border(TableBorder.Rounded).AddColumn("");
        foreach (var reading in readings) table.AddColumn(Markup.Escape(reading.Address.Id));
        Row("phase", readings.Select(static r => r.Phase.ToString().ToLowerInvariant()));
        Row("step", readings.Select(static r => $"{r.Step} of {r.Steps}"));
        var settings = readings.Select(Settings).ToArray();
        foreach (var name in settings.SelectMany(static s => s.Keys).Distinct().Order(StringComparer.Ordinal))
        {
            string[] values = [.. settings.Select(s => s.GetValueOrDefault(name, "-"))];
            if (values.Distinct().Count() > 1) Row(name, values);
        }
        foreach (var name in readings.SelectMany(static r => r.Metrics.Keys).Distinct().Order(StringComparer.Ordinal))
        {
            Row(name, readings.Select(r => r.Metrics.TryGetValue(name, out var value) ? value.ToString("G6", CultureInfo.InvariantCulture)
                : "-"));
        }
        Row("weights", readings.Select(static r => r.Weights.Length > 12 ? r.Weights[..12] : "-"));
        return table;

        void Row(string name, IEnumerable<string> values) =>
            table.AddRow([new Text(name), .. values.Select(static value => new Text(value))]);
    }

    /// <summary>A spec's settings by path, as text.</summary>
    internal static Dictionary<string, string> Settings(RunReading reading)
    {
        var settings = new Dictionary<string, string>(StringComparer.Ordinal) { ["model.kind"] = reading.Model };
        if (reading.View is not { Spec: var spec }) return settings;
        Walk("model", spec.Model);
        Walk("data", spec.Data);
        Walk("training", JsonSerializer.Serialize(spec with { Model = "", Data = "", Tables = [], Registers = "" }));
        foreach (var without in new[] { "training.Model", "training.Data", "training.Registers" }) settings.Remove(without);
        return settings;

        void Walk(string at, string json)
        {
            using var document = JsonDocument.Parse(json);
            Add(at, document.RootElement);
        }

        void Add(string at, JsonElement value)
        {
            if (value.ValueKind == JsonValueKind.Object)
            {
                foreach (var field in value.EnumerateObject()) Add($"{at}.{field.Name}", field.Value);
            }
            else
            {
                settings[at] = value.ValueKind == JsonValueKind.String ? value.GetString()! : value.GetRawText();
            }
        }
    }
}
