using Athanor.Compute.Numerics;

namespace Athanor.Compute.Uncertainty;

/// <summary>x → ln(x + Shift) for one column, before standardising: for a column that was measured on a logarithmic scale.</summary>
public readonly record struct LogShift(int Column, double Shift);

/// <summary>Column-wise (x - mean) / deviation, learned from training rows alone. Sums run in row order in double, so the same bits
/// everywhere.</summary>
public sealed class Standardization
{
    private readonly double[] _shift;
    private readonly bool[] _log;

    private Standardization(int width, ReadOnlySpan<LogShift> logs)
    {
        Means = new double[width];
        Deviations = new double[width];
        _shift = new double[width];
        _log = new bool[width];
        foreach (var log in logs)
        {
            if (log.Column < 0 || log.Column >= width)
                throw new ArgumentException($"a logarithm is asked of column {log.Column} where columns 0 to {width - 1} would be right");
            _log[log.Column] = true;
            _shift[log.Column] = log.Shift;
        }
    }

    public int Width => Means.Length;

    public double[] Means { get; }

    /// <summary>Root mean square deviations over the training rows; 1 for a column that does not vary.</summary>
    public double[] Deviations { get; }

    /// <summary>One whose numbers are known.</summary>
    public static Standardization Of(ReadOnlySpan<double> means, ReadOnlySpan<double> deviations, ReadOnlySpan<LogShift> logs)
    {
        var result = new Standardization(means.Length, logs);
        means.CopyTo(result.Means);
        deviations.CopyTo(result.Deviations);
        return result;
    }

    public bool IsLog(int column) => _log[column];

    /// <summary>What is added before the logarithm; 0 without one.</summary>
    public double Shift(int column) => _shift[column];

    /// <param name="x">[rows, width], row-major.</param>
    /// <exception cref="ArgumentException">A logarithm's argument is not positive; the message says where.</exception>
    public static Standardization Fit(ReadOnlySpan<float> x, int width, ReadOnlySpan<int> rows, ReadOnlySpan<LogShift> logs)
    {
        var result = new Standardization(width, logs);
        for (var c = 0; c < width; c++)
        {
            var sum = 0.0;
            foreach (var row in rows) sum += result.Transform(x[row * width + c], row, c);
            var mean = sum / rows.Length;
            var squares = 0.0;
            foreach (var row in rows)
            {
                var d = result.Transform(x[row * width + c], row, c) - mean;
                squares += d * d;
            }
            result.Means[c] = mean;
            result.Deviations[c] = squares > 0.0 ? Math.Sqrt(squares / rows.Length) : 1.0;
        }
        return result;
    }

    /// <summary>The rows named, standardised: [rows.Length, width], row-major.</summary>
    public float[] Apply(ReadOnlySpan<float> x, ReadOnlySpan<int> rows)
    {
        var width = Means.Length;
        var result = new float[rows.Length * width];
        for (var i = 0; i < rows.Length; i++)
        {
            for (var c = 0; c < width; c++)
                result[i * width + c] = (float)((Transform(x[rows[i] * width + c], rows[i], c) - Means[c]) / Deviations[c]);
        }
        return result;
    }

    private double Transform(double value, int row, int column)
    {
        if (!_log[column]) return value;
        var shifted = value + _shift[column];
        if (!(shifted > 0.0))
        {
            throw new ArgumentException(
                $"row {row}, column {column}: {value} + {_shift[column]} has no logarithm; " +
                "a shift that makes every value positive would be right");
        }
        return DetMath.Log(shifted);
    }
}
