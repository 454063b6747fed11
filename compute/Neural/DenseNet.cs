using System.Collections.Immutable;
using System.Numerics;
using System.Runtime.CompilerServices;
using Athanor.Compute.Numerics;

namespace Athanor.Compute.Neural;

/// <summary>
/// A fully connected network with linear outputs, in float or double, with exact derivatives in both directions. The same bits for any
/// thread count, vector width and place in a batch: a row's y and gx do not depend on its neighbours, and sums over rows have one order
/// (see <see cref="NetKernel{TVector, T, TLanes}"/>).
/// Parameters are one array: per layer, weight [outputs, inputs] row-major as in PyTorch's <c>Linear</c>, then bias [outputs].
/// The class is immutable and holds no parameters: one instance serves any number of threads, each with its own tape.
/// </summary>
public sealed unsafe class DenseNet<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    [ThreadStatic]
    private static NetTape<T>? _scratch;

    /// <param name="sizes">Inputs, hidden widths, outputs: at least two, each 1 to 4096.</param>
    /// <exception cref="ArgumentException">The sizes are not those of a network; the message says which.</exception>
    public DenseNet(ReadOnlySpan<int> sizes, Activation activation)
    {
        if (typeof(T) != typeof(float) && typeof(T) != typeof(double))
            throw new NotSupportedException($"networks are of float or double, not of {typeof(T).Name}");
        Layout = new NetLayout(sizes, activation);
    }

    public ImmutableArray<int> Sizes => Layout.Sizes;

    public Activation Activation => Layout.Activation;

    public int Inputs => Layout.Inputs;

    public int Outputs => Layout.Outputs;

    public int ParameterCount => Layout.ParameterCount;

    internal NetLayout Layout { get; }

    /// <summary>Where layer <paramref name="layer"/>'s weight begins among the parameters; its bias follows.</summary>
    public int WeightOffset(int layer) => Layout.Weights[layer];

    public int BiasOffset(int layer) => Layout.Biases[layer];

    /// <summary>What is wrong with a network's sizes, or null.</summary>
    public static string? Check(ReadOnlySpan<int> sizes) => NetLayout.Check(sizes);

    /// <summary>
    /// Weights uniform with variance 2 / (inputs + outputs) for tanh and for the last layer (Glorot and Bengio, AISTATS 2010), 2 / inputs
    /// before ReLU, softplus and SiLU (He et al., ICCV 2015); biases 0. Drawn in double by Philox, a stream a layer.
    /// </summary>
    public void Initialize(Span<T> p, ulong seed)
    {
        CheckLength(p.Length, ParameterCount, "p");
        for (var layer = 0; layer < Layout.Layers; layer++)
        {
            var random = new Philox(seed, (ulong)layer);
            int inputs = Sizes[layer], outputs = Sizes[layer + 1];
            var glorot = Activation == Activation.Tanh || layer + 1 == Layout.Layers;
            var bound = Math.Sqrt(6.0 / (glorot ? inputs + outputs : inputs));
            foreach (ref var weight in p[WeightOffset(layer)..BiasOffset(layer)])
                weight = T.CreateTruncating(random.NextDouble(-bound, bound));
            p[BiasOffset(layer)..Layout.Weights[layer + 1]].Clear();
        }
    }

    /// <summary>With its parameters, for calls of one row.</summary>
    public PackedNet<T> Pack(ReadOnlySpan<T> p)
    {
        CheckLength(p.Length, ParameterCount, "p");
        return new PackedNet<T>(Layout, p);
    }

    /// <param name="maxRows">Most rows of a batch.</param>
    public NetTape<T> NewTape(int maxRows) => new(Layout, maxRows);

    /// <summary>y = f(x) row by row; the tape is then ready for <see cref="Vjp"/>.</summary>
    /// <param name="p">Parameters.</param>
    /// <param name="x">[rows, inputs], row-major.</param>
    /// <param name="y">[rows, outputs], row-major; written.</param>
    public void Forward(ReadOnlySpan<T> p, ReadOnlySpan<T> x, int rows, Span<T> y, NetTape<T> tape)
    {
        CheckLength(p.Length, ParameterCount, "p");
        CheckTape(tape);
        if (rows < 0 || rows > tape.MaxRows)
            throw new ArgumentException($"{rows} rows, where the tape holds up to {tape.MaxRows}", nameof(rows));
        CheckLength(x.Length, (long)rows * Inputs, "x");
        CheckLength(y.Length, (long)rows * Outputs, "y");
        tape.Rows = rows;
        fixed (T* parameters = p, from = x, to = y)
        {
            for (var row = 0; row < rows; row += NetLayout.Block)
            {
                var (width, count) = (BlockRows<T>.Width(rows, row), Math.Min(rows - row, NetLayout.Block));
                var stored = tape.Stored + ((nint)row * Layout.StoredFeatures);
                var slopes = tape.Slopes == null ? null : tape.Slopes + ((nint)row * Layout.HiddenFeatures);
                BlockRows<T>.Load(from + ((nint)row * Inputs), Inputs, count, Inputs, stored, width);
                NetKernels<T>.Forward(Layout, parameters, stored, slopes, tape.Output, width);
                BlockRows<T>.Store(tape.Output, width, count, Outputs, to + ((nint)row * Outputs), Outputs);
            }
        }
    }

    /// <summary>The vector-Jacobian product at the rows last passed to <see cref="Forward"/>: dL/dx and dL/dp from dL/dy.</summary>
    /// <param name="p">The parameters of that forward pass.</param>
    /// <param name="gy">dL/dy, [rows, outputs].</param>
    /// <param name="gx">dL/dx, [rows, inputs]; written; empty if it is not wanted.</param>
    /// <param name="gp">dL/dp, [parameters]: the sum over the rows is formed from 0 in its order, then added once.</param>
    public void Vjp(ReadOnlySpan<T> p, NetTape<T> tape, ReadOnlySpan<T> gy, Span<T> gx, Span<T> gp)
    {
        CheckLength(p.Length, ParameterCount, "p");
        CheckTape(tape);
        var rows = tape.Rows;
        CheckLength(gy.Length, (long)rows * Outputs, "gy");
        CheckLength(gp.Length, ParameterCount, "gp");
        if (!gx.IsEmpty) CheckLength(gx.Length, (long)rows * Inputs, "gx");
        tape.ClearSums();
        fixed (T* parameters = p, from = gy, to = gx, gradient = gp)
        {
            for (var row = 0; row < rows; row += NetLayout.Block)
            {
                var (width, count) = (BlockRows<T>.Width(rows, row), Math.Min(rows - row, NetLayout.Block));
                var stored = tape.Stored + ((nint)row * Layout.StoredFeatures);
                var slopes = tape.Slopes == null ? null : tape.Slopes + ((nint)row * Layout.HiddenFeatures);
                BlockRows<T>.Load(from + ((nint)row * Outputs), Outputs, count, Outputs, tape.Output, width);
                NetKernels<T>.Backward(
                    Layout, parameters, stored, slopes, tape.Output, to == null ? null : tape.Input, tape.Sums, tape.Sums, width, count,
                    tape.Scratch);
                if (to != null) BlockRows<T>.Store(tape.Input, width, count, Inputs, to + ((nint)row * Inputs), Inputs);
            }
            NetKernels<T>.AddSums(Layout, tape.Sums, gradient);
        }
    }

    /// <summary>The Jacobian-vector product: y = f(x) and dy = f'(x) dx, row by row.</summary>
    /// <param name="dx">[rows, inputs].</param>
    /// <param name="dy">[rows, outputs]; written.</param>
    public void Jvp(ReadOnlySpan<T> p, ReadOnlySpan<T> x, ReadOnlySpan<T> dx, int rows, Span<T> y, Span<T> dy) =>
        Jvp(p, x, dx, rows, y, dy, _scratch is { } tape && ReferenceEquals(tape.Layout, Layout) ? tape : _scratch = NewTape(1));

    /// <inheritdoc cref="Jvp(ReadOnlySpan{T}, ReadOnlySpan{T}, ReadOnlySpan{T}, int, Span{T}, Span{T})"/>
    /// <param name="scratch">A tape of any number of rows; what it recorded stays.</param>
    public void Jvp(ReadOnlySpan<T> p, ReadOnlySpan<T> x, ReadOnlySpan<T> dx, int rows, Span<T> y, Span<T> dy, NetTape<T> scratch)
    {
        CheckLength(p.Length, ParameterCount, "p");
        CheckTape(scratch);
        ArgumentOutOfRangeException.ThrowIfNegative(rows);
        CheckLength(x.Length, (long)rows * Inputs, "x");
        CheckLength(dx.Length, (long)rows * Inputs, "dx");
        CheckLength(y.Length, (long)rows * Outputs, "y");
        CheckLength(dy.Length, (long)rows * Outputs, "dy");
        fixed (T* parameters = p, from = x, dFrom = dx, to = y, dTo = dy)
        {
            for (var row = 0; row < rows; row += NetLayout.Block)
            {
                var (width, count) = (BlockRows<T>.Width(rows, row), Math.Min(rows - row, NetLayout.Block));
                BlockRows<T>.Load(from + ((nint)row * Inputs), Inputs, count, Inputs, scratch.Input, width);
                BlockRows<T>.Load(dFrom + ((nint)row * Inputs), Inputs, count, Inputs, scratch.InputDirection, width);
                NetKernels<T>.Jvp(
                    Layout, parameters, scratch.Scratch, scratch.Input, scratch.InputDirection, scratch.Output, scratch.OutputDirection,
                    width);
                BlockRows<T>.Store(scratch.Output, width, count, Outputs, to + ((nint)row * Outputs), Outputs);
                BlockRows<T>.Store(scratch.OutputDirection, width, count, Outputs, dTo + ((nint)row * Outputs), Outputs);
            }
        }
    }

    private void CheckTape(NetTape<T> tape)
    {
        if (ReferenceEquals(tape.Layout, Layout)) return;
        if (!tape.Layout.Sizes.SequenceEqual(Sizes) || tape.Layout.Activation != Activation)
        {
            throw new ArgumentException(
                $"the tape is of a network {string.Join('-', tape.Layout.Sizes)} with {tape.Layout.Activation}, not of "
                + $"{string.Join('-', Sizes)} with {Activation}",
                nameof(tape));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void CheckLength(int length, long expected, string name)
    {
        if (length != expected) throw new ArgumentException($"{name} has {length} elements where {expected} would be right", name);
    }
}
