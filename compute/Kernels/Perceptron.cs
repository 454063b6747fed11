using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Athanor.Compute.Numerics;

namespace Athanor.Compute.Kernels;

/// <summary>
/// A fully connected network in float32: tanh in the hidden layers, linear outputs. The same bits for any thread count, SIMD width and
/// place in a batch (see <see cref="DenseKernels"/> for the order of each sum), so its results can be audited by hash.
/// Parameters are one array: per layer, weight [outputs, inputs] row-major as in PyTorch's <c>Linear</c>, then bias [outputs].
/// The class is immutable and holds no parameters: one instance serves any number of threads, each with its own workspace.
/// </summary>
public sealed unsafe class Perceptron
{
    /// <summary>Widest layer accepted.</summary>
    public const int MaxWidth = 4096;

    private readonly int[] _offsets;

    /// <param name="sizes">Inputs, hidden widths, outputs: at least two, each 1 to 4096.</param>
    /// <exception cref="ArgumentException">The sizes are not those of a network; the message says which.</exception>
    public Perceptron(params ReadOnlySpan<int> sizes)
    {
        if (Check(sizes) is { } wrong) throw new ArgumentException(wrong, nameof(sizes));
        Sizes = [.. sizes];
        _offsets = new int[sizes.Length];
        for (var l = 1; l < sizes.Length; l++) _offsets[l] = checked(_offsets[l - 1] + sizes[l] * (sizes[l - 1] + 1));
    }

    public ImmutableArray<int> Sizes { get; }

    public int Inputs => Sizes[0];

    public int Outputs => Sizes[^1];

    public int ParameterCount => _offsets[^1];

