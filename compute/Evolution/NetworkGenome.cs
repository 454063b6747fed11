using System.Collections.Immutable;
using Athanor.Compute.Trust;

namespace Athanor.Compute.Evolution;

/// <summary>A perceptron and how to train it: what evolution varies.</summary>
/// <param name="Widths">Units of each hidden layer, inputs first.</param>
public sealed record NetworkGenome(ImmutableArray<int> Widths, double LearningRate, int BatchSize)
{
    /// <summary>Weights and biases of a network with one output.</summary>
    public int Parameters(int inputs)
    {
        var (sum, from) = (0, inputs);
        foreach (var width in Widths.Append(1))
        {
            sum += (from + 1) * width;
            from = width;
        }
        return sum;
    }

    /// <summary>Equal genomes have equal hashes: SHA-256 (hex) of the canonical bytes.</summary>
    public string Hash()
    {
        var writer = new CanonicalWriter("athanor.genome.1").Number(Widths.Length);
        foreach (var width in Widths) writer.Number(width);
        return Convert.ToHexStringLower(writer.Real(LearningRate).Number(BatchSize).Hash());
    }
}
