using System.Globalization;
using System.Text.Json.Nodes;
using Athanor.Hosting.Configuration.Hocon;

namespace Athanor.Nodes.Cli.Training;

/// <summary>The keys of one object of a training file; what is wrong is named by file, line and key.</summary>
/// <param name="obj">Null for one that is not there: every key then has its default.</param>
internal sealed class RunKeys(HoconObject? obj, string at)
{
    public HoconObject Value => obj!;

    public bool Has(string key) => obj is not null && obj.TryGet(key, out _);

    /// <exception cref="UserException">A key is not among these.</exception>
    public void Check(params string[] known)
    {
        foreach (var (key, _) in obj?.Fields ?? [])
        {
            if (!known.Contains(key)) throw new UserException(
                $"{obj!.KeyOrigin(key)}: there is no key '{at}{key}'; valid are {string.Join(", ", known)}");
        }
    }

    public string Text(string key, string otherwise)
    {
        if (!Has(key)) return otherwise;
        obj!.TryGet(key, out var value);
        return value is HoconScalar scalar ? scalar.Text : throw Wrong(key, "is no text");
    }

    public T Number<T>(string key, T otherwise)
        where T : struct, ISpanParsable<T> => Has(key) ? Number<T>(key) : otherwise;

    public T Number<T>(string key)
        where T : struct, ISpanParsable<T>
    {
        if (!Has(key)) throw new UserException($"{obj?.Origin}: '{at}{key}' is missing; a number would be right");
        obj!.TryGet(key, out var value);
        if (value is HoconScalar scalar && T.TryParse(scalar.Text, CultureInfo.InvariantCulture, out var number)) return number;
        throw Wrong(key, $"is '{value}'; a {(typeof(T) == typeof(double) ? "number" : "whole number")} would be right");
    }

    public bool Flag(string key, bool otherwise)
    {
        if (!Has(key)) return otherwise;
        obj!.TryGet(key, out var value);
        return value is HoconScalar { Text: "true" or "false" } scalar ? scalar.Text == "true"
            : throw Wrong(key, $"is '{value}'; true or false would be right");
    }

    public TimeSpan Duration(string key, TimeSpan otherwise)
    {
        if (!Has(key)) return otherwise;
        obj!.TryGet(key, out var value);
        if (value is not HoconScalar scalar) throw Wrong(key, "is no duration; one such as 30s would be right");
        return HoconUnits.TryParseDuration(scalar.Text, "s", out var duration, out var problem) ? duration
            : throw Wrong(key, $"is no duration: {problem}");
    }

    /// <summary>A value of an enum by its name in small letters.</summary>
    public T OneOf<T>(string key, T otherwise)
        where T : struct, Enum
    {
        if (!Has(key)) return otherwise;
        obj!.TryGet(key, out var value);
        foreach (var one in Enum.GetValues<T>())
        {
            if (value is HoconScalar scalar && scalar.Text == one.ToString().ToLowerInvariant()) return one;
        }
        var names = string.Join(", ", Enum.GetNames<T>().Select(static name => name.ToLowerInvariant()));
        throw Wrong(key, $"is '{value}'; one of {names} would be right");
    }

    public RunKeys Object(string key, bool optional = false)
    {
        if (!Has(key))
        {
            return optional ? new RunKeys(null, $"{at}{key}.")
                : throw new UserException($"{obj?.Origin}: '{at}{key}' is missing; an object {{ ... }} would be right");
        }
        obj!.TryGet(key, out var value);
        return value is HoconObject inner ? new RunKeys(inner, $"{at}{key}.") : throw Wrong(key, "is no object { ... }");
    }

    public IEnumerable<RunKeys> Objects(string key)
    {
        if (!Has(key)) return [];
        obj!.TryGet(key, out var value);
        if (value is not HoconArray array) throw Wrong(key, "is no list [ { ... } ]");
        return array.Items.Select((item, i) => item is HoconObject inner
            ? new RunKeys(inner, string.Create(CultureInfo.InvariantCulture, $"{at}{key}[{i}]."))
                : throw Wrong(key, "must hold objects { ... } only"));
    }

    public static string[] Texts(HoconValue value, string key) => value is HoconArray array
        && array.Items.All(static item => item is HoconScalar)
        ? [.. array.Items.Select(static item => ((HoconScalar)item).Text)]
        : throw new UserException($"{value.Origin}: '{key}' is no list of texts");

    public UserException Wrong(string key, string what) => new($"{obj!.KeyOrigin(key)}: '{at}{key}' {what}");
}

/// <summary>HOCON as canonical JSON: keys in ordinal order, numbers as they round-trip.</summary>
internal static class RunJson
{
    /// <param name="table">What becomes of the keys <c>file</c> and <c>files</c>, which <c>table</c> and <c>tables</c> take the place
    /// of.</param>
    public static JsonObject Object(HoconObject from, Func<HoconValue, HoconObject, string> table)
    {
        var json = new JsonObject();
        foreach (var (key, value) in from.Fields)
        {
            switch (key)
            {
                case "file":
                    json["table"] = table(value, from);
                    break;
                case "files" when value is HoconArray array:
                    json["tables"] = new JsonArray([.. array.Items.Select(item => (JsonNode)table(item, from))]);
                    break;
                case "columns" or "header" when from.TryGet("file", out _) || from.TryGet("files", out _):
                    // It only says what is read.
                    break;
                default:
                    json[key] = Node(value, table);
                    break;
            }
        }
        return json;
    }

    public static string Text(JsonNode node) => Sorted(node)!.ToJsonString();

    private static JsonNode? Node(HoconValue value, Func<HoconValue, HoconObject, string> table) => value switch
    {
        HoconObject inner => Object(inner, table),
        HoconArray array => new JsonArray([.. array.Items.Select(item => Node(item, table))]),
        HoconScalar { Kind: HoconScalarKind.Null } => null,
        HoconScalar { Kind: HoconScalarKind.Boolean } scalar => scalar.Text == "true",
        HoconScalar { Kind: HoconScalarKind.Number } scalar => Number(scalar),
        HoconScalar scalar => scalar.Text,
        _ => throw new UserException($"{value.Origin}: a value of this kind is not expected here"),
    };

    private static JsonNode Number(HoconScalar scalar)
    {
        if (long.TryParse(scalar.Text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole)) return whole;
        var number = double.Parse(scalar.Text, CultureInfo.InvariantCulture);
        return double.IsFinite(number) ? number : throw new UserException($"{scalar.Origin}: {scalar.Text} is too large for a number");
    }

    private static JsonNode? Sorted(JsonNode? node) => node switch
    {
        JsonObject obj => new JsonObject(obj.OrderBy(static field => field.Key, StringComparer.Ordinal)
            .Select(static field => KeyValuePair.Create(field.Key, Sorted(field.Value)))),
        JsonArray array => new JsonArray([.. array.Select(Sorted)]),
        _ => node?.DeepClone(),
    };
}
