using Athanor.Compute.Kernels;

namespace Athanor.Compute.Torch;

/// <summary>Trains a perceptron by libtorch as <see cref="PerceptronTrainer"/> does with the deterministic kernels: the same layout of
/// parameters, the same batches, the same schedule. The results agree within rounding, not bit by bit.</summary>
public static class TorchMlp
{
    /// <summary>Trains from given parameters.</summary>
    /// <param name="sizes">Inputs, hidden widths (tanh), outputs (linear).</param>
    /// <param name="parameters">Per layer the weight [outputs, inputs] row-major, then the bias [outputs]; left as it is.</param>
    /// <param name="x">[rows, inputs], row-major.</param>
    /// <param name="y">[rows, outputs], row-major.</param>
    /// <param name="batch">Rows of a step's batch, steps counted from 0.</param>
    /// <param name="learningRate">Of a step, from 0.</param>
    /// <param name="weightDecay">Decoupled, as in AdamW.</param>
    /// <returns>The parameters after the steps, and the mean of the batches' losses (mean squared errors before each step).</returns>
    public static (float[] Parameters, double Loss) Train(
        ReadOnlySpan<int> sizes, ReadOnlySpan<float> parameters, ReadOnlySpan<float> x, ReadOnlySpan<float> y, Func<long, long[]> batch,
        long steps, Func<long, double> learningRate, double weightDecay = 0, string device = "cpu",
        CancellationToken cancellation = default)
    {
        using var everything = new TensorScope();
        var network = new Perceptron(sizes);
        var model = Build(network, parameters, device);
        var inputs = Tensor.From(x, [x.Length / network.Inputs, network.Inputs], device);
        var outputs = Tensor.From(y, [y.Length / network.Outputs, network.Outputs], device);
        using var adam = new Adam(model.Parameters(), learningRate(0));
        var sum = 0.0;
        for (var step = 0L; step < steps; step++)
        {
            cancellation.ThrowIfCancellationRequested();
            using var scope = new TensorScope();
            var chosen = batch(step);
            var rows = Tensor.From(chosen, [chosen.Length], device);
            adam.LearningRate = learningRate(step);
            adam.ZeroGrad();
            var loss = (model.Forward(inputs.Rows(rows)) - outputs.Rows(rows)).Pow(2).Mean();
            loss.Backward();
            sum += loss.Item();
            if (weightDecay > 0) Decay(model, learningRate(step) * weightDecay);
            adam.Step();
        }
        return ([.. model.Parameters().SelectMany(static parameter => parameter.To("cpu").ToFloats())], sum / steps);
    }

    /// <summary>Trains for the first <paramref name="steps"/> steps of a spec, from its seed's initial weights.</summary>
    public static (float[] Parameters, double Loss) Train(
        PerceptronTraining spec, ReadOnlySpan<float> x, ReadOnlySpan<float> y, long steps, string device = "cpu",
        CancellationToken cancellation = default)
    {
        var network = new Perceptron(spec.Sizes.AsSpan());
        var parameters = new float[network.ParameterCount];
        network.Initialize(parameters, spec.Seed);
        var rows = x.Length / network.Inputs;
        var count = Math.Min(spec.BatchRows, rows);
        var (pass, order) = (-1L, Array.Empty<int>());
        return Train(spec.Sizes.AsSpan(), parameters, x, y, Batch, steps, spec.LearningRateAt, spec.WeightDecay, device, cancellation);

        long[] Batch(long step)
        {
            var batch = new long[count];
            for (var i = 0; i < count; i++)
            {
                var position = (step * count) + i;
                if (position / rows != pass)
                {
                    pass = position / rows;
                    order = PerceptronTrainer.PassOrder(spec.Seed, pass, rows);
                }
                batch[i] = order[(int)(position % rows)];
            }
            return batch;
        }
    }

    /// <summary>The network as modules, with copies of the parameters: <c>0.weight</c>, <c>0.bias</c>, <c>2.weight</c>, ...</summary>
    public static Sequential Build(Perceptron network, ReadOnlySpan<float> parameters, string device)
    {
        var modules = new List<Module>();
        for (var layer = 0; layer < network.Sizes.Length - 1; layer++)
        {
            if (layer > 0) modules.Add(new Tanh());
            int inputs = network.Sizes[layer], outputs = network.Sizes[layer + 1];
            var linear = new Linear(inputs, outputs, device);
            linear.Weight.Assign(Tensor.From(parameters.Slice(network.WeightOffset(layer), outputs * inputs), [outputs, inputs], device));
            linear.Bias.Assign(Tensor.From(parameters.Slice(network.BiasOffset(layer), outputs), [outputs], device));
            modules.Add(linear);
        }
        return new Sequential(modules);
    }

    private static void Decay(Module model, double share)
    {
        foreach (var parameter in model.Parameters()) parameter.Assign(parameter.Detach() * (1 - share));
    }
}
