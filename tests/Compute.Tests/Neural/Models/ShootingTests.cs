using Athanor.Compute.Neural;
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
        CheckGradient(specification, records, options);
        CheckGradient(specification, records, options with { Method = FixedStepMethod.Tsit5, Residual = 0.1 });
    }

    /// <summary>The data's term beside each of the others, and what no data are needed for.</summary>
    [Theory]
    [InlineData("positivity", 40.0, FixedStepMethod.Rk4)]
    [InlineData("positivity", 40.0, FixedStepMethod.Tsit5)]
    [InlineData("mass", 3.0, FixedStepMethod.Rk4)]
    [InlineData("energy", 3.0, FixedStepMethod.Tsit5)]
    [InlineData("smoothness", 0.5, FixedStepMethod.Rk4)]
    [InlineData("smoothness", 0.5, FixedStepMethod.Tsit5)]
    [InlineData("collocation", 2.0, FixedStepMethod.Rk4)]
    public void The_gradient_of_each_term_is_that_of_central_differences(string term, double weight, FixedStepMethod method)
    {
        var (specification, records) = TestModels.Plain();
        var options = new ShootingOptions(5, 2, 3, 4, Absolute: term == "collocation" ? 0.0 : 0.1) { Method = method };
        options = term switch
        {
            "positivity" => options with { Positivity = weight },
            "mass" => options with { Mass = weight },
            "energy" => options with { Energy = weight },
            "smoothness" => options with { Smoothness = weight },
            _ => options with { Collocation = weight },
        };
        var (with, without) = (CheckGradient(specification, records, options), 0.0);
        if (term != "collocation")
        {
            without = CheckGradient(
                specification, records, options with { Positivity = 0.0, Mass = 0.0, Energy = 0.0, Smoothness = 0.0 });
        }
        Assert.True(with > 1.01 * without, $"{with} where the data's term alone is {without}");
    }

    [Fact]
    public void By_tsitouras_method_half_the_step_gives_a_thirtieth_of_the_error()
    {
        var (specification, records) = TestModels.Of("neural-ode");
        var model = NeuralModel<double>.Of(specification);
        var p = new double[model.ParameterCount];
        model.Initialize(p, 3, records);
        for (var i = 0; i < p.Length; i++) p[i] *= 3.0;
        var start = records[0].Outputs.AsSpan(0, 2).ToArray();
        var exact = model.Predict(p, start, records[0], 256, FixedStepMethod.Tsit5);
        double[] errors = [.. new[] { 8, 16, 32 }.Select(n => Error(n, FixedStepMethod.Tsit5))];
        Assert.InRange(errors[0] / errors[1], 16.0, 64.0);
        Assert.InRange(errors[1] / errors[2], 16.0, 64.0);
        Assert.True(errors[0] < Error(8, FixedStepMethod.Rk4));

        double Error(int substeps, FixedStepMethod method)
        {
            var run = model.Predict(p, start, records[0], substeps, method);
            return run.Values.Zip(exact.Values, (a, b) => Math.Abs(a - b)).Max();
        }
    }

    [Theory]
    [InlineData("mass", "reactor", "loss.mass is nothing to weigh in this model, which keeps the balance by construction")]
    [InlineData("mass", "neural-ode", "loss.mass needs model.reactor")]
    [InlineData("energy", "plain", "loss.energy needs model.reactor.temperature and model.reactor.rises")]
    [InlineData("collocation", "augmented", "loss.collocation needs every state in the data, and h is not observed")]
    [InlineData("positivity", "neural-ode", "loss.positivity needs a state with positive = true")]
    [InlineData("smoothness", "negative", "loss.smoothness is -1; a weight of 0 or more would be right")]
    [InlineData("absolute", "none", "of the loss's weights absolute, relative and collocation one must be above 0")]
    public void A_term_that_a_model_cannot_have_is_refused(string term, string name, string says)
    {
        var (specification, records) = name is "plain" or "negative" or "none" ? TestModels.Plain() : TestModels.Of(name);
        if (name == "plain") specification = specification with { Reactor = specification.Reactor! with { Rises = [] } };
        var weight = name == "negative" ? -1.0 : name == "none" ? 0.0 : 1.0;
        var options = new ShootingOptions(5, 2, 3, 4);
        options = term switch
        {
            "positivity" => options with { Positivity = weight },
            "mass" => options with { Mass = weight },
            "energy" => options with { Energy = weight },
            "smoothness" => options with { Smoothness = weight },
            "absolute" => options with { Absolute = weight },
            _ => options with { Collocation = weight },
        };
        var model = NeuralModel<double>.Of(specification);
        Assert.Contains(
            says, Assert.Throws<Athanor.Compute.Training.TrainingException>(() => model.Task(records, [], options)).Message, StringComparison.Ordinal);
    }

    /// <returns>The loss.</returns>
    private static double CheckGradient(ModelSpecification specification, ProcessRecord[] records, ShootingOptions options)
    {
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
        return loss;

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
