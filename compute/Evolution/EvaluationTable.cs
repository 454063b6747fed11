using System.Buffers.Binary;

namespace Athanor.Compute.Evolution;

/// <summary>The table that genomes are trained on, scaled by the training rows to mean 0 and standard deviation 1; sums run in the order of
/// the rows, so the scaled numbers are the same bits everywhere.</summary>
public sealed class EvaluationTable
{
    private EvaluationTable(int inputs, float[] x, float[] y, float[] validationX, double[] validationY, double mean, double deviation)
    {
        Inputs = inputs;
        (TrainingX, TrainingY, ValidationX, ValidationY) = (x, y, validationX, validationY);
        (TargetMean, TargetDeviation) = (mean, deviation);
    }

    public int Inputs { get; }

    /// <summary>[training rows, inputs], scaled.</summary>
    public float[] TrainingX { get; }

    /// <summary>[training rows], scaled.</summary>
    public float[] TrainingY { get; }

    /// <summary>[validation rows, inputs], scaled.</summary>
    public float[] ValidationX { get; }

    /// <summary>[validation rows], in the target's unit.</summary>
    public double[] ValidationY { get; }

    public double TargetMean { get; }

    public double TargetDeviation { get; }

    /// <summary>The blob of a table: little-endian doubles, row by row, inputs then the target, training rows first.</summary>
    /// <param name="rows">Shape (rows, inputs + 1).</param>
    public static byte[] ToBytes(IReadOnlyList<double[]> rows)
    {
        var width = rows.Count == 0 ? 0 : rows[0].Length;
        var bytes = new byte[8 * width * rows.Count];
        for (var r = 0; r < rows.Count; r++)
        {
            if (rows[r].Length != width) throw new ArgumentException($"row {r} has {rows[r].Length} numbers; row 0 has {width}");
            for (var c = 0; c < width; c++)
                BinaryPrimitives.WriteDoubleLittleEndian(bytes.AsSpan(8 * (r * width + c)), rows[r][c]);
        }
        return bytes;
    }

    /// <exception cref="InvalidDataException">The bytes are not such a table; the message says what would be right.</exception>
    public static EvaluationTable Read(ReadOnlySpan<byte> bytes, int inputs, int trainingRows, int validationRows)
    {
        var width = inputs + 1;
        if (inputs < 1 || trainingRows < 2 || validationRows < 1)
            throw new InvalidDataException($"{inputs} inputs, {trainingRows} training and {validationRows} validation rows are no table");
        var expected = 8L * width * (trainingRows + validationRows);
        if (bytes.Length != expected)
            throw new InvalidDataException($"the table has {bytes.Length} bytes; {trainingRows} + {validationRows} rows of {width} numbers are {expected}");
        var values = new double[bytes.Length / 8];
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = BinaryPrimitives.ReadDoubleLittleEndian(bytes[(8 * i)..]);
            if (!double.IsFinite(values[i])) throw new InvalidDataException($"row {i / width}, column {i % width} is {values[i]}");
        }
        var mean = new double[width];
        var deviation = new double[width];
        for (var c = 0; c < width; c++)
        {
            for (var r = 0; r < trainingRows; r++) mean[c] += values[r * width + c];
            mean[c] /= trainingRows;
            for (var r = 0; r < trainingRows; r++)
            {
                var d = values[r * width + c] - mean[c];
                deviation[c] = Math.FusedMultiplyAdd(d, d, deviation[c]);
            }
            deviation[c] = Math.Sqrt(deviation[c] / trainingRows);
            if (deviation[c] == 0) throw new InvalidDataException($"column {c} is {mean[c]} in every training row; it says nothing");
        }
        var (x, y) = (new float[trainingRows * inputs], new float[trainingRows]);
        var (validationX, validationY) = (new float[validationRows * inputs], new double[validationRows]);
        for (var r = 0; r < trainingRows + validationRows; r++)
        {
            var v = r - trainingRows;
            for (var c = 0; c < inputs; c++)
            {
                var scaled = (float)((values[r * width + c] - mean[c]) / deviation[c]);
                if (v < 0) x[r * inputs + c] = scaled;
                else validationX[v * inputs + c] = scaled;
            }
            var target = values[r * width + inputs];
            if (v < 0) y[r] = (float)((target - mean[inputs]) / deviation[inputs]);
            else validationY[v] = target;
        }
        return new EvaluationTable(inputs, x, y, validationX, validationY, mean[inputs], deviation[inputs]);
    }
}
