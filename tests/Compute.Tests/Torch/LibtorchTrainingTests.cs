using Athanor.Compute.Neural;
using Athanor.Compute.Numerics;
using Athanor.Compute.Torch;
using Athanor.Compute.Training;
using Compute.Tests.Training;

namespace Compute.Tests.Torch;

/// <summary>Training runs whose gradients libtorch computes.</summary>
public sealed class LibtorchTrainingTests(Xunit.Abstractions.ITestOutputHelper output)
{
    private const string Data = """{"table":"t","targets":["y","z"],"validation":0.2}""";
    private const string Labels = """{"table":"t","inputs":["a","b"],"target":"class","validation":0.25}""";

    private static readonly TrainingTable Table = Make(240);

    [TorchFact]
    public void Its_gradient_is_that_of_our_kernels_for_every_activation_and_number_of_rows()
    {
        foreach (var activation in Enum.GetNames<Activation>().Select(static name => name.ToLowerInvariant()))
        {
            var model = $$"""{"kind":"perceptron","ENGINE":1,"hidden":[40,24],"loss":{"mse":0.7,"mae":0.2},"activation":"{{activation}}"}""";
            var ours = Create<double>(model.Replace("\"ENGINE\":1,", "", StringComparison.Ordinal), Data);
            var theirs = Create<double>(model.Replace("\"ENGINE\":1", "\"engine\":\"libtorch\"", StringComparison.Ordinal), Data);
            Assert.Equal(ours.Model, theirs.Model);
            Assert.Equal(ours.Tensors.Select(static t => t.Name), theirs.Tensors.Select(static t => t.Name));
            var p = new double[ours.ParameterCount];
            ours.Initialize(p, 5);
            var (a, b) = (ours.NewScratch(), theirs.NewScratch());
            foreach (var rows in (int[])[1, 7, 64, 7])
            {
                int[] samples = [.. Enumerable.Range(0, rows).Select(static i => 3 * i % 190)];
                double[] expected = new double[p.Length], found = new double[p.Length];
                found[0] = 1.0;
                Assert.Equal(ours.Gradient(p, samples, expected, a), theirs.Gradient(p, samples, found, b), 1e-9);
                // It adds to what is there.
                found[0] -= 1.0;
                Assert.InRange(Distance(expected, found) / Length(expected), 0.0, 1e-12);
            }
            var (before, after) = (ours.Validate(p, a), theirs.Validate(p, b));
            foreach (var (name, value) in before) Assert.Equal(value, after[name], 1e-9);
        }
    }

    [TorchFact]
    public void In_bf16_the_products_are_coarse_and_the_training_still_learns()
    {
        const string Model = """{"kind":"perceptron","engine":"libtorch","hidden":[64,64]}""";
        var (exact, coarse) = (Create<double>(Model, Data), Create<float>(Model, Data, DType.BFloat16));
        var p = new double[exact.ParameterCount];
        exact.Initialize(p, 5);
        int[] samples = [.. Enumerable.Range(0, 64)];
        double[] expected = new double[p.Length];
        var found = new float[p.Length];
        exact.Gradient(p, samples, expected, exact.NewScratch());
        coarse.Gradient([.. p.Select(static v => (float)v)], samples, found, coarse.NewScratch());
        var difference = Distance(expected, [.. found.Select(static v => (double)v)]) / Length(expected);
        output.WriteLine($"relative difference of the gradient, bf16 to float64: {difference:G3}");
        // Eight bits of fraction: were products in float32, it would be 1e-7.
        Assert.InRange(difference, 1e-5, 0.05);

        var loop = new TrainingLoop<float>(coarse, Settings(200), "x").Run();
        output.WriteLine($"nmse {loop.BestFigures["nmse"]:G3}");
        Assert.InRange(loop.BestFigures["nmse"], 0.0, 0.1);
    }

