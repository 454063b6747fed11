using System.Buffers.Binary;
using System.Security.Cryptography;
using Athanor.Compute.Numerics;

namespace Athanor.Compute.Kernels;

/// <summary>
/// Trains a perceptron with Adam on mini-batches. State = step, parameters and Adam's two moments; step t of a run is a function of
/// (spec, data, state before it), so a run may be cut anywhere, continued elsewhere and audited piece by piece by its states' hashes.
/// Rows come in passes: pass k is a permutation of all rows drawn from Philox stream 2^32 + k of the seed, and batches run through the passes
/// without gaps, so that batch t is known without those before it.
/// </summary>
public sealed class PerceptronTrainer
{
    /// <summary>First bytes of a state: "APT" and the layout's version.</summary>
    private const uint Magic = 0x01545041;
    private const ulong PassStreams = 1UL << 32;

    private readonly float[] _x, _y;
    private readonly float[] _batchX, _batchY;
    private readonly float[] _parameters, _first, _second, _gradient;
    private readonly PerceptronWorkspace _workspace;
    private readonly int _rows;
    private int[] _order = [];
    private long _pass = -1;

    /// <summary>Starts at step 0 with the seed's initial weights.</summary>
    /// <param name="x">[rows, inputs], row-major, finite.</param>
    /// <param name="y">[rows, outputs], row-major, finite.</param>
    /// <exception cref="ArgumentException">The spec or the shapes are wrong, or a number is not finite.</exception>
    public PerceptronTrainer(PerceptronTraining spec, ReadOnlySpan<float> x, ReadOnlySpan<float> y)
    {
        if (spec.Check() is { } wrong) throw new ArgumentException(wrong, nameof(spec));
        Spec = spec;
        Network = new Perceptron(spec.Sizes.AsSpan());
        _rows = x.Length / Network.Inputs;
        if (_rows < 1 || x.Length != _rows * Network.Inputs || y.Length != _rows * Network.Outputs)
        {
            throw new ArgumentException(
                $"{x.Length} inputs and {y.Length} outputs are not rows of {Network.Inputs} inputs and {Network.Outputs} outputs");
        }
        CheckFinite(x, Network.Inputs, "input");
        CheckFinite(y, Network.Outputs, "output");
        _x = x.ToArray();
        _y = y.ToArray();
        var batch = Math.Min(spec.BatchRows, _rows);
        _batchX = new float[batch * Network.Inputs];
        _batchY = new float[batch * Network.Outputs];
        _parameters = new float[Network.ParameterCount];
        _first = new float[Network.ParameterCount];
        _second = new float[Network.ParameterCount];
        _gradient = new float[Network.ParameterCount];
        _workspace = new PerceptronWorkspace(Network, Math.Max(batch, 32));
        Network.Initialize(_parameters, spec.Seed);
    }

    public PerceptronTraining Spec { get; }

    public Perceptron Network { get; }

    /// <summary>Steps done.</summary>
    public long Step { get; private set; }

    public ReadOnlySpan<float> Parameters => _parameters;

    /// <summary>Length of <see cref="ToBytes"/>.</summary>
    public int ByteCount => 16 + 4 * Network.Sizes.Length + 12 * Network.ParameterCount;

    /// <summary>Does <paramref name="steps"/> steps, past the schedule's end at the final learning rate.</summary>
    /// <returns>The mean of the mini-batches' losses (mean squared errors before each step).</returns>
    /// <exception cref="ArithmeticException">The loss is no longer finite.</exception>
    public double Run(long steps, CancellationToken cancellation = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(steps, 1);
        var sum = 0.0;
        for (var i = 0L; i < steps; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            FillBatch(Step);
            var rows = _batchX.Length / Network.Inputs;
            var loss = Network.LossAndGradient(_parameters, _batchX, _batchY, rows, _gradient, _workspace);
            if (!float.IsFinite(loss))
            {
                throw new ArithmeticException(
                    $"the loss is {loss} at step {Step}; a smaller learning rate than {Spec.LearningRate} would be right");
            }
            var rate = Spec.LearningRateAt(Step);
            Step++;
            Adam.Step(_parameters, _gradient, _first, _second, Step, rate, Spec.WeightDecay);
            sum += loss;
        }
        return sum / steps;
    }

    /// <summary>y = f(x) with the present parameters; shapes as in <see cref="Perceptron.Forward"/>.</summary>
    public void Predict(ReadOnlySpan<float> x, Span<float> y) =>
        Network.Forward(_parameters, x, x.Length / Network.Inputs, y, _workspace);

