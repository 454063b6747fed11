using System.Collections.Immutable;
using System.Globalization;
using Athanor.Compute.Tensors;

namespace Athanor.Compute.Exchange;

/// <summary>A perceptron's weights as a file names them: <c>layers.0.weight</c> [outputs, inputs], <c>layers.0.bias</c> [outputs], and so on;
/// linear outputs.</summary>
/// <param name="Names">Of the layers: <c>layers.0</c>, <c>layers.1</c>, ... or, as a PyTorch <c>Sequential</c> counts, <c>net.0</c>, <c>net.2</c>, ...</param>
/// <param name="Activation">Of the hidden layers: one of <see cref="Activations"/>.</param>
public sealed record NetWeights(
    ImmutableArray<string> Names, ImmutableArray<int> Sizes, string Activation, ImmutableArray<SafeTensor> Weights, ImmutableArray<SafeTensor> Biases)
{
    public static ImmutableArray<string> Activations { get; } = ["tanh", "softplus", "relu", "silu"];

    public int Layers => Weights.Length;

    /// <summary>Whether the numbers are of double precision.</summary>
    public bool IsDouble => Weights[0].Type == SafeTensorType.F64;

    /// <summary>[outputs, inputs], row-major.</summary>
    public double[] Weight(int layer) => Weights[layer].ToDoubles();

    /// <summary>[outputs]</summary>
    public double[] Bias(int layer) => Biases[layer].ToDoubles();

    /// <summary>Finds a net among a file's tensors.</summary>
    /// <param name="prefix">What stands before a layer's number.</param>
    /// <param name="every">By how much that rises from layer to layer.</param>
    /// <exception cref="ExchangeException">Tensors are missing, of other shapes than they must be, or not finite; the message says which.</exception>
    public static NetWeights Find(IReadOnlyDictionary<string, SafeTensor> tensors, string prefix, int every, ReadOnlySpan<int> sizes, string activation)
    {
        if (!Activations.Contains(activation))
            throw new ExchangeException($"the activation is '{activation}'; one of {string.Join(", ", Activations)} would be right");
        if (sizes.Length < 2) throw new ExchangeException($"a net has at least inputs and outputs; {sizes.Length} sizes are given");
        var names = Enumerable.Range(0, sizes.Length - 1).Select(l => string.Create(CultureInfo.InvariantCulture, $"{prefix}{every * l}")).ToImmutableArray();
        var (weights, biases) = (ImmutableArray.CreateBuilder<SafeTensor>(), ImmutableArray.CreateBuilder<SafeTensor>());
        for (var l = 0; l + 1 < sizes.Length; l++)
        {
            weights.Add(Tensor(tensors, names[l] + ".weight", sizes[l + 1], sizes[l]));
            biases.Add(Tensor(tensors, names[l] + ".bias", sizes[l + 1]));
        }
        return new NetWeights(names, [.. sizes], activation, weights.ToImmutable(), biases.ToImmutable());
    }

    /// <summary>All parameters in the order of the kernels: per layer the weight, then the bias.</summary>
    public double[] Parameters() => [.. Enumerable.Range(0, Layers).SelectMany(l => (double[])[.. Weight(l), .. Bias(l)])];

    /// <summary>A tensor of this shape, of finite numbers.</summary>
    internal static SafeTensor Tensor(IReadOnlyDictionary<string, SafeTensor> tensors, string name, params ReadOnlySpan<long> shape)
    {
        if (!tensors.TryGetValue(name, out var tensor))
            throw new ExchangeException($"the tensor '{name}' is missing; there are {Known(tensors)}");
        if (!tensor.Shape.AsSpan().SequenceEqual(shape))
            throw new ExchangeException($"the tensor '{name}' has the shape ({string.Join(", ", tensor.Shape)}) where ({string.Join(", ", shape.ToArray())}) would be right");
        if (tensor.Type is not (SafeTensorType.F32 or SafeTensorType.F64))
            throw new ExchangeException($"the tensor '{name}' is of type {tensor.Type.Name()}; F32 or F64 would be right");
        return Array.TrueForAll(tensor.ToDoubles(), double.IsFinite)
            ? tensor
            : throw new ExchangeException($"the tensor '{name}' holds a value that is not a finite number");
    }

    private static string Known(IReadOnlyDictionary<string, SafeTensor> tensors) =>
        string.Join(", ", tensors.Keys.Order(StringComparer.Ordinal).Take(12)) + (tensors.Count > 12 ? ", ..." : "");
}