    [TorchFact]
    public void Classes_are_learned_by_their_cross_entropy()
    {
        const string Model = """{"kind":"classifier","ENGINE":1,"hidden":[32],"classes":["low","middle","high"],"loss":{"cross-entropy":0.5,"l2":1e-6},"activation":"relu"}""";
        var ours = Create<double>(Model.Replace("\"ENGINE\":1,", "", StringComparison.Ordinal), Labels);
        var theirs = Create<double>(Model.Replace("\"ENGINE\":1", "\"engine\":\"libtorch\"", StringComparison.Ordinal), Labels);
        Assert.Equal(ours.Model, theirs.Model);
        var p = new double[ours.ParameterCount];
        ours.Initialize(p, 5);
        var (a, b) = (ours.NewScratch(), theirs.NewScratch());
        double[] expected = new double[p.Length], found = new double[p.Length];
        int[] samples = [.. Enumerable.Range(0, 50)];
        Assert.Equal(ours.Gradient(p, samples, expected, a), theirs.Gradient(p, samples, found, b), 1e-9);
        Assert.InRange(Distance(expected, found) / Length(expected), 0.0, 1e-12);
        foreach (var (name, value) in ours.Validate(p, a)) Assert.Equal(value, theirs.Validate(p, b)[name], 1e-9);

        var task = Create<float>(Model.Replace("\"ENGINE\":1", "\"engine\":\"libtorch\"", StringComparison.Ordinal), Labels);
        var loop = new TrainingLoop<float>(task, Settings(300), "x").Run();
        output.WriteLine($"loss {loop.BestFigures["loss"]:G3}, accuracy {loop.BestFigures["accuracy"]:P0}");
        Assert.InRange(loop.BestFigures["accuracy"], 0.9, 1.0);
    }

    [TorchFact]
    public void A_scaled_loss_changes_no_bit_until_it_overflows_and_then_the_step_is_skipped()
    {
        const string Plain = """{"kind":"perceptron","engine":"libtorch","hidden":[16]}""";
        var plain = new TrainingLoop<float>(Create<float>(Plain, Data), Settings(40), "x").Run();
        var scaled = new TrainingLoop<float>(Create<float>(Scaled(1024.0, 8), Data), Settings(40), "x").Run();
        // Powers of two round nothing.
        Assert.Equal(plain.Parameters.ToArray(), scaled.Parameters.ToArray());
        Assert.Equal((0L, 1024.0 * 32), (scaled.Skipped, scaled.LossScale));

        // So large that the gradient is infinite: halved until it is not, and the weights never see it.
        var high = new TrainingLoop<float>(Create<float>(Scaled(double.ScaleB(1.0, 127), 1000), Data), Settings(40), "x");
        high.Advance();
        var (skipped, scale) = (high.Skipped, high.LossScale);
        output.WriteLine($"skipped {skipped} steps, then 2^{Math.Log2(scale)}");
        Assert.InRange(skipped, 1, 9);
        Assert.Equal(double.ScaleB(1.0, 127 - (int)skipped), scale);
        // The scale is in the checkpoint.
        var again = new TrainingLoop<float>(Create<float>(Scaled(double.ScaleB(1.0, 127), 1000), Data), Settings(40), "x");
        again.Restore(high.Checkpoint());
        Assert.Equal((skipped, scale), (again.Skipped, again.LossScale));
        high.Run();
        again.Run();
        Assert.True(high.Loss < plain.Loss * 1.5, $"{high.Loss} and {plain.Loss}");
        Assert.Equal((0, high.Skipped), (high.Rollbacks, again.Skipped));

        static string Scaled(double initial, int every) => FormattableString.Invariant(
            $"{{\"kind\":\"perceptron\",\"engine\":\"libtorch\",\"hidden\":[16],\"loss-scale\":{{\"initial\":{initial:R},\"every\":{every}}}}}");
    }

