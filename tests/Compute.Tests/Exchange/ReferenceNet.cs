using System.Collections.Immutable;
using Athanor.Compute.Exchange;
using Athanor.Compute.Tensors;

namespace Compute.Tests.Exchange;

/// <summary>A net written down as plainly as can be, in double precision, with the runtime's own functions: what exports are held to where no
/// kernel of ours does.</summary>
internal static class ReferenceNet
{
    public static NetWeights Random(string activation, bool isDouble, int seed, params int[] sizes)
    {
        var random = new Random(seed);
        var (weights, biases) = (ImmutableArray.CreateBuilder<SafeTensor>(), ImmutableArray.CreateBuilder<SafeTensor>());
        for (var l = 0; l + 1 < sizes.Length; l++)
        {
            weights.Add(Values(sizes[l + 1] * sizes[l], [sizes[l + 1], sizes[l]]));
            biases.Add(Values(sizes[l + 1], [sizes[l + 1]]));
        }
        return new NetWeights("layers.", [.. sizes], activation, weights.ToImmutable(), biases.ToImmutable());

        SafeTensor Values(int count, long[] shape)
        {
            var values = Enumerable.Range(0, count).Select(_ => (random.NextDouble() - 0.5) * 2).ToArray();
            return isDouble ? SafeTensor.Of(values, shape) : SafeTensor.Of(Array.ConvertAll(values, static v => (float)v), shape);
        }
    }

    /// <summary>Outputs of one row.</summary>
    public static double[] Apply(NetWeights net, double[] x)
    {
        for (var l = 0; l < net.Layers; l++)
        {
            double[] weight = net.Weight(l), bias = net.Bias(l), y = new double[bias.Length];
            for (var o = 0; o < y.Length; o++)
            {
                y[o] = bias[o];
                for (var i = 0; i < x.Length; i++) y[o] += weight[(o * x.Length) + i] * x[i];
                if (l + 1 < net.Layers) y[o] = Activate(net.Activation, y[o]);
            }
            x = y;
        }
        return x;
    }

    /// <summary>An upper bound of what is added up on the way to the outputs, for one row: rounding errors are some units in the last place of
    /// it. The activations' slopes are at most 1.1, and their values at most |x| + 0.7.</summary>
    public static double Magnitude(NetWeights net, double[] x)
    {
        var size = x.Max(Math.Abs);
        for (var l = 0; l < net.Layers; l++)
        {
            double[] weight = net.Weight(l), bias = net.Bias(l);
            size = 1.1 * (0.7 + Enumerable.Range(0, bias.Length).Max(
                o => Math.Abs(bias[o]) + (size * weight.Skip(o * net.Sizes[l]).Take(net.Sizes[l]).Sum(Math.Abs))));
        }
        return size;
    }

    private static double Activate(string activation, double x) => activation switch
    {
        "tanh" => Math.Tanh(x),
        "relu" => Math.Max(x, 0),
        "silu" => x / (1 + Math.Exp(-x)),
        "softplus" => Math.Max(x, 0) + Math.Log(1 + Math.Exp(-Math.Abs(x))),
        _ => throw new ArgumentException(activation),
    };
}
