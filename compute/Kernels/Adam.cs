using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Athanor.Compute.Kernels;

/// <summary>
/// Adam (Kingma and Ba, ICLR 2015, algorithm 1) with PyTorch's defaults and, optionally, decoupled weight decay (Loshchilov and Hutter,
/// ICLR 2019). Element by element in one order of operations, so the same bits everywhere.
/// </summary>
public static class Adam
{
    public const float Beta1 = 0.9f;
    public const float Beta2 = 0.999f;
    public const float Epsilon = 1e-8f;

    /// <summary>One step.</summary>
    /// <param name="step">From 1.</param>
    /// <param name="first">Running mean of the gradient, [parameters].</param>
    /// <param name="second">Running mean of its square, [parameters].</param>
    /// <param name="weightDecay">Each step multiplies the parameters by 1 - learningRate * weightDecay first.</param>
    public static void Step(
        Span<float> parameters, ReadOnlySpan<float> gradient, Span<float> first, Span<float> second, long step, double learningRate,
        double weightDecay = 0.0)
    {
        var count = parameters.Length;
        if (gradient.Length != count || first.Length != count || second.Length != count)
        {
            throw new ArgumentException(
                $"parameters, gradient and moments have {count}, {gradient.Length}, {first.Length} and {second.Length} elements");
        }
        ArgumentOutOfRangeException.ThrowIfLessThan(step, 1);
        // p -= lr (m / c1) / (sqrt(v / c2) + eps)
        var rate = (float)(learningRate / (1.0 - Power(Beta1, step)));
        var correction = (float)(1.0 / Math.Sqrt(1.0 - Power(Beta2, step)));
        var keep = (float)(1.0 - learningRate * weightDecay);

        ref var p = ref MemoryMarshal.GetReference(parameters);
        ref var g = ref MemoryMarshal.GetReference(gradient);
        ref var m = ref MemoryMarshal.GetReference(first);
        ref var v = ref MemoryMarshal.GetReference(second);
        nuint i = 0, n = (nuint)count;
        for (; i + 16 <= n; i += 16)
        {
            var gradients = Vector512.LoadUnsafe(ref g, i);
            var means = Vector512.FusedMultiplyAdd(
                Vector512.Create(Beta1), Vector512.LoadUnsafe(ref m, i), Vector512.Create(1.0f - Beta1) * gradients);
            var squares = Vector512.FusedMultiplyAdd(
                Vector512.Create(Beta2), Vector512.LoadUnsafe(ref v, i), Vector512.Create(1.0f - Beta2) * gradients * gradients);
            var scale = Vector512.FusedMultiplyAdd(Vector512.Sqrt(squares), Vector512.Create(correction), Vector512.Create(Epsilon));
            var values = Vector512.LoadUnsafe(ref p, i) * Vector512.Create(keep) - Vector512.Create(rate) * means / scale;
            means.StoreUnsafe(ref m, i);
            squares.StoreUnsafe(ref v, i);
            values.StoreUnsafe(ref p, i);
        }
        for (var k = (int)i; k < count; k++)
        {
            var mean = MathF.FusedMultiplyAdd(Beta1, first[k], (1.0f - Beta1) * gradient[k]);
            var square = MathF.FusedMultiplyAdd(Beta2, second[k], (1.0f - Beta2) * gradient[k] * gradient[k]);
            var scale = MathF.FusedMultiplyAdd(MathF.Sqrt(square), correction, Epsilon);
            parameters[k] = parameters[k] * keep - rate * mean / scale;
            first[k] = mean;
            second[k] = square;
        }
    }

    /// <summary>x^n by repeated squaring: the platform's pow promises no bits.</summary>
    private static double Power(double x, long n)
    {
        var result = 1.0;
        for (; n > 0; n >>= 1, x *= x)
        {
            if ((n & 1) != 0) result *= x;
        }
        return result;
    }
}