    [Fact]
    public void What_cannot_be_computed_is_told_with_what_would_be_right()
    {
        const string Begin = "{\"kind\":\"perceptron\",\"engine\":\"libtorch\"";
        Refused("model.engine is 'gpu'; kernels or libtorch would be right", """{"kind":"perceptron","engine":"gpu"}""", Data);
        Refused("training.precision is fp16, in which libtorch has no matrix products on a cpu", Begin + ",\"device\":\"cpu\"}", Data, DType.Float16);
        Refused("training.precision is bf16, which only models with model.engine = libtorch have", """{"kind":"perceptron"}""", Data, DType.BFloat16);
        Refused("a cpu has no graphs", Begin + ",\"device\":\"cpu\",\"graph\":true}", Data);
        Refused("model.device is 'tpu'; cpu, cuda or cuda:N would be right", Begin + ",\"device\":\"tpu\"}", Data);
        Refused("model.loss-scale.initial is 3; a power of two", Begin + ",\"loss-scale\":{\"initial\":3}}", Data);
        Refused("model.device is of models with model.engine = libtorch", """{"kind":"perceptron","device":"cuda"}""", Data);
        Refused("which models of kind neural-ode have not", """{"kind":"neural-ode","engine":"libtorch","states":["y"]}""", Data);
        Refused("holds the label 2 in row 2; a whole number from 0 to 1", """{"kind":"classifier","engine":"libtorch","classes":2}""", Labels);
    }

    [TorchFact]
    public void A_device_that_is_not_there_is_told_when_it_is_first_needed()
    {
        if (TorchRuntime.CudaIsAvailable) return;
        var task = Create<float>("""{"kind":"perceptron","engine":"libtorch","device":"cuda"}""", Data);
        var error = Assert.Throws<TrainingException>(() => new TrainingLoop<float>(task, Settings(20), "x").Run());
        Assert.Contains("device = cuda", error.Message, StringComparison.Ordinal);
        Assert.Contains("device = cpu would be right here", error.Message, StringComparison.Ordinal);
        Assert.Contains("CUDA", Assert.Throws<TorchException>(() => new DeviceStream("cuda")).Message, StringComparison.Ordinal);
    }

    private static void Refused(string says, string model, string data, DType? autocast = null) => Assert.Contains(
        says, Assert.Throws<TrainingException>(() => Create<float>(model, data, autocast)).Message, StringComparison.Ordinal);

    private static ITrainingTask<T> Create<T>(string model, string data, DType? autocast = null)
        where T : unmanaged, System.Numerics.IBinaryFloatingPointIeee754<T> =>
        TrainingTasks.Create<T>(model, data, static _ => Table.ToBytes(), SplitRequest.OfData, autocast);

    private static LoopSettings Settings(long steps) => new(
        new OptimiserSettings(OptimiserKind.Adam, 0.01), new ScheduleSettings(ScheduleKind.Constant), new StopSettings(steps),
        new GuardSettings(), Seed: 3, Batch: 48, Ranks: 2, CheckEvery: 10);

    private static double Length(double[] a) => Math.Sqrt(a.Sum(static v => v * v));

    private static double Distance(double[] a, double[] b) => Math.Sqrt(a.Zip(b, static (x, y) => (x - y) * (x - y)).Sum());

    private static TrainingTable Make(int rows)
    {
        var random = new Philox(8);
        var columns = Enumerable.Range(0, 5).Select(_ => new double[rows]).ToArray();
        for (var i = 0; i < rows; i++)
        {
            var (a, b) = (random.NextDouble(-1.0, 1.0), random.NextDouble(-1.0, 1.0));
            (columns[0][i], columns[1][i], columns[2][i], columns[3][i]) = (a, b, a * b, a * a - b);
            columns[4][i] = a + b > 0.4 ? 2 : a - b > 0.0 ? 1 : 0;
        }
        // The row that the messages name.
        (columns[0][1], columns[1][1], columns[4][1]) = (0.9, 0.9, 2);
        return new TrainingTable(["a", "b", "y", "z", "class"], columns);
    }
}
