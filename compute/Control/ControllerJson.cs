using System.Text.Json;
using System.Text.Json.Serialization;

namespace Athanor.Compute.Control;

/// <summary><see cref="ControllerSettings"/> as JSON: kebab-case keys in one order, nothing but what is set, numbers in their shortest
/// form, so that equal settings are equal text.</summary>
public static class ControllerJson
{
    private static readonly JsonSerializerOptions Options = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.KebabCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        RespectNullableAnnotations = true,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.KebabCaseLower, allowIntegerValues: false) },
    };

    public static string Write(ControllerSettings settings) => JsonSerializer.Serialize(settings, Options);

    /// <exception cref="ControlException">The text is no such settings; the message names the key.</exception>
    public static ControllerSettings Read(string json)
    {
        try
        {
            return JsonSerializer.Deserialize<ControllerSettings>(json, Options)
                ?? throw new ControlException("the controller's settings are null; a JSON object would be right");
        }
        catch (JsonException error)
        {
            throw new ControlException($"the controller's settings: {error.Message}", error);
        }
    }
}
