using System.Collections.Concurrent;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Athanor.Protocol;

namespace Athanor.Hosting.Runtime;

/// <summary>States and other messages as JSON, for people: camel case, enums by name, NaN and infinity named.</summary>
public static class StateJson
{
    private static readonly JsonSerializerOptions Options = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.KebabCaseLower), new ByRuntimeType() },
    };

    public static string Write(IMessage message) => JsonSerializer.Serialize(message, message.GetType(), Options);

    /// <summary>Members typed as a marker interface are written as what they are; the serializer alone would write empty objects.</summary>
    private sealed class ByRuntimeType : JsonConverterFactory
    {
        private static readonly ConcurrentDictionary<Type, JsonConverter> Made = new();

        public override bool CanConvert(Type type) => type.IsInterface && typeof(IMessage).IsAssignableFrom(type);

        public override JsonConverter CreateConverter(Type type, JsonSerializerOptions options) => Made.GetOrAdd(
            type, static t => (JsonConverter)Activator.CreateInstance(typeof(Converter<>).MakeGenericType(t))!);

        private sealed class Converter<T> : JsonConverter<T>
            where T : IMessage
        {
            public override T Read(ref Utf8JsonReader reader, Type type, JsonSerializerOptions options) => throw new NotSupportedException();

            public override void Write(Utf8JsonWriter writer, T value, JsonSerializerOptions options) =>
                JsonSerializer.Serialize(writer, value, value.GetType(), options);
        }
    }
}
