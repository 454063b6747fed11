using Athanor.Compute.Linear;

namespace Athanor.Compute.Estimation;

/// <summary>
/// Linear ARX(na, nb) with a constant: y[k] = Σ a[i] y[k-1-i] + Σ b[i] u[k-1-i] + c, fitted by least squares on one-step errors
/// (Ljung, System Identification, 2nd ed., sect. 4.2): the usual yardstick for models of a plant unit.
/// </summary>
public sealed class ArxModel
{
    private readonly double[] _coefficients;

    private ArxModel(int outputLags, int inputLags, double[] coefficients)
    {
        OutputLags = outputLags;
        InputLags = inputLags;
        _coefficients = coefficients;
    }

    public int OutputLags { get; }

    public int InputLags { get; }

    /// <summary>(a..., b..., c), shape (na + nb + 1).</summary>
    public IReadOnlyList<double> Coefficients => _coefficients;

    /// <summary>Fits rows [0, length of <paramref name="outputs"/>).</summary>
    /// <param name="inputs">Shape (rows).</param>
    /// <param name="outputs">Shape (rows).</param>
    /// <exception cref="ArgumentException">There are too few rows, or the inputs do not move enough to tell the coefficients apart.</exception>
    public static ArxModel Fit(ReadOnlySpan<double> inputs, ReadOnlySpan<double> outputs, int outputLags, int inputLags)
    {
        var n = outputLags + inputLags + 1;
        var lags = Math.Max(outputLags, inputLags);
        if (inputs.Length != outputs.Length)
            throw new ArgumentException($"{inputs.Length} inputs do not go with {outputs.Length} outputs");
        if (outputs.Length < lags + (2 * n))
            throw new ArgumentException($"ARX({outputLags},{inputLags}) needs at least {lags + (2 * n)} rows, not {outputs.Length}");
        var normal = new double[n * n];
        var right = new double[n];
        Span<double> regressor = stackalloc double[n];
        for (var k = lags; k < outputs.Length; k++)
        {
            Regressor(inputs, outputs, k, outputLags, inputLags, regressor);
            for (var i = 0; i < n; i++)
            {
                right[i] += regressor[i] * outputs[k];
                for (var j = 0; j < n; j++) normal[(i * n) + j] += regressor[i] * regressor[j];
            }
        }
        if (!SolveNormal(normal, right))
            throw new ArgumentException("the rows do not tell the coefficients apart: the inputs or the output hardly move");
        return new ArxModel(outputLags, inputLags, right);
    }

    /// <summary>One-step prediction of row <paramref name="k"/> from measured rows before it.</summary>
    public double Predict(ReadOnlySpan<double> inputs, ReadOnlySpan<double> outputs, int k)
    {
        Span<double> regressor = stackalloc double[_coefficients.Length];
        Regressor(inputs, outputs, k, OutputLags, InputLags, regressor);
        var sum = 0.0;
        for (var i = 0; i < regressor.Length; i++) sum += _coefficients[i] * regressor[i];
        return sum;
    }

    /// <summary>The mean one-step error over the <paramref name="window"/> rows before <paramref name="start"/>: what the constant should
    /// be raised by there.</summary>
    public double Offset(ReadOnlySpan<double> inputs, ReadOnlySpan<double> outputs, int start, int window)
    {
        var first = Math.Max(Math.Max(OutputLags, InputLags), start - window);
        var sum = 0.0;
        for (var k = first; k < start; k++) sum += outputs[k] - Predict(inputs, outputs, k);
        return start > first ? sum / (start - first) : 0.0;
    }

    /// <summary>Free run of rows [start, start + count): from measured rows before the start, then from its own predictions.</summary>
    /// <param name="offset">Added to the constant.</param>
    public double[] FreeRun(ReadOnlySpan<double> inputs, ReadOnlySpan<double> outputs, int start, int count, double offset = 0.0)
    {
        var lags = Math.Max(OutputLags, InputLags);
        if (start < lags) throw new ArgumentOutOfRangeException(nameof(start), start, $"a free run starts at row {lags} at the earliest");
        var run = new double[lags + count];
        outputs.Slice(start - lags, lags).CopyTo(run);
        var shifted = inputs.Slice(start - lags, lags + count);
        for (var k = lags; k < run.Length; k++) run[k] = Predict(shifted, run, k) + offset;
        return run[lags..];
    }

    /// <summary>Solves the normal equations with unit diagonal, by Cholesky's factors; false if they are singular.</summary>
    private static bool SolveNormal(Span<double> normal, Span<double> right)
    {
        var n = right.Length;
        Span<double> scale = stackalloc double[n];
        for (var i = 0; i < n; i++)
        {
            if (!(normal[(i * n) + i] > 0)) return false;
            scale[i] = 1.0 / Math.Sqrt(normal[(i * n) + i]);
        }
        for (var i = 0; i < n; i++)
        {
            right[i] *= scale[i];
            for (var j = 0; j < n; j++) normal[(i * n) + j] *= scale[i] * scale[j];
        }
        if (!SmallCholesky.Factor(normal, n)) return false;
        SmallCholesky.Solve(normal, n, right);
        for (var i = 0; i < n; i++) right[i] *= scale[i];
        return true;
    }

    private static void Regressor(
        ReadOnlySpan<double> inputs, ReadOnlySpan<double> outputs, int k, int outputLags, int inputLags, Span<double> regressor)
    {
        for (var i = 0; i < outputLags; i++) regressor[i] = outputs[k - 1 - i];
        for (var i = 0; i < inputLags; i++) regressor[outputLags + i] = inputs[k - 1 - i];
        regressor[^1] = 1.0;
    }
}
