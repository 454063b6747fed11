using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;
using Athanor.Compute.Training;

namespace Athanor.Compute.Neural.Models;

/// <summary>
/// A <see cref="ModelSpecification"/> as JSON. <see cref="Write"/> gives canonical text (keys in one order, numbers in their shortest form)
/// that holds everything; <see cref="Read"/> takes it back, and also a shorter one in which scales are left out (0 offset, 1 scale) until
/// <see cref="Normalised"/> fills them in from data.
/// </summary>
public static class ModelJson
{
    private static readonly string[] StateKeys = ["name", "positive", "observed", "start", "offset", "scale"];
    private static readonly string[] ReactorKeys =
        ["dilution", "feed", "reactions", "temperature", "feed-temperature", "coolant", "jacket", "jacket-heat", "capacity-ratio", "rises",
        "exchange"];

    /// <exception cref="TrainingException">The text is no such model; the message names the key.</exception>
    public static ModelSpecification Read(string json)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            return Read(document.RootElement);
        }
        catch (JsonException e)
        {
            throw new TrainingException($"the model is not valid JSON: {e.Message}", e);
        }
    }

    /// <exception cref="TrainingException">As above.</exception>
    public static ModelSpecification Read(JsonElement json)
    {
        if (json.ValueKind != JsonValueKind.Object) throw new TrainingException("the model must be a JSON object");
        TaskJson.CheckKeys(
            json, "model", "kind", "states", "controls", "hidden", "activation", "time-scale", "known", "reactor", "lags", "loss");
        var activation = TaskJson.Text(json, "model", "activation", "tanh");
        if (!Enum.TryParse<Activation>(activation, true, out var function) || activation != Name(function))
        {
            throw new TrainingException(
                $"model.activation is '{activation}'; "
                + $"one of {string.Join(", ", Enum.GetValues<Activation>().Select(Name))} would be right");
        }
        return new ModelSpecification(
            TaskJson.Text(json, "model", "kind"), Items(json, "model", "states", State), Items(json, "model", "controls", Control),
            [.. TaskJson.Integers(json, "model", "hidden", [32, 32])], function, TaskJson.Number(json, "model", "time-scale", 1.0),
            json.TryGetProperty("known", out _) ? TaskJson.Text(json, "model", "known") : null,
            json.TryGetProperty("reactor", out var reactor) ? Reactor(reactor) : null,
            Items(json, "model", "lags", static item => Finite(item, "model.lags")));
    }

    /// <summary>Canonical text.</summary>
    public static string Write(ModelSpecification model)
    {
        var json = new JsonObject
        {
            ["kind"] = model.Kind,
            ["states"] = new JsonArray([.. model.States.Select(s => new JsonObject
            {
                ["name"] = s.Name,
                ["positive"] = s.Positive,
                ["observed"] = s.Observed,
                ["start"] = s.Start switch
                {
                    StateStart.Measured => "measured",
                    StateStart.Learned => "learned",
                    _ => (JsonNode)s.StartValue,
                },
                ["offset"] = s.Offset,
                ["scale"] = s.Scale,
            })]),
            ["controls"] = new JsonArray([.. model.Controls.Select(
                c => new JsonObject { ["name"] = c.Name, ["offset"] = c.Offset, ["scale"] = c.Scale })]),
            ["hidden"] = new JsonArray([.. model.Hidden.Select(h => (JsonNode)h)]),
            ["activation"] = Name(model.Activation),
            ["time-scale"] = model.TimeScale,
        };
        if (model.Known is not null) json["known"] = model.Known;
        if (model.Lags.Length > 0) json["lags"] = new JsonArray([.. model.Lags.Select(l => (JsonNode)l)]);
        if (model.Reactor is { } r)
        {
            var reactor = new JsonObject
            {
                ["dilution"] = Node(r.Dilution),
                ["feed"] = new JsonObject(r.Feed.Select(f => KeyValuePair.Create<string, JsonNode?>(f.Key, Node(f.Value)))),
                ["reactions"] = new JsonArray([.. r.Reactions.Select(
                    q => new JsonObject { ["consumes"] = Amounts(q.Consumes), ["produces"] = Amounts(q.Produces) })]),
            };
            if (r.Temperature is not null)
            {
                reactor["temperature"] = r.Temperature;
                reactor["feed-temperature"] = Node(r.FeedTemperature);
            }
            if (r.Coolant is { } coolant) reactor["coolant"] = Node(coolant);
            if (r.Jacket is not null)
            {
                reactor["jacket"] = r.Jacket;
                reactor["jacket-heat"] = Node(r.JacketHeat);
                reactor["capacity-ratio"] = r.CapacityRatio;
            }
            if (!r.Rises.IsEmpty)
            {
                reactor["rises"] = new JsonArray([.. r.Rises.Select(rise => (JsonNode)rise)]);
                reactor["exchange"] = r.Exchange;
            }
            json["reactor"] = reactor;
        }
        return json.ToJsonString();
    }

    /// <summary>With offsets and scales of everything observed, and of the controls, from these records: mean and standard deviation (1 for
    /// what never changes). Those of states that nobody measures stay.</summary>
    public static ModelSpecification Normalised(ModelSpecification model, IReadOnlyList<ProcessRecord> records)
    {
        int outputs = model.States.Count(s => s.Observed), column = 0;
        var states = model.States.Select(s =>
        {
            if (!s.Observed) return s;
            var (mean, deviation) = Moments(records.Select(r => r.Outputs), column++, outputs);
            return s with { Offset = mean, Scale = deviation };
        }).ToImmutableArray();
        var controls = model.Controls.Select((c, i) =>
        {
            var (mean, deviation) = Moments(records.Select(r => r.Controls), i, model.Controls.Length);
            return c with { Offset = mean, Scale = deviation };
        }).ToImmutableArray();
        return model with { States = states, Controls = controls };
    }

    private static (double Mean, double Deviation) Moments(IEnumerable<double[]> tables, int column, int width)
    {
        double sum = 0.0, squares = 0.0;
        var count = 0;
        foreach (var table in tables)
        {
            for (var i = column; i < table.Length; i += width, count++) sum += table[i];
        }
        var mean = sum / count;
        foreach (var table in tables)
        {
            for (var i = column; i < table.Length; i += width) squares += (table[i] - mean) * (table[i] - mean);
        }
        var deviation = Math.Sqrt(squares / count);
        return (mean, deviation > 1e-12 * Math.Abs(mean) ? deviation : 1.0);
    }

    private static StateSpecification State(JsonElement json)
    {
        if (json.ValueKind == JsonValueKind.String)
            return new StateSpecification(json.GetString()!, false, true, StateStart.Measured, 0.0, 0.0, 1.0);
        if (json.ValueKind != JsonValueKind.Object)
            throw new TrainingException(
                $"model.states holds {json.GetRawText()}; a name or an object would be right");
        TaskJson.CheckKeys(json, "model.states", StateKeys);
        var observed = Flag(json, "observed", true);
        var (start, value) = (observed ? StateStart.Measured : StateStart.Given, 0.0);
        if (json.TryGetProperty("start", out var given))
        {
            (start, value) = given.ValueKind switch
            {
                JsonValueKind.String when given.GetString() == "measured" => (StateStart.Measured, 0.0),
                JsonValueKind.String when given.GetString() == "learned" => (StateStart.Learned, 0.0),
                JsonValueKind.Number => (StateStart.Given, Finite(given, "model.states.start")),
                _ => throw new TrainingException(
                    $"model.states.start is {given.GetRawText()}; a number, \"measured\" or \"learned\" would be right"),
            };
        }
        return new StateSpecification(
            TaskJson.Text(json, "model.states", "name"), Flag(json, "positive", false), observed, start, value,
            TaskJson.Number(json, "model.states", "offset", 0.0), TaskJson.Number(json, "model.states", "scale", 1.0));
    }

    private static ControlSpecification Control(JsonElement json)
    {
        if (json.ValueKind == JsonValueKind.String) return new ControlSpecification(json.GetString()!, 0.0, 1.0);
        if (json.ValueKind != JsonValueKind.Object)
            throw new TrainingException(
                $"model.controls holds {json.GetRawText()}; a name or an object would be right");
        TaskJson.CheckKeys(json, "model.controls", "name", "offset", "scale");
        return new ControlSpecification(
            TaskJson.Text(json, "model.controls", "name"), TaskJson.Number(json, "model.controls", "offset", 0.0),
            TaskJson.Number(json, "model.controls", "scale", 1.0));
    }

    private static ReactorSpecification Reactor(JsonElement json)
    {
        const string at = "model.reactor";
        if (json.ValueKind != JsonValueKind.Object) throw new TrainingException("model.reactor must be an object");
        TaskJson.CheckKeys(json, at, ReactorKeys);
        var feed = ImmutableSortedDictionary.CreateBuilder<string, Quantity>(StringComparer.Ordinal);
        if (json.TryGetProperty("feed", out var feeds))
        {
            foreach (var item in feeds.EnumerateObject()) feed[item.Name] = Quantity(item.Value, $"{at}.feed.{item.Name}");
        }
        return new ReactorSpecification(
            Of("dilution") ?? new Quantity(0.0), feed.ToImmutable(),
            Items(json, at, "reactions", static item =>
            {
                TaskJson.CheckKeys(item, "model.reactor.reactions", "consumes", "produces");
                return new ReactionSpecification(Amounts(item, "consumes"), Amounts(item, "produces"));
            }),
            Text("temperature"), Of("feed-temperature") ?? new Quantity(0.0), Of("coolant"), Text("jacket"),
            Of("jacket-heat") ?? new Quantity(0.0), TaskJson.Number(json, at, "capacity-ratio", 1.0))
        {
            Rises = Items(json, at, "rises", static item => Finite(item, "model.reactor.rises")),
            Exchange = TaskJson.Number(json, at, "exchange", 0.0),
        };

        Quantity? Of(string key) => json.TryGetProperty(key, out var value) ? Quantity(value, $"{at}.{key}") : null;

        string? Text(string key) => json.TryGetProperty(key, out _) ? TaskJson.Text(json, at, key) : null;
    }

    private static Quantity Quantity(JsonElement json, string at) =>
        json.ValueKind == JsonValueKind.String ? new Quantity(0.0, json.GetString()) : new Quantity(Finite(json, at));

    private static ImmutableSortedDictionary<string, double> Amounts(JsonElement json, string key)
    {
        var result = ImmutableSortedDictionary.CreateBuilder<string, double>(StringComparer.Ordinal);
        if (!json.TryGetProperty(key, out var amounts)) return result.ToImmutable();
        foreach (var item in amounts.EnumerateObject())
            result[item.Name] = Finite(item.Value, $"model.reactor.reactions.{key}.{item.Name}");
        return result.ToImmutable();
    }

    private static JsonObject Amounts(ImmutableSortedDictionary<string, double> amounts) =>
        new(amounts.Select(a => KeyValuePair.Create<string, JsonNode?>(a.Key, a.Value)));

    private static JsonNode Node(Quantity quantity) => quantity.Control is { } name ? name : (JsonNode)quantity.Value;

    private static ImmutableArray<TItem> Items<TItem>(JsonElement json, string at, string key, Func<JsonElement, TItem> read)
    {
        if (!json.TryGetProperty(key, out var items)) return [];
        if (items.ValueKind != JsonValueKind.Array)
            throw new TrainingException(
                $"{at}.{key} is {items.GetRawText()}; an array would be right");
        return [.. items.EnumerateArray().Select(read)];
    }

    private static bool Flag(JsonElement json, string key, bool otherwise) => !json.TryGetProperty(key, out var value)
        ? otherwise
        : value.ValueKind is JsonValueKind.True or JsonValueKind.False
            ? value.GetBoolean()
            : throw new TrainingException($"model.states.{key} is {value.GetRawText()}; true or false would be right");

    private static double Finite(JsonElement json, string at) =>
        json.ValueKind == JsonValueKind.Number && json.TryGetDouble(out var number) && double.IsFinite(number)
            ? number
            : throw new TrainingException($"{at} is {json.GetRawText()}; a finite number would be right");

    private static string Name(Activation activation) => activation.ToString().ToLowerInvariant();
}
