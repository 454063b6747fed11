using System.Collections.Immutable;
using System.Text.Json;
using Athanor.Compute.Tensors;

namespace Athanor.Compute.Exchange;

/// <summary>
/// A version's blob: a safetensors file of weights, whose metadata hold under <c>athanor.model</c> what the model is, as JSON with its
/// <c>kind</c>. Files without that key are read too, as tensors that nothing is known of.
/// </summary>
/// <param name="Kind">Empty without <c>athanor.model</c>.</param>
/// <param name="Model">The JSON; null without.</param>
/// <param name="Tensors">The weights; what a checkpoint keeps beside them is left out.</param>
/// <param name="Inputs">Names of what the model is given; empty if it is not known.</param>
/// <param name="Outputs">Names of what it gives; empty if it is not known.</param>
public sealed record ModelFile(
    string Kind, JsonElement? Model, ImmutableSortedDictionary<string, SafeTensor> Tensors, ImmutableArray<string> Inputs,
    ImmutableArray<string> Outputs)
{
    /// <summary>Where the metadata hold the model.</summary>
    public const string Key = "athanor.model";

    /// <summary>What a training checkpoint holds beside the weights.</summary>
    private static readonly string[] Beside = ["optimizer.", "average.", "best.", "present."];

    /// <exception cref="ExchangeException">It is no safetensors file, or the model is not as its kind must be; the message says which.</exception>
    public static ModelFile Read(ReadOnlyMemory<byte> bytes)
    {
        SafeTensors file;
        try
        {
            file = SafeTensors.Read(bytes);
        }
        catch (SafeTensorsException error)
        {
            throw new ExchangeException($"this is no safetensors file: {error.Message}", error);
        }
        var tensors = file.Tensors.RemoveRange(file.Tensors.Keys.Where(name => Beside.Any(part => name.StartsWith(part, StringComparison.Ordinal))));
        return file.Metadata.TryGetValue(Key, out var text) ? Of(text, tensors) : new ModelFile("", null, tensors, [], []);
    }

    /// <param name="json">What the model is.</param>
    /// <exception cref="ExchangeException">The model is not as its kind must be; the message says which key.</exception>
    public static ModelFile Of(string json, ImmutableSortedDictionary<string, SafeTensor> tensors)
    {
        var model = Parse(json);
        var kind = ModelKeys.Text(model, "kind");
        var (inputs, outputs) = ModelKinds.Names(kind, model);
        return new ModelFile(kind, model, tensors, inputs, outputs);
    }

    /// <summary>The file of these weights and this model alone.</summary>
    public byte[] Write() => new SafeTensors(
        Tensors,
        Model is { } model ? ImmutableSortedDictionary<string, string>.Empty.Add(Key, model.GetRawText()) : ImmutableSortedDictionary<string, string>.Empty).Write();

    /// <summary>The state dict that PyTorch loads. Layers come in their order, weight before bias, as PyTorch lists them.</summary>
    public byte[] StateDict() => PyTorch.StateDict.Write(Tensors.OrderBy(static pair => pair.Key, NameOrder.Instance));

    private static JsonElement Parse(string text)
    {
        try
        {
            using var json = JsonDocument.Parse(text);
            return json.RootElement.ValueKind == JsonValueKind.Object
                ? json.RootElement.Clone()
                : throw new ExchangeException($"the file's {Key} is no JSON object");
        }
        catch (JsonException error)
        {
            throw new ExchangeException($"the file's {Key} is not valid JSON: {error.Message}", error);
        }
    }

    /// <summary>Numbers in names by their value (layer 2 before layer 10), weights before biases.</summary>
    private sealed class NameOrder : IComparer<string>
    {
        public static readonly NameOrder Instance = new();

        public int Compare(string? x, string? y)
        {
            string[] a = x!.Split('.'), b = y!.Split('.');
            for (var i = 0; i < Math.Min(a.Length, b.Length); i++)
            {
                var order = int.TryParse(a[i], out var m) && int.TryParse(b[i], out var n) ? m.CompareTo(n) : Part(a[i], b[i]);
                if (order != 0) return order;
            }
            return a.Length.CompareTo(b.Length);
        }

        private static int Part(string a, string b) => (a, b) switch
        {
            ("weight", "bias") => -1,
            ("bias", "weight") => 1,
            _ => string.CompareOrdinal(a, b),
        };
    }
}
