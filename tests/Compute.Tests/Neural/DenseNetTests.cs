using Athanor.Compute.Kernels;
using Athanor.Compute.Neural;
using Athanor.Compute.Numerics;

namespace Athanor.Compute.Tests.Neural;

public sealed class DenseNetTests
{
    public static TheoryData<Activation> Activations => [.. Enum.GetValues<Activation>()];

    [Theory]
    [MemberData(nameof(Activations))]
    public void Outputs_and_all_three_derivatives_agree_with_a_plain_loop_in_double(Activation activation)
    {
        var random = new Philox(505, (ulong)activation);
        foreach (var (sizes, rows) in Nets)
        {
            var reference = new PlainNet(sizes, activation);
            var net = new DenseNet<double>(sizes, activation);
            var single = new DenseNet<float>(sizes, activation);
            var p = Draw(net.ParameterCount, 1.5 / Math.Sqrt(sizes[^2]), ref random);
            double[] x = Draw(rows * net.Inputs, 1.5, ref random), dx = Draw(rows * net.Inputs, 1, ref random);
            double[] gy = Draw(rows * net.Outputs, 1, ref random), gp = Draw(net.ParameterCount, 1, ref random);

            var expected = reference.Run(p, x, dx, gy, rows);
            var actual = Run(net, p, x, dx, gy, gp, rows);
            var coarse = Run(single, Singles(p), Singles(x), Singles(dx), Singles(gy), Singles(gp), rows);
            for (var k = 0; k < expected.Length; k++)
            {
                var added = k == 2 ? gp : new double[expected[k].Length];
                var scale = expected[k].Max(Math.Abs) + added.Max(Math.Abs);
                for (var i = 0; i < expected[k].Length; i++)
                {
                    Assert.Equal(expected[k][i] + added[i], actual[k][i], 1e-13 * scale);
                    Assert.Equal(expected[k][i] + added[i], coarse[k][i], 2e-5 * scale);
                }
            }
        }
    }

    [Theory]
    [MemberData(nameof(Activations))]
    public void Gradients_agree_with_central_differences_and_the_two_modes_with_each_other(Activation activation)
    {
        var random = new Philox(506, (ulong)activation);
        int[] sizes = [3, 20, 11, 2];
        const int rows = 5;
        var net = new DenseNet<double>(sizes, activation);
        var p = Draw(net.ParameterCount, 0.6, ref random);
        double[] x = Draw(rows * 3, 1, ref random), dx = Draw(rows * 3, 1, ref random), gy = Draw(rows * 2, 1, ref random);
        var tape = net.NewTape(rows);
        double[] y = new double[rows * 2], gx = new double[rows * 3], gp = new double[net.ParameterCount], dy = new double[rows * 2];
        net.Forward(p, x, rows, y, tape);
        net.Vjp(p, tape, gy, gx, gp);
        net.Jvp(p, x, dx, rows, y, dy);
        Assert.Equal(Dot(gy, dy), Dot(gx, dx), 1e-12);
        for (var i = 0; i < p.Length; i += 7) Assert.Equal(Difference(p, i), gp[i], 2e-8);
        for (var i = 0; i < x.Length; i++) Assert.Equal(Difference(x, i), gx[i], 2e-8);

        double Difference(double[] at, int i)
        {
            const double h = 1e-5;
            var kept = at[i];
            at[i] = kept + h;
            net.Forward(p, x, rows, y, tape);
            var above = Dot(gy, y);
            at[i] = kept - h;
            net.Forward(p, x, rows, y, tape);
            var below = Dot(gy, y);
            at[i] = kept;
            return (above - below) / (2 * h);
        }
    }

    [Fact]
    public void The_forward_pass_has_the_bits_of_the_perceptron_that_results_are_hashed_with()
    {
        int[] sizes = [5, 37, 64, 10];
        const int rows = 45;
        var old = new Perceptron(sizes);
        var net = new DenseNet<float>(sizes, Activation.Tanh);
        float[] p = new float[net.ParameterCount], q = new float[net.ParameterCount];
        old.Initialize(p, 9);
        net.Initialize(q, 9);
        Assert.Equal(p, q);
        var random = new Philox(507);
        var x = Singles(Draw(rows * 5, 2, ref random));
        float[] y = new float[rows * 10], z = new float[rows * 10];
        old.Forward(p, x, rows, y, new PerceptronWorkspace(old, 64));
        net.Forward(p, x, rows, z, net.NewTape(rows));
        Assert.Equal(y, z);
    }

