using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Athanor.Hosting.Configuration.Hocon;

namespace Athanor.Hosting.Specifications;

/// <summary>A resolved HOCON value as JSON, which is HOCON as well: what was read from a file can be kept and read again elsewhere.</summary>
internal static class HoconJson
{
    private static readonly JsonSerializerOptions Plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static JsonNode? Node(HoconValue value) => value switch
    {
        HoconObject inner => new JsonObject(inner.Fields.Select(static f => KeyValuePair.Create(f.Key, Node(f.Value)))),
        HoconArray array => new JsonArray([.. array.Items.Select(Node)]),
        HoconScalar { Kind: HoconScalarKind.Null } => null,
        HoconScalar { Kind: HoconScalarKind.Boolean } scalar => scalar.Text == "true",
        HoconScalar { Kind: HoconScalarKind.Number } scalar => Number(scalar.Text),
        HoconScalar scalar => scalar.Text,
        _ => throw new HoconException(value.Origin, "a value of this kind is not expected here"),
    };

    /// <summary>With members in ordinal order, so that equal content is equal text.</summary>
    public static string Canonical(JsonNode node) => Sorted(node)!.ToJsonString();

    /// <summary>The same without escapes, for content such as base64 whose '+' would be six characters each.</summary>
    public static string CanonicalPlain(JsonNode node) => Sorted(node)!.ToJsonString(Plain);

    private static JsonNode Number(string text) => long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole)
        ? whole
        : double.Parse(text, CultureInfo.InvariantCulture);

    private static JsonNode? Sorted(JsonNode? node) => node switch
    {
        JsonObject obj => new JsonObject(obj.OrderBy(static field => field.Key, StringComparer.Ordinal)
            .Select(static field => KeyValuePair.Create(field.Key, Sorted(field.Value)))),
        JsonArray array => new JsonArray([.. array.Select(Sorted)]),
        _ => node?.DeepClone(),
    };
}
