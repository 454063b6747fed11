using Athanor.Compute.Neural;
using Athanor.Compute.Numerics;
using Athanor.Compute.Torch;
using Compute.Tests.Torch;

namespace Athanor.Compute.Tests.Neural;

/// <summary>libtorch's autograd and the kernels on the same random networks, in double. (Softplus is not in the binding.)</summary>
public sealed class TorchAgreementTests
{
    private static readonly Activation[] Known = [Activation.Tanh, Activation.Relu, Activation.Silu];

    [TorchFact]
    public void Outputs_and_gradients_of_random_networks_are_libtorchs_within_rounding()
    {
        foreach (var activation in Known)
        {
            foreach (var (sizes, rows) in DenseNetTests.Nets)
            {
                var net = new DenseNet<double>(sizes, activation);
                var random = new Philox(801);
                var p = DenseNetTests.Draw(net.ParameterCount, 0.7, ref random);
                var x = DenseNetTests.Draw(rows * net.Inputs, 1.5, ref random);
                var gy = DenseNetTests.Draw(rows * net.Outputs, 1, ref random);
                double[] y = new double[gy.Length], gx = new double[x.Length], gp = new double[p.Length];
                var tape = net.NewTape(rows);
                net.Forward(p, x, rows, y, tape);
                net.Vjp(p, tape, gy, gx, gp);

                using var scope = new TensorScope();
                var parameters = Parameters(net, p);
                var inputs = Tensor.From(x, [rows, net.Inputs]);
                inputs.RequiresGrad = true;
                var outputs = Forward(parameters, activation, inputs);
                (outputs * Tensor.From(gy, [rows, net.Outputs])).Sum().Backward();
                Near(outputs.ToDoubles(), y);
                Near(inputs.Grad!.ToDoubles(), gx);
                Near([.. parameters.SelectMany(static t => t.Grad!.ToDoubles())], gp);
            }
        }
    }

    [TorchFact]
    public void The_gradient_through_fifty_steps_of_RK4_is_libtorchs_within_rounding()
    {
        const int rows = 20, steps = 50;
        const double h = 0.02;
        var net = new DenseNet<double>([4, 32, 32, 4], Activation.Tanh);
        var field = new NeuralField<double>(net);
        var random = new Philox(802);
        var p = DenseNetTests.Draw(net.ParameterCount, 0.3, ref random);
        double[] y0 = DenseNetTests.Draw(rows * 4, 1, ref random), targets = DenseNetTests.Draw(rows * (steps + 1) * 4, 1, ref random);
        var gp = new double[p.Length];
        double[] lengths = [.. Enumerable.Repeat(h, steps)];
        var loss = field.Fit(p, y0, [], lengths, rows, targets, [], gp, [], [], field.NewFitTape(rows, steps));
        var single = new NeuralField<float>(new DenseNet<float>([4, 32, 32, 4], Activation.Tanh));
        var coarse = new float[p.Length];
        single.Fit(
            DenseNetTests.Singles(p), DenseNetTests.Singles(y0), [], DenseNetTests.Singles(lengths), rows,
            DenseNetTests.Singles(targets), [], coarse, [], [], single.NewFitTape(rows, steps));

        using var scope = new TensorScope();
        var parameters = Parameters(net, p);
        var y = Tensor.From(y0, [rows, 4]);
        var sum = Loss(y, 0);
        for (var step = 1; step <= steps; step++)
        {
            var k1 = Forward(parameters, Activation.Tanh, y);
            var k2 = Forward(parameters, Activation.Tanh, y + (k1 * (h / 2)));
            var k3 = Forward(parameters, Activation.Tanh, y + (k2 * (h / 2)));
            var k4 = Forward(parameters, Activation.Tanh, y + (k3 * h));
            y += (k1 + (k2 * 2) + (k3 * 2) + k4) * (h / 6);
            sum += Loss(y, step);
        }
        sum.Backward();
        Assert.Equal(sum.Item(), loss, 1e-11 * loss);
        double[] exact = [.. parameters.SelectMany(static t => t.Grad!.ToDoubles())];
        Near(exact, gp, 1e-12);
        Near(exact, Array.ConvertAll(coarse, static v => (double)v), 1e-5);

        Tensor Loss(Tensor state, int step)
        {
            var target = new double[rows * 4];
            for (var r = 0; r < rows; r++) targets.AsSpan((((r * (steps + 1)) + step) * 4), 4).CopyTo(target.AsSpan(r * 4));
            return (state - Tensor.From(target, [rows, 4])).Pow(2).Sum();
        }
    }

    private static Tensor[] Parameters(DenseNet<double> net, double[] p)
    {
        var tensors = new List<Tensor>();
        for (var l = 0; l + 1 < net.Sizes.Length; l++)
        {
            int inputs = net.Sizes[l], outputs = net.Sizes[l + 1];
            tensors.Add(Tensor.From(p.AsSpan(net.WeightOffset(l), inputs * outputs), [outputs, inputs]));
            tensors.Add(Tensor.From(p.AsSpan(net.BiasOffset(l), outputs), [outputs]));
        }
        foreach (var tensor in tensors) tensor.RequiresGrad = true;
        return [.. tensors];
    }

    private static Tensor Forward(Tensor[] parameters, Activation activation, Tensor x)
    {
        for (var l = 0; l < parameters.Length; l += 2)
        {
            x = Tensor.Linear(x, parameters[l], parameters[l + 1]);
            if (l + 2 == parameters.Length) return x;
            x = activation switch
            {
                Activation.Tanh => x.Tanh(),
                Activation.Relu => x.ReLU(),
                // x / (1 + e^-x) = x (1 + tanh(x / 2)) / 2
                _ => ((x * (x * 0.5).Tanh()) + x) * 0.5,
            };
        }
        return x;
    }

    private static void Near(double[] expected, double[] actual, double tolerance = 1e-13)
    {
        var scale = expected.Max(Math.Abs);
        Assert.Equal(expected.Length, actual.Length);
        for (var i = 0; i < expected.Length; i++) Assert.Equal(expected[i], actual[i], tolerance * scale);
    }
}
