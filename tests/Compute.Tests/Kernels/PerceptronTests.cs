using Athanor.Compute.Kernels;
using Athanor.Compute.Numerics;

namespace Athanor.Compute.Tests.Kernels;

public sealed class PerceptronTests
{
    public static TheoryData<int[], int> Shapes => new()
    {
        { [1, 1], 1 },
        { [5, 48, 48, 1], 64 },
        { [3, 7, 2], 33 },
        { [2, 13, 9, 6, 4], 50 },
        { [11, 4, 17], 32 },
    };

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Forward_is_the_network_written_out_in_scalars(int[] sizes, int rows)
    {
        var (network, p, x, _) = Draw(sizes, rows, 1);
        var y = new float[rows * network.Outputs];
        network.Forward(p, x, rows, y, new PerceptronWorkspace(network, rows));
        for (var r = 0; r < rows; r++)
        {
            var a = x[(r * sizes[0])..((r + 1) * sizes[0])];
            for (var layer = 0; layer + 1 < sizes.Length; layer++)
            {
                var next = new float[sizes[layer + 1]];
                for (var o = 0; o < next.Length; o++)
                {
                    var s = p[network.BiasOffset(layer) + o];
                    var w = p.AsSpan(network.WeightOffset(layer) + o * a.Length, a.Length);
                    for (var i = 0; i < a.Length; i++) s = MathF.FusedMultiplyAdd(w[i], a[i], s);
                    next[o] = layer + 2 < sizes.Length ? DetMath.Tanh(s) : s;
                }
                a = next;
            }
            // Equal to the last bit: this is the order of operations that the class promises.
            Assert.Equal(a, y[(r * network.Outputs)..((r + 1) * network.Outputs)]);
        }
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void The_gradient_agrees_with_finite_differences_in_double(int[] sizes, int rows)
    {
        var (network, p, x, y) = Draw(sizes, rows, 2);
        var gradient = new float[p.Length];
        var loss = network.LossAndGradient(p, x, y, rows, gradient, new PerceptronWorkspace(network, rows));

        var wide = Array.ConvertAll(p, v => (double)v);
        Assert.Equal(DoubleLoss(sizes, network, wide, x, y, rows), loss, 1e-5 * (1 + loss));
        var scale = Math.Sqrt(gradient.Sum(g => (double)g * g) / gradient.Length);
        for (var k = 0; k < p.Length; k += Math.Max(1, p.Length / 200))
        {
            const double step = 1e-5;
            var kept = wide[k];
            wide[k] = kept + step;
            var up = DoubleLoss(sizes, network, wide, x, y, rows);
            wide[k] = kept - step;
            var down = DoubleLoss(sizes, network, wide, x, y, rows);
            wide[k] = kept;
            Assert.Equal((up - down) / (2 * step), gradient[k], 2e-5 * (scale + Math.Abs(gradient[k])) + 1e-7);
        }
    }

    [Fact]
    public void The_vector_jacobian_product_agrees_with_finite_differences_in_parameters_and_inputs()
    {
        int[] sizes = [4, 9, 6, 3];
        const int rows = 5;
        var (network, p, x, v) = Draw(sizes, rows, 3);
        var workspace = new PerceptronWorkspace(network, rows);
        float[] gradient = new float[p.Length], dx = new float[x.Length];
        network.Forward(p, x, rows, new float[rows * 3], workspace);
        network.Backward(p, v, gradient, dx, workspace);

        double Product(double[] parameters, double[] inputs)
        {
            var y = DoubleForward(sizes, network, parameters, inputs, rows);
            return y.Zip(v, (a, b) => a * b).Sum();
        }
        var wideP = Array.ConvertAll(p, a => (double)a);
        var wideX = Array.ConvertAll(x, a => (double)a);
        foreach (var (wide, exact) in new[] { (wideP, gradient), (wideX, dx) })
        {
            for (var k = 0; k < wide.Length; k++)
            {
                var kept = wide[k];
                wide[k] = kept + 1e-5;
                var up = Product(wideP, wideX);
                wide[k] = kept - 1e-5;
                var down = Product(wideP, wideX);
                wide[k] = kept;
                Assert.Equal((up - down) / 2e-5, exact[k], 1e-4);
            }
        }
    }

    [Fact]
    public void A_rows_bits_do_not_depend_on_its_place_in_the_batch_or_on_the_batch()
    {
        var (network, p, x, _) = Draw([5, 33, 20, 2], 131, 4);
        var together = new float[131 * 2];
        network.Forward(p, x, 131, together, new PerceptronWorkspace(network, 131));
        var pieces = new float[131 * 2];
        network.Forward(p, x, 131, pieces, new PerceptronWorkspace(network, 37));
        Assert.Equal(together, pieces);
        var alone = new PerceptronWorkspace(network, 1);
        for (var r = 130; r >= 0; r -= 13)
        {
            var y = new float[2];
            network.Forward(p, x.AsSpan(r * 5, 5), 1, y, alone);
            Assert.Equal(together[(2 * r)..(2 * r + 2)], y);
        }
    }

    [Fact]
    public void The_sum_over_rows_is_sixteen_lanes_and_a_tree()
    {
        var (network, p, x, y) = Draw([6, 5], 70, 5);
        var gradient = new float[p.Length];
        var outputs = new float[70 * 5];
        var workspace = new PerceptronWorkspace(network, 70);
        network.Forward(p, x, 70, outputs, workspace);
        network.LossAndGradient(p, x, y, 70, gradient, workspace);
        for (var o = 0; o < 5; o++)
        {
            for (var i = 0; i < 6; i++)
            {
                var lanes = new float[16];
                for (var r = 0; r < 70; r++)
                {
                    var delta = (outputs[r * 5 + o] - y[r * 5 + o]) * (2.0f / (70.0f * 5.0f));
                    lanes[r % 16] = MathF.FusedMultiplyAdd(delta, x[r * 6 + i], lanes[r % 16]);
                }
                for (var width = 8; width > 0; width /= 2)
                {
                    for (var l = 0; l < width; l++) lanes[l] += lanes[l + width];
                }
                Assert.Equal(lanes[0], gradient[o * 6 + i]);
            }
        }
    }

    [Theory]
    [InlineData("one layer is no network", 3)]
    [InlineData("a layer without units", 3, 0, 1)]
    [InlineData("a layer too wide", 3, 5000, 1)]
    public void Sizes_that_are_no_network_are_refused(string why, params int[] sizes)
    {
        Assert.NotNull(why);
        Assert.Throws<ArgumentException>(() => new Perceptron(sizes));
    }

    [Fact]
    public void A_wrong_length_is_named()
    {
        var network = new Perceptron(3, 4, 1);
        var workspace = new PerceptronWorkspace(network, 8);
        var thrown = Assert.Throws<ArgumentException>(
            () => network.Forward(new float[network.ParameterCount], new float[7], 2, new float[2], workspace));
        Assert.Contains("x has 7 elements where 6", thrown.Message);
    }

    internal static (Perceptron Network, float[] Parameters, float[] X, float[] Y) Draw(int[] sizes, int rows, ulong seed)
    {
        var network = new Perceptron(sizes);
        var p = new float[network.ParameterCount];
        network.Initialize(p, seed);
        var random = new Philox(seed, 99);
        for (var i = 0; i < p.Length; i++) p[i] += (float)random.NextDouble(-0.1, 0.1);
        var x = new float[rows * network.Inputs];
        for (var i = 0; i < x.Length; i++) x[i] = (float)random.NextNormal();
        var y = new float[rows * network.Outputs];
        for (var i = 0; i < y.Length; i++) y[i] = (float)random.NextNormal();
        return (network, p, x, y);
    }

    private static double DoubleLoss(int[] sizes, Perceptron network, double[] p, float[] x, float[] y, int rows) =>
        DoubleForward(sizes, network, p, Array.ConvertAll(x, v => (double)v), rows).Zip(y, (a, b) => (a - b) * (a - b)).Sum() / y.Length;

    private static double[] DoubleForward(int[] sizes, Perceptron network, double[] p, double[] x, int rows)
    {
        var result = new double[rows * sizes[^1]];
        for (var r = 0; r < rows; r++)
        {
            var a = x[(r * sizes[0])..((r + 1) * sizes[0])];
            for (var layer = 0; layer + 1 < sizes.Length; layer++)
            {
                var next = new double[sizes[layer + 1]];
                for (var o = 0; o < next.Length; o++)
                {
                    next[o] = p[network.BiasOffset(layer) + o];
                    for (var i = 0; i < a.Length; i++) next[o] += p[network.WeightOffset(layer) + o * a.Length + i] * a[i];
                    if (layer + 2 < sizes.Length) next[o] = Math.Tanh(next[o]);
                }
                a = next;
            }
            a.CopyTo(result, r * sizes[^1]);
        }
        return result;
    }
}
