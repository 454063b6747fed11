using Athanor.Compute.Neural.Models;
using Athanor.Compute.Numerics;

namespace Athanor.Compute.Tests.Neural.Models;

public sealed class ShootingTests
{
    public static TheoryData<string> Models => new(TestModels.Names);

    [Theory]
    [MemberData(nameof(Models))]
    public void The_gradient_of_a_roll_out_is_that_of_central_differences(string name)
    {
        var (specification, records) = TestModels.Of(name);
        var options = new ShootingOptions(5, 2, 3, 4, Relative: name == "lags" ? 0.5 : 0.0, Residual: name == "cascaded-tanks" ? 0.3 : 0.0);
        var task = NeuralModel<double>.Of(specification).Task(records, [], options);
        var p = new double[task.ParameterCount];
        task.Initialize(p, 3);
        var draws = new Philox(5);
        for (var i = 0; i < p.Length; i++) p[i] += draws.NextDouble(-0.3, 0.3);
        int[] samples = [1, 0, 3, 2, 1];
        var scratch = task.NewScratch();
        var gradient = new double[p.Length];
        var loss = task.Gradient(p, samples, gradient, scratch);
        Assert.True(double.IsFinite(loss) && loss > 1e-6, $"{loss}");
        var size = gradient.Max(Math.Abs);
        var nonZero = 0;
        for (var i = 0; i < p.Length; i++)
        {
            var step = 1e-5 * Math.Max(1.0, Math.Abs(p[i]));
            var slope = (At(i, step) - At(i, -step)) / (2.0 * step);
            Assert.True(Math.Abs(gradient[i] - slope) <= 2e-6 * size, $"parameter {i}: {gradient[i]:R} where differences give {slope:R}");
            nonZero += Math.Abs(slope) > 1e-9 * size ? 1 : 0;
        }
        Assert.True(nonZero > p.Length / 2, $"{nonZero} of {p.Length}");

        double At(int i, double step)
        {
            var moved = p.ToArray();
            moved[i] += step;
            return task.Gradient(moved, samples, new double[p.Length], scratch);
        }
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void In_single_precision_loss_and_gradient_are_those_of_double_within_rounding(string name)
    {
        var (specification, records) = TestModels.Of(name);
        var options = new ShootingOptions(5, 2, 3, 4);
        var wide = NeuralModel<double>.Of(specification).Task(records, [], options);
        var narrow = NeuralModel<float>.Of(specification).Task(records, [], options);
        var p = new float[narrow.ParameterCount];
        narrow.Initialize(p, 3);
        float[] single = new float[p.Length];
        double[] gradient = new double[p.Length];
        var loss = narrow.Gradient(p, [0, 1, 2], single, narrow.NewScratch());
        var exact = wide.Gradient([.. p.Select(x => (double)x)], [0, 1, 2], gradient, wide.NewScratch());
        Assert.Equal(exact, loss, 2e-4 * exact);
        var size = gradient.Max(Math.Abs);
        for (var i = 0; i < p.Length; i++) Assert.Equal(gradient[i], single[i], 1e-3 * size);
    }

    [Fact]
    public void A_gradient_is_added_and_has_the_same_bits_whenever_it_is_computed()
    {
        var (specification, records) = TestModels.Of("reactor");
        var task = NeuralModel<double>.Of(specification).Task(records, [], new ShootingOptions(2, 1, 3, 4));
        var p = new double[task.ParameterCount];
        task.Initialize(p, 1);
        var samples = Enumerable.Range(0, task.Samples).Reverse().ToArray();
        double[] first = new double[p.Length], second = new double[p.Length];
        var scratch = task.NewScratch();
        task.Gradient(p, [2, 5], new double[p.Length], scratch);
        var loss = task.Gradient(p, samples, first, scratch);
        Assert.Equal(loss, task.Gradient(p, samples, second, task.NewScratch()));
        Assert.Equal(first, second);
        task.Gradient(p, samples, second, scratch);
        for (var i = 0; i < p.Length; i++) Assert.Equal(2.0 * first[i], second[i], 1e-12 * Math.Abs(first[i]) + 1e-300);
    }
}