    [Theory]
    [MemberData(nameof(Activations))]
    public void A_row_has_the_same_bits_wherever_it_stands_and_whatever_stands_beside_it(Activation activation)
    {
        Check(new DenseNet<float>([3, 21, 18, 4], activation), static v => (float)v);
        Check(new DenseNet<double>([3, 21, 18, 4], activation), static v => v);

        static void Check<T>(DenseNet<T> net, Func<double, T> round)
            where T : unmanaged, System.Numerics.IBinaryFloatingPointIeee754<T>
        {
            var random = new Philox(508);
            const int rows = 77;
            var p = Array.ConvertAll(Draw(net.ParameterCount, 0.5, ref random), v => round(v));
            var x = Array.ConvertAll(Draw(rows * 3, 1.5, ref random), v => round(v));
            var gy = Array.ConvertAll(Draw(rows * 4, 1, ref random), v => round(v));
            var all = Run(net, p, x, x, gy, new T[p.Length], rows);
            foreach (var (from, count) in new[] { (0, 1), (1, 1), (15, 2), (16, 16), (31, 33), (3, 74), (76, 1), (40, 17) })
            {
                T[] some = x[(from * 3)..((from + count) * 3)], g = gy[(from * 4)..((from + count) * 4)];
                var part = Run(net, p, some, some, g, new T[p.Length], count);
                Assert.Equal(all[0][(from * 4)..((from + count) * 4)], part[0]);
                Assert.Equal(all[1][(from * 3)..((from + count) * 3)], part[1]);
                Assert.Equal(all[3][(from * 4)..((from + count) * 4)], part[3]);
            }
        }
    }

    [Fact]
    public void A_number_that_is_none_reaches_the_outputs_of_its_row_and_of_no_other()
    {
        foreach (var activation in Enum.GetValues<Activation>())
        {
            var net = new DenseNet<float>([2, 19, 3], activation);
            var p = new float[net.ParameterCount];
            net.Initialize(p, 3);
            var x = new float[40];
            x[2 * 7] = float.NaN;
            var y = new float[60];
            net.Forward(p, x, 20, y, net.NewTape(20));
            for (var i = 0; i < 60; i++) Assert.Equal(i / 3 == 7, float.IsNaN(y[i]));
        }
    }

    [Fact]
    public void What_does_not_fit_is_refused_with_the_size_that_would()
    {
        var net = new DenseNet<float>([2, 3, 1], Activation.Relu);
        var p = new float[net.ParameterCount];
        var tape = net.NewTape(4);
        Assert.Contains("13", Assert.Throws<ArgumentException>(
            () => net.Forward(new float[12], new float[2], 1, new float[1], tape)).Message);
        Assert.Contains("up to 4", Assert.Throws<ArgumentException>(() => net.Forward(p, new float[10], 5, new float[5], tape)).Message);
        Assert.Contains("x has 3", Assert.Throws<ArgumentException>(() => net.Forward(p, new float[3], 1, new float[1], tape)).Message);
        var other = new DenseNet<float>([2, 4, 1], Activation.Relu);
        Assert.Contains("2-3-1", Assert.Throws<ArgumentException>(
            () => other.Forward(new float[other.ParameterCount], new float[2], 1, new float[1], tape)).Message);
        Assert.Contains("width 0", Assert.Throws<ArgumentException>(() => new DenseNet<float>([2, 0, 1], Activation.Relu)).Message);
        Assert.Throws<NotSupportedException>(() => new DenseNet<Half>([2, 1], Activation.Relu));
    }

    internal static (int[] Sizes, int Rows)[] Nets =>
    [
        ([1, 1], 1), ([2, 3], 17), ([4, 64, 64, 4], 33), ([9, 13, 7, 10], 50), ([20, 5, 33, 16, 1], 16), ([8, 70, 3], 40),
        ([3, 130, 11], 7),
    ];

    internal static double[] Draw(int count, double bound, ref Philox random)
    {
        var values = new double[count];
        foreach (ref var value in values.AsSpan()) value = (float)random.NextDouble(-bound, bound);
        return values;
    }

    internal static float[] Singles(double[] values) => Array.ConvertAll(values, static v => (float)v);

    private static double Dot(double[] a, double[] b) => a.Zip(b, static (u, v) => u * v).Sum();

    /// <summary>y, gx, gp (added to what is given), dy.</summary>
    private static T[][] Run<T>(DenseNet<T> net, T[] p, T[] x, T[] dx, T[] gy, T[] gp, int rows)
        where T : unmanaged, System.Numerics.IBinaryFloatingPointIeee754<T>
    {
        var tape = net.NewTape(rows + 3);
        T[] y = new T[rows * net.Outputs], gx = new T[rows * net.Inputs], sum = [.. gp], y2 = new T[y.Length], dy = new T[y.Length];
        net.Forward(p, x, rows, y, tape);
        net.Vjp(p, tape, gy, gx, sum);
        net.Jvp(p, x, dx, rows, y2, dy);
        Assert.Equal(y, y2);
        return [y, gx, sum, dy];
    }
}
