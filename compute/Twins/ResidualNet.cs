using Athanor.Compute.Numerics;

namespace Athanor.Compute.Twins;

/// <summary>
/// The learned part of a hybrid heater: r(z) = c·z + v·tanh(W z + b), a perceptron with one hidden layer and a linear path, z the scaled
/// heater temperature, its distance from the remembered surroundings, its distance from the sensor, and the power. With zero
/// weights it is zero, so training starts from the plain energy balance. Sums run in index order: same bits everywhere.
/// </summary>
public static class ResidualNet
{
    /// <summary>Number of inputs.</summary>
    public const int Inputs = 4;

    /// <summary>Most hidden units.</summary>
    public const int MaxHidden = 64;

    /// <summary>The unit of the output, K/s.</summary>
    public const double Scale = 0.02;

    /// <summary>Number of weights of a net with <paramref name="hidden"/> units: W (hidden, 4), b (hidden), v (hidden), c (4).</summary>
    public static int WeightCount(int hidden) => (hidden * (Inputs + 2)) + Inputs;

    /// <summary>Number of hidden units of a net with <paramref name="weights"/> weights, or -1 if no net has as many.</summary>
    public static int HiddenOf(int weights)
    {
        var hidden = (weights - Inputs) / (Inputs + 2);
        return hidden >= 0 && hidden <= MaxHidden && WeightCount(hidden) == weights ? hidden : -1;
    }

    /// <summary>Hidden weights uniform in ±1/√4, everything that reaches the output zero.</summary>
    public static double[] Initial(int hidden, ulong seed)
    {
        var weights = new double[WeightCount(hidden)];
        var random = new Philox(seed, 0);
        for (var i = 0; i < hidden * (Inputs + 1); i++) weights[i] = random.NextDouble() - 0.5;
        return weights;
    }

    /// <summary>The scaled inputs.</summary>
    public static void Scaled(double heater, double sensor, double memory, double power, Span<double> z)
    {
        z[0] = (heater - 45.0) * (1.0 / 20.0);
        z[1] = (heater - memory) * (1.0 / 10.0);
        z[2] = (heater - sensor) * (1.0 / 5.0);
        z[3] = (power - 35.0) * (1.0 / 25.0);
    }

    /// <summary>The residual in K/s and, if asked for, its gradient by the four inputs.</summary>
    /// <param name="activations">Receives tanh of the hidden units, shape (hidden).</param>
    /// <param name="gradient">Receives ∂r/∂z, shape (4); empty for none.</param>
    public static double Forward(ReadOnlySpan<double> weights, ReadOnlySpan<double> z, Span<double> activations, Span<double> gradient)
    {
        var hidden = activations.Length;
        var bias = weights.Slice(hidden * Inputs, hidden);
        var output = weights.Slice(hidden * (Inputs + 1), hidden);
        var linear = weights.Slice(hidden * (Inputs + 2), Inputs);
        var sum = (((linear[0] * z[0]) + (linear[1] * z[1])) + (linear[2] * z[2])) + (linear[3] * z[3]);
        for (var h = 0; h < hidden; h++)
        {
            var w = weights.Slice(h * Inputs, Inputs);
            var a = DetMath.Tanh((((bias[h] + (w[0] * z[0])) + (w[1] * z[1])) + (w[2] * z[2])) + (w[3] * z[3]));
            activations[h] = a;
            sum += output[h] * a;
        }
        if (!gradient.IsEmpty)
        {
            linear.CopyTo(gradient);
            for (var h = 0; h < hidden; h++)
            {
                var slope = output[h] * (1.0 - (activations[h] * activations[h]));
                for (var i = 0; i < Inputs; i++) gradient[i] += slope * weights[(h * Inputs) + i];
            }
            for (var i = 0; i < Inputs; i++) gradient[i] *= Scale;
        }
        return Scale * sum;
    }

    /// <summary>Adjoint of <see cref="Forward"/>: adds ∂/∂weights of <paramref name="seed"/>·r to <paramref name="weightGradient"/> and gives
    /// ∂/∂z.</summary>
    public static void Adjoint(
        ReadOnlySpan<double> weights, ReadOnlySpan<double> z, ReadOnlySpan<double> activations, double seed, Span<double> weightGradient,
        Span<double> inputGradient)
    {
        var hidden = activations.Length;
        var s = seed * Scale;
        var linear = hidden * (Inputs + 2);
        for (var i = 0; i < Inputs; i++)
        {
            weightGradient[linear + i] += s * z[i];
            inputGradient[i] = s * weights[linear + i];
        }
        for (var h = 0; h < hidden; h++)
        {
            var a = activations[h];
            weightGradient[(hidden * (Inputs + 1)) + h] += s * a;
            var d = s * weights[(hidden * (Inputs + 1)) + h] * (1.0 - (a * a));
            weightGradient[(hidden * Inputs) + h] += d;
            for (var i = 0; i < Inputs; i++)
            {
                weightGradient[(h * Inputs) + i] += d * z[i];
                inputGradient[i] += d * weights[(h * Inputs) + i];
            }
        }
    }
}
