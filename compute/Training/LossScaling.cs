using System.Numerics;

namespace Athanor.Compute.Training;

/// <summary>
/// Keeps small gradients of half precision above its least number: the loss is multiplied by a scale before its gradient is taken, and the
/// gradient divided by it afterwards (Micikevicius et al., Mixed precision training, ICLR 2018; PyTorch's <c>GradScaler</c>). Where a gradient
/// is not finite, the step is skipped and the scale halved; after so many steps in a row without that it is doubled.
/// </summary>
/// <param name="Initial">A power of two, so that scaling rounds nothing.</param>
/// <param name="Every">Steps in a row after which the scale is doubled.</param>
public sealed record LossScaling(double Initial = 65536.0, int Every = 2000)
{
    /// <summary>Below this the scale is not to blame, and the guard takes over.</summary>
    public const double Least = 1.0;

    /// <summary>Largest power of two in float32.</summary>
    public const double Most = 1.7014118346046923e38;

    /// <summary>What is wrong with this, and what would be right; null if nothing is.</summary>
    public string? Check() => !(Initial is >= Least and <= Most) || double.Log2(Initial) % 1.0 != 0.0
        ? string.Create(
            System.Globalization.CultureInfo.InvariantCulture, $"model.loss-scale.initial is {Initial:R}; a power of two from 1 to 2^127 would be right")
        : Every < 1 ? $"model.loss-scale.every is {Every}; at least 1 would be right" : null;
}

/// <summary>A task whose gradient may be taken of the loss times a scale.</summary>
public interface IScaledTask<T> : ITrainingTask<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>Null: nothing is scaled.</summary>
    LossScaling? Scaling { get; }

    /// <summary>As <see cref="ITrainingTask{T}.Gradient"/>, but what is added to <paramref name="gradient"/> is <paramref name="scale"/> times
    /// the gradient.</summary>
    /// <returns>The loss itself.</returns>
    double Gradient(ReadOnlySpan<T> parameters, ReadOnlySpan<int> samples, Span<T> gradient, object scratch, double scale);
}

/// <summary>So many samples at once do not fit into the device's memory; fewer may.</summary>
public sealed class DeviceMemoryException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>A batch goes through the model in smaller pieces from here on, since the device's memory ran out.</summary>
/// <param name="Step">Steps done.</param>
/// <param name="From">Samples at once that did not fit.</param>
/// <param name="To">Samples at once from here on.</param>
public sealed record MicroBatchCut(long Step, int From, int To, string Cause);
