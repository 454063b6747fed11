using System.Numerics;
using System.Runtime.InteropServices;

namespace Athanor.Compute.Training;

/// <summary>
/// One step of an optimiser, element by element: no sum runs over elements, and each product and sum is rounded by itself, so the bits do
/// not depend on the vectors' width.
/// </summary>
internal static class Optimiser
{
    /// <summary>Which moments there are: Adam's two, SGD's momentum, or none.</summary>
    public static int Moments(OptimiserSettings settings) => settings.Kind switch
    {
        OptimiserKind.Sgd => settings.Momentum > 0.0 ? 1 : 0,
        OptimiserKind.Lbfgs => 0,
        _ => 2,
    };

    /// <param name="step">From 1.</param>
    /// <param name="first">[parameters], or empty without moments.</param>
    /// <param name="second">[parameters]; of Adam alone.</param>
    public static void Step<T>(
        OptimiserSettings settings, double rate, long step, Span<T> parameters, ReadOnlySpan<T> gradient, Span<T> first, Span<T> second)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (settings.Kind == OptimiserKind.Sgd) Descend(settings, rate, parameters, gradient, first);
        else Adam(settings, rate, step, parameters, gradient, first, second);
    }

    /// <summary>x^n by repeated squaring: the platform's pow promises no bits.</summary>
    public static double Power(double x, long n)
    {
        var result = 1.0;
        for (; n > 0; n >>= 1, x *= x)
        {
            if ((n & 1) != 0) result *= x;
        }
        return result;
    }

    private static void Descend<T>(OptimiserSettings settings, double rate, Span<T> parameters, ReadOnlySpan<T> gradient, Span<T> momentum)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        T lr = T.CreateChecked(rate), mu = T.CreateChecked(settings.Momentum), decay = T.CreateChecked(settings.WeightDecay);
        for (var i = 0; i < parameters.Length; i++)
        {
            var g = gradient[i] + decay * parameters[i];
            if (!momentum.IsEmpty)
            {
                momentum[i] = mu * momentum[i] + g;
                g = momentum[i];
            }
            parameters[i] -= lr * g;
        }
    }

    private static void Adam<T>(
        OptimiserSettings settings, double rate, long step, Span<T> parameters, ReadOnlySpan<T> gradient, Span<T> first, Span<T> second)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        // p -= lr (m / c1) / (sqrt(v / c2) + eps)
        T lr = T.CreateChecked(rate / (1.0 - Power(settings.Beta1, step)));
        T correction = T.CreateChecked(1.0 / Math.Sqrt(1.0 - Power(settings.Beta2, step)));
        T b1 = T.CreateChecked(settings.Beta1), c1 = T.CreateChecked(1.0 - settings.Beta1);
        T b2 = T.CreateChecked(settings.Beta2), c2 = T.CreateChecked(1.0 - settings.Beta2);
        T epsilon = T.CreateChecked(settings.Epsilon);
        var decoupled = settings.Kind == OptimiserKind.AdamW;
        T keep = T.CreateChecked(decoupled ? 1.0 - rate * settings.WeightDecay : 1.0);
        T decay = T.CreateChecked(decoupled ? 0.0 : settings.WeightDecay);

        var p = MemoryMarshal.Cast<T, Vector<T>>(parameters);
        var g = MemoryMarshal.Cast<T, Vector<T>>(gradient);
        var m = MemoryMarshal.Cast<T, Vector<T>>(first);
        var v = MemoryMarshal.Cast<T, Vector<T>>(second);
        for (var i = 0; i < p.Length; i++)
        {
            var slope = g[i] + decay * p[i];
            var mean = b1 * m[i] + c1 * slope;
            var square = b2 * v[i] + c2 * slope * slope;
            p[i] = keep * p[i] - lr * mean / (Vector.SquareRoot(square) * correction + new Vector<T>(epsilon));
            m[i] = mean;
            v[i] = square;
        }
        for (var i = p.Length * Vector<T>.Count; i < parameters.Length; i++)
        {
            var slope = gradient[i] + decay * parameters[i];
            var mean = b1 * first[i] + c1 * slope;
            var square = b2 * second[i] + c2 * slope * slope;
            parameters[i] = keep * parameters[i] - lr * mean / (T.Sqrt(square) * correction + epsilon);
            first[i] = mean;
            second[i] = square;
        }
    }
}
