using System.Collections.Immutable;
using System.Text.Json;

namespace Athanor.Compute.Tensors;

/// <summary>The JSON header of a safetensors file, as its schema has it: no unknown field, no key twice.</summary>
internal static class SafeTensorsHeader
{
    internal sealed record Entry(string Name, SafeTensorType Type, ulong[] Shape, ulong Begin, ulong End);

    public static (List<Entry> Tensors, ImmutableSortedDictionary<string, string> Metadata) Parse(ReadOnlyMemory<byte> header)
    {
        try
        {
            using var json = JsonDocument.Parse(header);
            if (json.RootElement.ValueKind != JsonValueKind.Object) throw Error("the header must be an object");
            var tensors = new List<Entry>();
            var names = new HashSet<string>(StringComparer.Ordinal);
            var metadata = ImmutableSortedDictionary.Create<string, string>(StringComparer.Ordinal);
            foreach (var field in json.RootElement.EnumerateObject())
            {
                if (!names.Add(field.Name)) throw Error($"'{field.Name}' stands twice in the header");
                if (field.Name == "__metadata__") metadata = Metadata(field.Value);
                else tensors.Add(Tensor(field.Name, field.Value));
            }
            return (tensors, metadata);
        }
        catch (JsonException error)
        {
            throw Error($"the header is not valid JSON: {error.Message}", error);
        }
        catch (InvalidOperationException error)
        {
            // A string with half of a surrogate pair is JSON, but no text.
            throw Error($"a string in the header is no text: {error.Message}", error);
        }
    }

    private static ImmutableSortedDictionary<string, string> Metadata(JsonElement json)
    {
        if (json.ValueKind != JsonValueKind.Object) throw Error("__metadata__ must be an object of strings");
        var metadata = ImmutableSortedDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        foreach (var field in json.EnumerateObject())
        {
            if (field.Value.ValueKind != JsonValueKind.String) throw Error($"__metadata__ '{field.Name}' must be a string");
            if (!metadata.TryAdd(field.Name, field.Value.GetString()!)) throw Error($"__metadata__ has '{field.Name}' twice");
        }
        return metadata.ToImmutable();
    }

    private static Entry Tensor(string name, JsonElement json)
    {
        if (json.ValueKind != JsonValueKind.Object) throw Error($"'{name}' must be an object of dtype, shape and data_offsets");
        SafeTensorType? type = null;
        ulong[]? shape = null;
        ulong[]? offsets = null;
        foreach (var field in json.EnumerateObject())
        {
            switch (field.Name)
            {
                case "dtype" when type is null && field.Value.ValueKind == JsonValueKind.String:
                    var text = field.Value.GetString()!;
                    type = SafeTensorTypes.Parse(text)
                        ?? throw Error($"'{name}' has the dtype '{text}'; there are {SafeTensorTypes.Names}");
                    break;
                case "shape" when shape is null:
                    shape = Numbers(name, field);
                    break;
                case "data_offsets" when offsets is null:
                    offsets = Numbers(name, field);
                    break;
                default:
                    throw Error($"'{name}' has a field '{field.Name}' that is unknown, wrong or there twice");
            }
        }
        if (type is null || shape is null || offsets is not [var begin, var end])
            throw Error($"'{name}' must have dtype, shape and two data_offsets");
        return new Entry(name, type.Value, shape, begin, end);
    }

    private static ulong[] Numbers(string name, JsonProperty field)
    {
        if (field.Value.ValueKind != JsonValueKind.Array) throw Error($"'{name}' must have an array as its {field.Name}");
        return [.. field.Value.EnumerateArray().Select(item => item.ValueKind == JsonValueKind.Number && item.TryGetUInt64(out var number)
            ? number
            : throw Error($"'{name}' has in its {field.Name} what is no whole number from 0 up: {item.GetRawText()}"))];
    }

    private static SafeTensorsException Error(string problem, Exception? inner = null) =>
        new(SafeTensorsError.InvalidHeaderDeserialization, problem, inner);
}
