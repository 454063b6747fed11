using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json.Nodes;
using Athanor.Compute.Tensors;

namespace Athanor.Compute.Exchange;

/// <summary>Makes a perceptron of tensors that come from elsewhere, such as a PyTorch <c>Sequential</c> of <c>Linear</c> layers saved by
/// safetensors: weights <c>...N.weight</c> [outputs, inputs] with biases <c>...N.bias</c>, in the order of N.</summary>
public static class ForeignTensors
{
    /// <param name="activation">Between the layers: a file of tensors does not say it.</param>
    /// <param name="inputs">Names of the inputs; empty for x1, x2, ...</param>
    /// <param name="outputs">Names of the outputs; empty for y1, y2, ...</param>
    /// <exception cref="ExchangeException">These are not the layers of a perceptron; the message says why.</exception>
    public static ModelFile Perceptron(ModelFile file, string activation, IReadOnlyList<string> inputs, IReadOnlyList<string> outputs)
    {
        ArgumentNullException.ThrowIfNull(file);
        var layers = new SortedDictionary<int, string>();
        foreach (var name in file.Tensors.Keys)
        {
            var parts = name.Split('.');
            if (parts is not [.., var number, "weight" or "bias"] || !int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var n))
                throw new ExchangeException($"the tensor '{name}' is no layer's; names such as 0.weight and 0.bias would be right");
            var stem = name[..name.LastIndexOf('.')];
            if (layers.TryGetValue(n, out var other) && other != stem)
                throw new ExchangeException($"the tensors '{other}.*' and '{stem}.*' have the same number; a perceptron has one chain of layers");
            layers[n] = stem;
        }
        if (layers.Count == 0) throw new ExchangeException("the file holds no tensor");
        var tensors = ImmutableSortedDictionary.CreateBuilder<string, SafeTensor>(StringComparer.Ordinal);
        List<int> sizes = [];
        foreach (var (layer, stem) in layers.Values.Index())
        {
            if (!file.Tensors.TryGetValue(stem + ".weight", out var weight)) throw new ExchangeException($"the tensor '{stem}.weight' is missing");
            if (!file.Tensors.TryGetValue(stem + ".bias", out var bias)) throw new ExchangeException($"the tensor '{stem}.bias' is missing");
            if (weight.Shape is not [var rows, var columns] || rows is < 1 or > 1 << 20 || columns is < 1 or > 1 << 20)
                throw new ExchangeException($"the tensor '{stem}.weight' has the shape ({string.Join(", ", weight.Shape)}); two dimensions would be right");
            if (layer == 0) sizes.Add((int)columns);
            if (sizes[^1] != columns)
                throw new ExchangeException($"the tensor '{stem}.weight' takes {columns} inputs, and the layer before it gives {sizes[^1]}");
            sizes.Add((int)rows);
            tensors.Add(string.Create(CultureInfo.InvariantCulture, $"layers.{layer}.weight"), weight);
            tensors.Add(string.Create(CultureInfo.InvariantCulture, $"layers.{layer}.bias"), bias);
        }
        var json = new JsonObject
        {
            ["activation"] = activation,
            ["input-deviations"] = Repeat(1, sizes[0]),
            ["input-means"] = Repeat(0, sizes[0]),
            ["inputs"] = Names(inputs, "x", sizes[0], "inputs"),
            ["kind"] = ModelKinds.Perceptron,
            ["sizes"] = new JsonArray([.. sizes.Select(size => (JsonNode)size)]),
            ["target-deviations"] = Repeat(1, sizes[^1]),
            ["target-means"] = Repeat(0, sizes[^1]),
            ["targets"] = Names(outputs, "y", sizes[^1], "outputs"),
        };
        var made = ModelFile.Of(json.ToJsonString(), tensors.ToImmutable());
        // What a model of this kind must be is checked where it is read.
        ModelKinds.PerceptronOf(made);
        return made;
    }

    private static JsonArray Repeat(double value, int count) => [.. Enumerable.Repeat(value, count).Select(v => (JsonNode)v)];

    private static JsonArray Names(IReadOnlyList<string> names, string letter, int count, string what)
    {
        if (names.Count != 0 && names.Count != count) throw new ExchangeException($"{names.Count} names are given for the {count} {what} of these tensors");
        return names.Count > 0
            ? [.. names.Select(name => (JsonNode)name)]
            : [.. Enumerable.Range(1, count).Select(i => (JsonNode)string.Create(CultureInfo.InvariantCulture, $"{letter}{i}"))];
    }
}