    internal int LayerCount => Sizes.Length - 1;

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
        return parameters > 1 << 28 ? $"{parameters} parameters are more than 2^28" : null;
    }

    /// <summary>Where layer <paramref name="layer"/>'s weight begins among the parameters; its bias follows.</summary>
    public int WeightOffset(int layer) => _offsets[layer];

    public int BiasOffset(int layer) => _offsets[layer] + Sizes[layer + 1] * Sizes[layer];

    /// <summary>Weights uniform in ±sqrt(6 / (inputs + outputs)) (Glorot and Bengio, AISTATS 2010), biases 0.</summary>
    public void Initialize(Span<float> parameters, ulong seed)
    {
        CheckLength(parameters.Length, ParameterCount, "parameters");
        for (var layer = 0; layer < LayerCount; layer++)
        {
            var random = new Philox(seed, (ulong)layer);
            var bound = Math.Sqrt(6.0 / (Sizes[layer] + Sizes[layer + 1]));
            foreach (ref var weight in parameters[WeightOffset(layer)..BiasOffset(layer)]) weight = (float)random.NextDouble(-bound, bound);
            parameters[BiasOffset(layer).._offsets[layer + 1]].Clear();
        }
    }

    /// <summary>y = f(x) row by row.</summary>
    /// <param name="x">[rows, inputs], row-major.</param>
    /// <param name="y">[rows, outputs], row-major; written.</param>
    public void Forward(ReadOnlySpan<float> parameters, ReadOnlySpan<float> x, int rows, Span<float> y, PerceptronWorkspace workspace)
    {
        CheckLength(parameters.Length, ParameterCount, "parameters");
        CheckLength(x.Length, (long)rows * Inputs, "x");
        CheckLength(y.Length, (long)rows * Outputs, "y");
        workspace.CheckNetwork(this);
        for (var from = 0; from < rows; from += workspace.Rows)
        {
            var count = Math.Min(workspace.Rows, rows - from);
            workspace.Load(x.Slice(from * Inputs, count * Inputs), count);
            Propagate(parameters, workspace);
            workspace.StoreOutputs(y.Slice(from * Outputs, count * Outputs));
        }
    }

    /// <summary>Mean squared error over rows and outputs, and its exact gradient (reverse mode).</summary>
    /// <param name="x">[rows, inputs], row-major; at most the workspace's rows.</param>
    /// <param name="target">[rows, outputs], row-major.</param>
    /// <param name="gradient">[parameters]; written.</param>
    public float LossAndGradient(
        ReadOnlySpan<float> parameters, ReadOnlySpan<float> x, ReadOnlySpan<float> target, int rows, Span<float> gradient,
        PerceptronWorkspace workspace)
    {
        CheckLength(parameters.Length, ParameterCount, "parameters");
        CheckLength(x.Length, (long)rows * Inputs, "x");
        CheckLength(target.Length, (long)rows * Outputs, "target");
        CheckLength(gradient.Length, ParameterCount, "gradient");
        workspace.CheckNetwork(this);
        workspace.CheckRows(rows);
        workspace.Load(x, rows);
        Propagate(parameters, workspace);
        var loss = workspace.LoadResidual(target) / ((float)rows * Outputs);
        workspace.ScaleOutputDelta(2.0f / ((float)rows * Outputs));
        Backpropagate(parameters, gradient, workspace, inputGradient: false);
        return loss;
    }

    /// <summary>The vector-Jacobian product after <see cref="Forward"/> of the same rows: dL/dparameters and dL/dx from dL/dy.</summary>
    /// <param name="outputGradient">dL/dy, [rows, outputs], row-major, of the rows last passed to <see cref="Forward"/> (at most the
    /// workspace's rows).</param>
    /// <param name="gradient">[parameters]; written.</param>
    /// <param name="inputGradient">dL/dx, [rows, inputs]; written; empty if not wanted.</param>
    public void Backward(
        ReadOnlySpan<float> parameters, ReadOnlySpan<float> outputGradient, Span<float> gradient, Span<float> inputGradient,
        PerceptronWorkspace workspace)
    {
        CheckLength(parameters.Length, ParameterCount, "parameters");
        CheckLength(outputGradient.Length, (long)workspace.LoadedRows * Outputs, "outputGradient");
        CheckLength(gradient.Length, ParameterCount, "gradient");
        workspace.CheckNetwork(this);
        workspace.LoadOutputDelta(outputGradient);
        Backpropagate(parameters, gradient, workspace, !inputGradient.IsEmpty);
        if (inputGradient.IsEmpty) return;
        CheckLength(inputGradient.Length, (long)workspace.LoadedRows * Inputs, "inputGradient");
        workspace.StoreInputDelta(inputGradient);
    }

    private void Propagate(ReadOnlySpan<float> parameters, PerceptronWorkspace workspace)
    {
        fixed (float* p = parameters)
        {
            nint rows = workspace.PaddedRows;
            for (var layer = 0; layer < LayerCount; layer++)
            {
                int inputs = Sizes[layer], outputs = Sizes[layer + 1];
                var to = workspace.Activation(layer + 1);
                DenseKernels.Product(
                    p + WeightOffset(layer), inputs, 1, p + BiasOffset(layer), inputs, workspace.Activation(layer), to, outputs, rows);
                if (layer + 1 < LayerCount) TanhInPlace(to, outputs * rows);
            }
        }
    }

    private void Backpropagate(
        ReadOnlySpan<float> parameters, Span<float> gradient, PerceptronWorkspace workspace, bool inputGradient)
    {
        fixed (float* p = parameters)
        fixed (float* g = gradient)
        {
            nint rows = workspace.PaddedRows;
            for (var layer = LayerCount - 1; layer >= 0; layer--)
            {
                int inputs = Sizes[layer], outputs = Sizes[layer + 1];
                var delta = workspace.Delta(layer + 1);
                var activation = workspace.Activation(layer);
                DenseKernels.OuterSum(delta, outputs, activation, inputs, rows, g + WeightOffset(layer));
                DenseKernels.RowSum(delta, outputs, rows, g + BiasOffset(layer));
                if (layer == 0 && !inputGradient) return;
                var before = workspace.Delta(layer);
                DenseKernels.Product(p + WeightOffset(layer), 1, inputs, null, outputs, delta, before, inputs, rows);
                if (layer > 0) TimesTanhSlope(before, activation, inputs * rows);
            }
        }
    }

    private static void TanhInPlace(float* a, nint count)
    {
        for (nint i = 0; i < count; i += DenseKernels.RowBlock)
        {
            var x = DetMath.Tanh(Vector512.Load(a + i));
            var y = DetMath.Tanh(Vector512.Load(a + i + DenseKernels.Lanes));
            x.Store(a + i);
            y.Store(a + i + DenseKernels.Lanes);
        }
    }

    /// <summary>delta *= 1 - a², where a = tanh(...).</summary>
    private static void TimesTanhSlope(float* delta, float* a, nint count)
    {
        for (nint i = 0; i < count; i += DenseKernels.Lanes)
        {
            var t = Vector512.Load(a + i);
            (Vector512.Load(delta + i) * Vector512.FusedMultiplyAdd(-t, t, Vector512<float>.One)).Store(delta + i);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void CheckLength(int length, long expected, string name)
    {
        if (length != expected) throw new ArgumentException($"{name} has {length} elements where {expected} would be right", name);
    }
}
