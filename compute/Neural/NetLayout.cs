using System.Collections.Immutable;

namespace Athanor.Compute.Neural;

/// <summary>Where everything of a network lies: its parameters, the features of its layers, the padded sums of its weights'
/// gradients.</summary>
internal sealed class NetLayout
{
    /// <summary>Rows of a share: batches are padded to it and sums over rows are laid out by it, whatever the vectors' width.</summary>
    public const int Share = 16;

    /// <summary>Most rows that a kernel takes at a time: two shares.</summary>
    public const int Block = 2 * Share;

    public const int MaxWidth = 4096;

    /// <summary>Layers of at most so many inputs sum their weights' gradients as biases do: too few for the lanes of a vector.</summary>
    private const int FewInputs = 8;

    private const int Padding = 16;

    public NetLayout(ReadOnlySpan<int> sizes, Activation activation)
    {
        if (Check(sizes) is { } wrong) throw new ArgumentException(wrong, nameof(sizes));
        if (!Enum.IsDefined(activation))
            throw new ArgumentException($"activation {activation} is none of {string.Join(", ", Enum.GetNames<Activation>())}");
        Sizes = [.. sizes];
        Activation = activation;
        var layers = sizes.Length - 1;
        (Weights, Biases, Features) = (new int[layers + 1], new int[layers], new int[layers + 2]);
        (WeightSums, BiasSums) = (new int[layers], new int[layers]);
        for (var l = 0; l < layers; l++)
        {
            int inputs = sizes[l], outputs = sizes[l + 1];
            Biases[l] = Weights[l] + (outputs * inputs);
            Weights[l + 1] = Biases[l] + outputs;
            Features[l + 1] = Features[l] + inputs;
            WeightSums[l] = SumLength;
            SumLength += outputs * (HasFewInputs(l) ? inputs * Share : Padded(inputs));
            BiasSums[l] = SumLength;
            SumLength += outputs * Share;
            Widest = Math.Max(Widest, Math.Max(Padded(inputs), Padded(outputs)));
        }
        Features[layers + 1] = Features[layers] + sizes[layers];
    }

    public ImmutableArray<int> Sizes { get; }

    public Activation Activation { get; }

    public int Layers => Sizes.Length - 1;

    public int Inputs => Sizes[0];

    public int Outputs => Sizes[^1];

    public int ParameterCount => Weights[^1];

    /// <summary>Inputs and hidden features of a row: what the backward pass needs.</summary>
    public int StoredFeatures => Features[Layers];

    /// <summary>Hidden features of a row.</summary>
    public int HiddenFeatures => StoredFeatures - Inputs;

    /// <summary>The widest layer, padded.</summary>
    public int Widest { get; }

    /// <summary>Whether the slope is kept beside the activation: it is not a function of it, or not an accurate one.</summary>
    public bool KeepsSlopes => Activation is Activation.Softplus or Activation.Silu;

    /// <summary>First parameter of each layer's weight [outputs, inputs], and behind the last.</summary>
    public int[] Weights { get; }

    public int[] Biases { get; }

    /// <summary>Features before layer l's inputs.</summary>
    public int[] Features { get; }

    /// <summary>Elements of the sums over rows.</summary>
    public int SumLength { get; }

    /// <summary>Where the sums of layer l's weight begin: [outputs, padded inputs], or for few inputs [outputs, inputs, 16 lanes].
    /// </summary>
    public int[] WeightSums { get; }

    /// <summary>Where the sums of layer l's bias begin: [outputs, 16 lanes].</summary>
    public int[] BiasSums { get; }

    public static int Padded(int features) => (features + Padding - 1) / Padding * Padding;

    public static int PaddedRows(int rows) => (rows + Share - 1) / Share * Share;

    public bool HasFewInputs(int layer) => Sizes[layer] <= FewInputs;

    /// <summary>What is wrong with a network's sizes, or null.</summary>
    public static string? Check(ReadOnlySpan<int> sizes)
    {
        if (sizes.Length < 2) return $"a network needs at least its inputs and outputs; {sizes.Length} sizes are given";
        long parameters = 0;
        for (var i = 0; i < sizes.Length; i++)
        {
            if (sizes[i] is < 1 or > MaxWidth) return $"layer {i} has width {sizes[i]}; 1 to {MaxWidth} would be right";
            if (i > 0) parameters += sizes[i] * (sizes[i - 1] + 1L);
        }
        return parameters > 1 << 26 ? $"{parameters} parameters are more than 2^26" : null;
    }
}