    /// <summary>The whole state, canonical and little-endian: magic, sizes, step, parameters, first and second moments.</summary>
    public byte[] ToBytes()
    {
        CheckFinite(_parameters, Network.ParameterCount, "parameter");
        var bytes = new byte[ByteCount];
        var at = bytes.AsSpan();
        BinaryPrimitives.WriteUInt32LittleEndian(at, Magic);
        BinaryPrimitives.WriteInt32LittleEndian(at[4..], Network.Sizes.Length);
        at = at[8..];
        foreach (var size in Network.Sizes)
        {
            BinaryPrimitives.WriteInt32LittleEndian(at, size);
            at = at[4..];
        }
        BinaryPrimitives.WriteInt64LittleEndian(at, Step);
        at = at[8..];
        foreach (var array in (ReadOnlySpan<float[]>)[_parameters, _first, _second])
        {
            foreach (var value in array)
            {
                BinaryPrimitives.WriteSingleLittleEndian(at, value);
                at = at[4..];
            }
        }
        return bytes;
    }

    /// <summary>Puts a state that <see cref="ToBytes"/> gave in place of the present one.</summary>
    /// <exception cref="InvalidDataException">The bytes are no such state, or one of other sizes.</exception>
    public void FromBytes(ReadOnlySpan<byte> bytes)
    {
        var sizes = ReadSizes(bytes);
        if (!sizes.AsSpan().SequenceEqual(Network.Sizes.AsSpan()))
        {
            throw new InvalidDataException(
                $"the state is of a network {string.Join('-', sizes)} where {string.Join('-', Network.Sizes)} would be right");
        }
        var at = bytes[(8 + 4 * sizes.Length)..];
        Step = BinaryPrimitives.ReadInt64LittleEndian(at);
        ReadFloats(at[8..], _parameters);
        ReadFloats(at[(8 + 4 * _parameters.Length)..], _first);
        ReadFloats(at[(8 + 8 * _parameters.Length)..], _second);
    }

    /// <summary>Lower-case hex SHA-256 of <see cref="ToBytes"/>.</summary>
    public string Hash() => Convert.ToHexStringLower(SHA256.HashData(ToBytes()));

    /// <summary>The network and its parameters from a state's bytes.</summary>
    /// <exception cref="InvalidDataException">The bytes are no such state.</exception>
    public static (Perceptron Network, float[] Parameters, long Step) ReadParameters(ReadOnlySpan<byte> bytes)
    {
        var network = new Perceptron(ReadSizes(bytes));
        var at = bytes[(8 + 4 * network.Sizes.Length)..];
        var parameters = new float[network.ParameterCount];
        ReadFloats(at[8..], parameters);
        return (network, parameters, BinaryPrimitives.ReadInt64LittleEndian(at));
    }

    private static int[] ReadSizes(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < 8 || BinaryPrimitives.ReadUInt32LittleEndian(bytes) != Magic)
            throw new InvalidDataException("these bytes are not a perceptron's training state");
        var count = BinaryPrimitives.ReadInt32LittleEndian(bytes[4..]);
        if (count is < 2 or > 64 || bytes.Length < 16 + 4 * count)
            throw new InvalidDataException($"a training state of {bytes.Length} bytes cannot have {count} layer sizes");
        var sizes = new int[count];
        for (var i = 0; i < count; i++) sizes[i] = BinaryPrimitives.ReadInt32LittleEndian(bytes[(8 + 4 * i)..]);
        if (Perceptron.Check(sizes) is { } wrong) throw new InvalidDataException(wrong);
        var expected = 16 + 4 * count + 12 * new Perceptron(sizes).ParameterCount;
        if (bytes.Length != expected) throw new InvalidDataException($"the state has {bytes.Length} bytes where {expected} would be right");
        return sizes;
    }

    private static void ReadFloats(ReadOnlySpan<byte> from, float[] to)
    {
        for (var i = 0; i < to.Length; i++) to[i] = BinaryPrimitives.ReadSingleLittleEndian(from[(4 * i)..]);
    }

    /// <summary>The order of the rows in a pass, from 0.</summary>
    internal static int[] PassOrder(ulong seed, long pass, int rows) => new Philox(seed, PassStreams + (ulong)pass).Permutation(rows);

    private void FillBatch(long step)
    {
        int inputs = Network.Inputs, outputs = Network.Outputs, count = _batchX.Length / inputs;
        for (var i = 0; i < count; i++)
        {
            var position = checked(step * count + i);
            SetPass(position / _rows);
            var row = _order[(int)(position % _rows)];
            _x.AsSpan(row * inputs, inputs).CopyTo(_batchX.AsSpan(i * inputs));
            _y.AsSpan(row * outputs, outputs).CopyTo(_batchY.AsSpan(i * outputs));
        }
    }

    private void SetPass(long pass)
    {
        if (pass == _pass) return;
        _order = PassOrder(Spec.Seed, pass, _rows);
        _pass = pass;
    }

    private static void CheckFinite(ReadOnlySpan<float> values, int width, string what)
    {
        for (var i = 0; i < values.Length; i++)
        {
            if (!float.IsFinite(values[i]))
                throw new ArgumentException($"{what} {i % width} of row {i / width} is {values[i]}; a finite number would be right");
        }
    }
}
