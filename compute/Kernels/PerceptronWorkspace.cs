using System.Runtime.CompilerServices;

namespace Athanor.Compute.Kernels;

/// <summary>Activations and deltas of one batch, feature-major and padded with zero rows; reused from call to call, by one thread at a
/// time.</summary>
public sealed unsafe class PerceptronWorkspace
{
    private readonly Perceptron _network;
    private readonly float[] _memory;
    private readonly float* _base;
    private readonly int[] _widthsBefore;
    private readonly int _capacity;
    private readonly long _deltas;

    /// <param name="rows">Most rows of a batch for a gradient; a longer forward pass goes through in pieces of this.</param>
    public PerceptronWorkspace(Perceptron network, int rows)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(rows);
        _network = network;
        _capacity = Pad(rows);
        Rows = rows;
        _widthsBefore = new int[network.Sizes.Length + 1];
        for (var i = 0; i < network.Sizes.Length; i++) _widthsBefore[i + 1] = _widthsBefore[i] + network.Sizes[i];
        _deltas = (long)_widthsBefore[^1] * _capacity;
        // Pinned, and started at a cache line.
        _memory = GC.AllocateArray<float>(checked((int)(2 * _deltas + 16)), pinned: true);
        var address = (nuint)Unsafe.AsPointer(ref _memory[0]);
        _base = (float*)((address + 63) & ~(nuint)63);
    }

    public int Rows { get; }

    internal int LoadedRows { get; private set; }

    internal int PaddedRows { get; private set; }

    internal float* Activation(int layer) => _base + (long)_widthsBefore[layer] * PaddedRows;

    internal float* Delta(int layer) => _base + _deltas + (long)_widthsBefore[layer] * PaddedRows;

    internal void CheckNetwork(Perceptron network)
    {
        if (!ReferenceEquals(network, _network) && !network.Sizes.SequenceEqual(_network.Sizes))
        {
            throw new ArgumentException(
                $"the workspace is of a network {string.Join('-', _network.Sizes)}, not {string.Join('-', network.Sizes)}");
        }
    }

    internal void CheckRows(int rows)
    {
        if (rows < 1 || rows > Rows) throw new ArgumentException($"{rows} rows, where the workspace holds 1 to {Rows}");
    }

    internal void Load(ReadOnlySpan<float> x, int rows)
    {
        LoadedRows = rows;
        PaddedRows = Pad(rows);
        Transpose(x, _network.Inputs, Activation(0));
    }

    internal void StoreOutputs(Span<float> y) => TransposeBack(Activation(_network.LayerCount), _network.Outputs, y);

    internal void StoreInputDelta(Span<float> dx) => TransposeBack(Delta(0), _network.Inputs, dx);

    internal void LoadOutputDelta(ReadOnlySpan<float> delta) => Transpose(delta, _network.Outputs, Delta(_network.LayerCount));

    /// <summary>Puts y - target into the output's delta and returns the sum of its squares.</summary>
    internal float LoadResidual(ReadOnlySpan<float> target)
    {
        var delta = Delta(_network.LayerCount);
        var y = Activation(_network.LayerCount);
        Transpose(target, _network.Outputs, delta);
        for (var o = 0; o < _network.Outputs; o++)
        {
            for (var r = 0; r < LoadedRows; r++) delta[o * PaddedRows + r] = y[o * PaddedRows + r] - delta[o * PaddedRows + r];
        }
        return DenseKernels.SumOfSquares(delta, (nint)_network.Outputs * PaddedRows);
    }

    internal void ScaleOutputDelta(float factor)
    {
        var delta = Delta(_network.LayerCount);
        for (var i = 0; i < _network.Outputs * PaddedRows; i++) delta[i] *= factor;
    }

    private void Transpose(ReadOnlySpan<float> from, int features, float* to)
    {
        for (var f = 0; f < features; f++)
        {
            var column = to + (long)f * PaddedRows;
            for (var r = 0; r < LoadedRows; r++) column[r] = from[r * features + f];
            for (var r = LoadedRows; r < PaddedRows; r++) column[r] = 0.0f;
        }
    }

    private void TransposeBack(float* from, int features, Span<float> to)
    {
        for (var f = 0; f < features; f++)
        {
            var column = from + (long)f * PaddedRows;
            for (var r = 0; r < LoadedRows; r++) to[r * features + f] = column[r];
        }
    }

    private static int Pad(int rows) => (rows + DenseKernels.RowBlock - 1) / DenseKernels.RowBlock * DenseKernels.RowBlock;
}
