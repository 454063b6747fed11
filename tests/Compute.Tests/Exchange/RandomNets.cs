using System.Collections.Immutable;
using System.Numerics;
using Athanor.Compute.Exchange;
using Athanor.Compute.Neural;
using Athanor.Compute.Tensors;

namespace Compute.Tests.Exchange;

/// <summary>Nets with random weights, by the kernels: what exports are held to.</summary>
internal static class RandomNets
{
    public static NetWeights Make(string activation, bool isDouble, int seed, params int[] sizes)
    {
        var random = new Random(seed);
        var (weights, biases) = (ImmutableArray.CreateBuilder<SafeTensor>(), ImmutableArray.CreateBuilder<SafeTensor>());
        for (var l = 0; l + 1 < sizes.Length; l++)
        {
            weights.Add(Values(sizes[l + 1] * sizes[l], [sizes[l + 1], sizes[l]]));
            biases.Add(Values(sizes[l + 1], [sizes[l + 1]]));
        }
        return new NetWeights([.. Enumerable.Range(0, sizes.Length - 1).Select(l => $"layers.{l}")], [.. sizes], activation, weights.ToImmutable(), biases.ToImmutable());

        SafeTensor Values(int count, long[] shape)
        {
            var values = Enumerable.Range(0, count).Select(_ => (random.NextDouble() - 0.5) * 2).ToArray();
            return isDouble ? SafeTensor.Of(values, shape) : SafeTensor.Of(Array.ConvertAll(values, static v => (float)v), shape);
        }
    }

    /// <summary>What the kernels give for rows of inputs, in the net's own precision.</summary>
    public static double[] Apply(NetWeights net, double[] x)
    {
        var activation = Enum.Parse<Activation>(net.Activation, ignoreCase: true);
        return net.IsDouble
            ? Apply(new DenseNet<double>(net.Sizes.AsSpan(), activation), net.Parameters(), x)
            : Array.ConvertAll(
                Apply(new DenseNet<float>(net.Sizes.AsSpan(), activation), Array.ConvertAll(net.Parameters(), F), Array.ConvertAll(x, F)),
                static v => (double)v);

        static float F(double value) => (float)value;
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

    private static T[] Apply<T>(DenseNet<T> net, T[] parameters, T[] x)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var rows = x.Length / net.Inputs;
        var y = new T[rows * net.Outputs];
        net.Forward(parameters, x, rows, y, net.NewTape(rows));
        return y;
    }
}
