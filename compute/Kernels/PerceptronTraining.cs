using System.Collections.Immutable;
using Athanor.Compute.Numerics;

namespace Athanor.Compute.Kernels;

/// <summary>Everything that decides a perceptron's training but its data: with the data it fixes every bit of every state.</summary>
/// <param name="Sizes">Inputs, hidden widths, outputs.</param>
/// <param name="Seed">Of the initial weights and of the order of the rows.</param>
/// <param name="TotalSteps">Where the learning rate's schedule ends.</param>
/// <param name="BatchRows">Rows of a mini-batch; all rows if there are fewer.</param>
/// <param name="LearningRate">At step 0; falls as half a cosine to <paramref name="FinalLearningRate"/> at the last step
/// (Loshchilov and Hutter, SGDR, ICLR 2017, without restarts).</param>
/// <param name="WeightDecay">Decoupled; 0 for none.</param>
public sealed record PerceptronTraining(
    ImmutableArray<int> Sizes, ulong Seed, long TotalSteps, int BatchRows, double LearningRate, double FinalLearningRate = 0.0,
    double WeightDecay = 0.0)
{
    /// <summary>What is wrong with this, or null.</summary>
    public string? Check()
    {
        if (Sizes.IsDefault) return "sizes are missing";
        if (Perceptron.Check(Sizes.AsSpan()) is { } wrong) return wrong;
        if (TotalSteps < 1) return $"total steps are {TotalSteps}; at least 1 would be right";
        if (BatchRows < 1) return $"batch rows are {BatchRows}; at least 1 would be right";
        if (!double.IsFinite(LearningRate) || LearningRate <= 0.0)
            return $"the learning rate is {LearningRate}; a positive number would be right";
        if (!double.IsFinite(FinalLearningRate) || FinalLearningRate < 0.0 || FinalLearningRate > LearningRate)
            return $"the final learning rate is {FinalLearningRate}; 0 to {LearningRate} would be right";
        if (!double.IsFinite(WeightDecay) || WeightDecay < 0.0) return $"the weight decay is {WeightDecay}; 0 or more would be right";
        return null;
    }

    /// <summary>The learning rate of a step, from 0.</summary>
    public double LearningRateAt(long step)
    {
        var cosine = 0.5 * (1.0 + DetMath.CosPi(Math.Min(step, TotalSteps) / (double)TotalSteps));
        return Math.FusedMultiplyAdd(cosine, LearningRate - FinalLearningRate, FinalLearningRate);
    }
}
