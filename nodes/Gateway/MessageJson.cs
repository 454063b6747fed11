using System.Collections.Immutable;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Athanor.Hosting.Runtime;
using Athanor.Protocol;

namespace Athanor.Nodes.Gateway;

/// <summary>
/// Messages as JSON, for scripts and people: <c>{"kind": "twins.measure", "body": {...}}</c>, members in camel case, enums by name. Reading
/// is strict: an unknown member, a missing one and a number that is not finite are errors that name the place.
/// </summary>
internal static class MessageJson
{
    public const string ContentType = "application/json";

    private static readonly JsonSerializerOptions Strict = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.KebabCaseLower, allowIntegerValues: false) },
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        RespectRequiredConstructorParameters = true,
        RespectNullableAnnotations = true,
        AllowDuplicateProperties = false,
    };

    public static bool Is(string? mediaType) => mediaType?.StartsWith(ContentType, StringComparison.OrdinalIgnoreCase) == true;

    public static byte[] Write(IMessage message, MessageRegistry messages) => Encoding.UTF8.GetBytes(
        $"{{\"kind\":{JsonSerializer.Serialize(messages.KindOf(message))},\"version\":{messages.VersionOf(message)},\"body\":{StateJson.Write(message)}}}");

    /// <exception cref="GatewayException">400: it is no message; the detail names the place.</exception>
    public static IMessage Read(ReadOnlySpan<byte> json, MessageRegistry messages)
    {
        try
        {
            var envelope = JsonSerializer.Deserialize<Envelope>(json, Strict)
                ?? throw new GatewayException(400, "the body is null", Expected);
            ImmutableArray<MessageKind> named = [.. messages.Kinds.Where(k => k.Name == envelope.Kind)];
            if (named.IsEmpty) throw new GatewayException(400, $"there is no message kind '{envelope.Kind}'", Expected);
            var kind = envelope.Version is { } version
                ? named.FirstOrDefault(k => k.Version == version) is { Type: not null } found
                    ? found
                    : throw new GatewayException(400, $"{envelope.Kind} has no version {version}", $"it has {string.Join(", ", named.Select(k => k.Version))}")
                : named[^1];
            return (IMessage)envelope.Body.Deserialize(kind.Type, Strict)!;
        }
        catch (JsonException e)
        {
            throw new GatewayException(400, $"the JSON is no message: {e.Message}", Expected);
        }
        catch (NotSupportedException)
        {
            throw new GatewayException(400, "this kind holds another message and cannot be written as JSON", "send it as MessagePack");
        }
    }

    private const string Expected = "{\"kind\": \"twins.measure\", \"body\": {...}}, every member of the body there";

    private sealed record Envelope(string Kind, JsonElement Body, int? Version = null);
}
