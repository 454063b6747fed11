using Athanor.Compute.Training;

namespace Athanor.Compute.Neural.Models;

/// <summary>One measured or computed trajectory. Controls hold from their row to the next.</summary>
/// <param name="Times">[rows], rising.</param>
/// <param name="Controls">[rows, controls]</param>
/// <param name="Outputs">[rows, observed states]</param>
public sealed record ProcessRecord(double[] Times, double[] Controls, double[] Outputs)
{
    public int Rows => Times.Length;

    /// <summary>Rows [first, first + count).</summary>
    public ProcessRecord Slice(int first, int count)
    {
        int controls = Controls.Length / Rows, outputs = Outputs.Length / Rows;
        return new ProcessRecord(
            Times.AsSpan(first, count).ToArray(), Controls.AsSpan(first * controls, count * controls).ToArray(),
            Outputs.AsSpan(first * outputs, count * outputs).ToArray());
    }

    /// <exception cref="TrainingException">The sizes do not fit the model, or the times do not rise.</exception>
    public void Check(int controls, int outputs)
    {
        if (Rows < 2) throw new TrainingException($"a record has {Rows} rows; at least 2 are needed");
        if (Controls.Length != Rows * controls || Outputs.Length != Rows * outputs)
        {
            throw new TrainingException(
                $"a record of {Rows} rows has {Controls.Length} controls and {Outputs.Length} outputs "
                + $"where the model has {controls} and {outputs} a row");
        }
        for (var k = 1; k < Rows; k++)
        {
            if (!(Times[k] > Times[k - 1])) throw new TrainingException($"the time does not rise from row {k} to row {k + 1} of a record");
        }
        foreach (var value in Outputs)
        {
            if (!double.IsFinite(value)) throw new TrainingException("a record holds a number that is not finite");
        }
    }
}
