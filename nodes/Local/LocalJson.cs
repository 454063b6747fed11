using System.Text.Json;
using System.Text.Json.Serialization;

namespace Athanor.Nodes.Local;

/// <summary>JSON between processes of one build.</summary>
internal static class LocalJson
{
    public static readonly JsonSerializerOptions Options = new(JsonSerializerDefaults.Web)
    {
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.KebabCaseLower) },
    };
}
