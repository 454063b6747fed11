using Athanor.Compute.Kernels;
using Athanor.Compute.Numerics;
using Athanor.Compute.Torch;

namespace Compute.Tests.Torch;

/// <summary>libtorch and the deterministic kernels train the same network.</summary>
public class TorchMlpTests(Xunit.Abstractions.ITestOutputHelper output)
{
    [TorchFact]
    public void One_step_of_a_5_16_16_1_network_agrees_to_float_rounding()
    {
        var (spec, x, y) = Problem(steps: 1);
        var (ours, theirs) = TrainBoth(spec, x, y, 1);
        // Adam's first step moves each parameter by the learning rate times the gradient's sign, so rounding is all that differs, but
        // where a gradient is next to nothing.
        Assert.InRange(Difference(ours, theirs), 0, 1e-6);
    }

    [TorchFact]
    public void Two_thousand_steps_agree_in_loss_and_predictions()
    {
        const int Steps = 2000;
        var (spec, x, y) = Problem(Steps);
        var (ours, theirs) = TrainBoth(spec, x, y, Steps);
        var network = new Perceptron(spec.Sizes.AsSpan());
        var (first, second) = (Predict(network, ours, x), Predict(network, theirs, x));
        var spread = Math.Sqrt(y.Select(static v => (double)v * v).Average());
        var apart = Math.Sqrt(first.Zip(second, static (a, b) => ((double)a - b) * (a - b)).Average());
        var error = Math.Sqrt(first.Zip(y, static (a, b) => ((double)a - b) * (a - b)).Average());
        output.WriteLine($"largest difference of a parameter {Difference(ours, theirs):G3}, of predictions (RMS) {apart:G3}; "
            + $"RMSE {error:G3} of {spread:G3}");
        Assert.InRange(error, 0, 0.2 * spread);
        Assert.InRange(apart, 0, 0.001 * error);
    }

    [TorchFact]
    public void Decoupled_weight_decay_agrees_too()
    {
        var (spec, x, y) = Problem(steps: 50);
        spec = spec with { WeightDecay = 0.1 };
        var (ours, theirs) = TrainBoth(spec, x, y, 50);
        Assert.InRange(Difference(ours, theirs), 0, 1e-4);
    }

    private static (float[] Ours, float[] Theirs) TrainBoth(PerceptronTraining spec, float[] x, float[] y, long steps)
    {
        var trainer = new PerceptronTrainer(spec, x, y);
        var loss = trainer.Run(steps);
        var (theirs, torchLoss) = TorchMlp.Train(spec, x, y, steps);
        Assert.Equal(loss, torchLoss, loss * 1e-3);
        return (trainer.Parameters.ToArray(), theirs);
    }

    // y = sin(x0) + x1 x2 - x3²/2 + noise, 512 rows.
    private static (PerceptronTraining Spec, float[] X, float[] Y) Problem(long steps)
    {
        const int Rows = 512;
        var random = new Philox(1, 0);
        var x = new float[Rows * 5];
        var y = new float[Rows];
        for (var row = 0; row < Rows; row++)
        {
            for (var i = 0; i < 5; i++) x[(row * 5) + i] = (float)random.NextDouble(-1.5, 1.5);
            var at = x.AsSpan(row * 5, 5);
            y[row] = MathF.Sin(at[0]) + (at[1] * at[2]) - (at[3] * at[3] / 2) + (float)random.NextDouble(-0.02, 0.02);
        }
        return (new PerceptronTraining([5, 16, 16, 1], Seed: 3, TotalSteps: steps, BatchRows: 48, LearningRate: 3e-3), x, y);
    }

    private static double Difference(float[] left, float[] right) => left.Zip(right, static (a, b) => Math.Abs((double)a - b)).Max();

    private static float[] Predict(Perceptron network, float[] parameters, float[] x)
    {
        var y = new float[x.Length / network.Inputs];
        network.Forward(parameters, x, y.Length, y, new PerceptronWorkspace(network, 64));
        return y;
    }
}
