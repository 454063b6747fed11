using System.Numerics;
using Athanor.Compute.Neural;

namespace Athanor.Compute.Training;

/// <summary>A perceptron on a table's rows, which another engine may compute in our kernels' place.</summary>
internal interface IPerceptronTask<T> : ITrainingTask<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    PerceptronData<T> Rows { get; }
}

/// <param name="X">[rows of the table, inputs]</param>
/// <param name="Y">[rows, outputs]; empty of a classifier.</param>
/// <param name="Labels">[rows]; empty of a regression.</param>
/// <param name="Train">Rows of the training samples.</param>
/// <param name="Validation">Rows of the validation.</param>
/// <param name="Weight">Of the squared error; of a classifier that of the cross-entropy.</param>
/// <param name="Absolute">Weight of the absolute error.</param>
/// <param name="TargetDeviations">[outputs], by which Y was divided; empty of a classifier.</param>
internal sealed record PerceptronData<T>(
    DenseNet<T> Network, T[] X, T[] Y, int[] Labels, int[] Train, int[] Validation, double Weight, double Absolute,
    double[] TargetDeviations)
    where T : unmanaged, IBinaryFloatingPointIeee754<T>;
