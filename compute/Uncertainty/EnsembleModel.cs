using System.Buffers.Binary;
using System.Collections.Immutable;
using Athanor.Compute.Kernels;

namespace Athanor.Compute.Uncertainty;

/// <summary>Predictions of an ensemble for rows of inputs, in the output's unit.</summary>
/// <param name="Mean">Mean over members, [rows].</param>
/// <param name="Spread">Standard deviation over members (n - 1 in the denominator), not below
/// <see cref="EnsembleModel.SmallestSpread"/> of the output's deviation, [rows].</param>
public sealed record EnsemblePrediction(float[] Mean, float[] Spread);

/// <summary>
/// A deep ensemble (Lakshminarayanan, Pritzel and Blundell, NeurIPS 2017, without their noise head) of perceptrons with one output that differ
/// by their seeds, together with the standardisation learned from the training rows. Canonical bytes, so a model is named by its hash.
/// </summary>
public sealed class EnsembleModel
{
    /// <summary>First bytes: "AEM" and the layout's version.</summary>
    private const uint Magic = 0x014D4541;

    /// <summary>A few members may agree by chance; a spread near zero would make a score of anything.</summary>
    public const double SmallestSpread = 0.01;

    private readonly Perceptron _network;

    public EnsembleModel(
        ImmutableArray<int> sizes, Standardization input, double outputMean, double outputDeviation, ImmutableArray<float[]> members)
    {
        _network = new Perceptron(sizes.AsSpan());
        if (_network.Outputs != 1) throw new ArgumentException($"the network has {_network.Outputs} outputs; 1 would be right");
        if (_network.Inputs != input.Width) throw new ArgumentException($"the network takes {_network.Inputs} inputs, not {input.Width}");
        if (members.IsEmpty) throw new ArgumentException("an ensemble has at least one member");
        foreach (var member in members)
        {
            if (member.Length != _network.ParameterCount)
                throw new ArgumentException($"a member has {member.Length} parameters where {_network.ParameterCount} would be right");
        }
        Input = input;
        OutputMean = outputMean;
        OutputDeviation = outputDeviation;
        Members = members;
    }

    public ImmutableArray<int> Sizes => _network.Sizes;

    public Standardization Input { get; }

    /// <summary>Of the training rows, in the output's unit.</summary>
    public double OutputMean { get; }

    /// <summary>Of the training rows, in the output's unit.</summary>
    public double OutputDeviation { get; }

    /// <summary>The parameters of each member, in <see cref="Perceptron"/>'s order.</summary>
    public ImmutableArray<float[]> Members { get; }

    /// <summary>Mean and spread over the members.</summary>
    /// <param name="x">[all rows, inputs], row-major, as measured.</param>
    /// <param name="rows">Which of them to predict.</param>
    public EnsemblePrediction Predict(ReadOnlySpan<float> x, ReadOnlySpan<int> rows)
    {
        var each = PredictEach(x, rows);
        var mean = new float[rows.Length];
        var spread = new float[rows.Length];
        for (var i = 0; i < rows.Length; i++)
        {
            var sum = 0.0;
            foreach (var member in each) sum += member[i];
            var centre = sum / each.Length;
            var squares = 0.0;
            foreach (var member in each) squares += (member[i] - centre) * (member[i] - centre);
            mean[i] = (float)(OutputMean + OutputDeviation * centre);
            var deviation = each.Length < 2 ? 0.0 : Math.Sqrt(squares / (each.Length - 1));
            spread[i] = (float)(OutputDeviation * Math.Max(deviation, SmallestSpread));
        }
        return new EnsemblePrediction(mean, spread);
    }

    /// <summary>Each member's standardised output, [member][row].</summary>
    internal float[][] PredictEach(ReadOnlySpan<float> x, ReadOnlySpan<int> rows)
    {
        var standard = Input.Apply(x, rows);
        var workspace = new PerceptronWorkspace(_network, Math.Clamp(rows.Length, 1, 256));
        var each = new float[Members.Length][];
        for (var m = 0; m < each.Length; m++)
        {
            each[m] = new float[rows.Length];
            _network.Forward(Members[m], standard, rows.Length, each[m], workspace);
        }
        return each;
    }

    /// <summary>Magic, sizes, per input (log flag, shift, mean, deviation), output mean and deviation, members; little-endian.</summary>
    public byte[] ToBytes()
    {
        using var stream = new MemoryStream();
        using var writer = new BinaryWriter(stream);
        writer.Write(Magic);
        writer.Write(Sizes.Length);
        foreach (var size in Sizes) writer.Write(size);
        for (var c = 0; c < Input.Width; c++)
        {
            writer.Write(Input.IsLog(c) ? 1 : 0);
            writer.Write(Input.Shift(c));
            writer.Write(Input.Means[c]);
            writer.Write(Input.Deviations[c]);
        }
        writer.Write(OutputMean);
        writer.Write(OutputDeviation);
        writer.Write(Members.Length);
        foreach (var member in Members)
        {
            foreach (var value in member) writer.Write(value);
        }
        writer.Flush();
        return stream.ToArray();
    }

    /// <exception cref="InvalidDataException">The bytes are no such model.</exception>
    public static EnsembleModel FromBytes(byte[] bytes)
    {
        if (bytes.Length < 8 || BinaryPrimitives.ReadUInt32LittleEndian(bytes) != Magic)
            throw new InvalidDataException("these bytes are not an ensemble");
        try
        {
            using var reader = new BinaryReader(new MemoryStream(bytes));
            reader.ReadUInt32();
            var layers = reader.ReadInt32();
            if (layers is < 2 or > 64) throw new InvalidDataException($"an ensemble of {layers} layers");
            var sizes = new int[layers];
            for (var i = 0; i < layers; i++) sizes[i] = reader.ReadInt32();
            var network = new Perceptron(sizes);
            var logs = new List<LogShift>();
            double[] means = new double[sizes[0]], deviations = new double[sizes[0]];
            for (var c = 0; c < sizes[0]; c++)
            {
                var isLog = reader.ReadInt32() != 0;
                var shift = reader.ReadDouble();
                if (isLog) logs.Add(new LogShift(c, shift));
                means[c] = reader.ReadDouble();
                deviations[c] = reader.ReadDouble();
            }
            var (mean, deviation) = (reader.ReadDouble(), reader.ReadDouble());
            var members = new float[reader.ReadInt32()][];
            for (var m = 0; m < members.Length; m++)
            {
                members[m] = new float[network.ParameterCount];
                for (var i = 0; i < members[m].Length; i++) members[m][i] = reader.ReadSingle();
            }
            if (reader.BaseStream.Position != bytes.Length) throw new InvalidDataException("an ensemble with bytes left over");
            return new EnsembleModel([.. sizes], Standardization.Of(means, deviations, [.. logs]), mean, deviation, [.. members]);
        }
        catch (Exception e) when (e is EndOfStreamException or ArgumentException or OverflowException)
        {
            throw new InvalidDataException($"these bytes are not an ensemble: {e.Message}", e);
        }
    }
}
