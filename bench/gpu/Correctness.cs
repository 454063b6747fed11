using Athanor.Compute.Numerics;
using Athanor.Compute.Torch;
using Athanor.Compute.Training;

namespace Athanor.Bench.Gpu;

/// <summary>What the device computes, beside our own kernels in float64 on the CPU.</summary>
internal static class Correctness
{
    private const int Rows = 4096, Inputs = 32, Batch = 512, Steps = 100;

    private static readonly byte[] Table = Make();

    /// <returns>Whether all is within its tolerance.</returns>
    public static bool Print(string device)
    {
        Console.WriteLine();
        Console.WriteLine("| correctness, perceptron 32-256-256-2, batch 512 | relative difference to float64 | tolerance | |");
        Console.WriteLine("|---|---|---|---|");
        var cuda = device != "cpu";
        var exact = Task<double>("", null);
        var p = new double[exact.ParameterCount];
        exact.Initialize(p, 7);
        var (loss, gradient) = Gradient(exact, p);
        var validated = exact.Validate(p, exact.NewScratch())["loss"];
        var right = true;
        (string Name, DType? Autocast, double Tolerance)[] ways = cuda
            ? [("float32", null, 1e-4), ("bf16", DType.BFloat16, 0.03), ("fp16, scaled loss", DType.Float16, 0.01)]
            : [("float32", null, 1e-5), ("bf16", DType.BFloat16, 0.03)];
        var doubles = Task<double>(Engine(device, false), null);
        Row("float64: forward", Relative(validated, doubles.Validate(p, doubles.NewScratch())["loss"]), 1e-10);
        Row("float64: gradient", Distance(gradient, Gradient(doubles, p).Gradient), 1e-10);
        float[] single = [.. p.Select(static v => (float)v)];
        foreach (var (name, autocast, tolerance) in ways)
        {
            var task = Task<float>(Engine(device, false), autocast);
            var (found, slope) = Gradient(task, single);
            Row($"{name}: forward", Relative(validated, task.Validate(single, task.NewScratch())["loss"]), tolerance);
            Row($"{name}: loss of a batch", Relative(loss, found), tolerance);
            Row($"{name}: gradient", Distance(gradient, slope), tolerance);
            Row($"{name}: {Steps} steps of Adam, loss", Relative(Train(exact).BestLoss, Train(task).BestLoss), 5 * tolerance);
        }
        Scaling();
        if (cuda)
        {
            foreach (var (name, autocast, _) in ways)
            {
                var eager = Train(Task<float>(Engine(device, false), autocast));
                var graph = Train(Task<float>(Engine(device, true), autocast));
                var apart = Distance(Doubles(eager), Doubles(graph));
                Row($"{name}: CUDA graph to eager, weights after {Steps} steps", apart, autocast is null ? 1e-4 : 0.02);
            }
            Streams();
        }
        return right;

        void Row(string what, double difference, double tolerance)
        {
            var within = difference <= tolerance;
            right &= within;
            Console.WriteLine($"| {what} | {difference:0.0E+0} | {tolerance:0.0E+0} | {(within ? "yes" : "**no**")} |");
        }

        // Too large by far: the scale is halved until gradients are finite, and the weights see none of it.
        void Scaling()
        {
            const string Scale = ",\"loss-scale\":{\"initial\":1.7014118346046923e38}}";
            var loop = Train(Task<float>(Engine(device, false).Replace("}", Scale, StringComparison.Ordinal), null));
            var fine = loop.Skipped > 0 && loop.Rollbacks == 0;
            right &= fine;
            var words = $"loss scaling from 2^127: {loop.Skipped} steps skipped, then 2^{Math.Log2(loop.LossScale):0}";
            Console.WriteLine($"| {words} | | | {(fine ? "yes" : "**no**")} |");
        }

        // Two threads, each with a network and streams of its own, get what each gets alone.
        void Streams()
        {
            var task = Task<float>(Engine(device, true), null);
            var alone = Gradient(task, single).Gradient;
            var together = new double[2];
            var threads = Enumerable.Range(0, 2).Select(k => new Thread(() =>
            {
                for (var i = 0; i < 20; i++) together[k] = Math.Max(together[k], Distance(alone, Gradient(task, single).Gradient));
            })).ToArray();
            foreach (var thread in threads) thread.Start();
            foreach (var thread in threads) thread.Join();
            Row("two streams at once to one alone, gradient", together.Max(), 1e-6);
        }
    }

    private static TrainingLoop<T> Train<T>(ITrainingTask<T> task)
        where T : unmanaged, System.Numerics.IBinaryFloatingPointIeee754<T>
    {
        var loop = new TrainingLoop<T>(
            task,
            new LoopSettings(
                new OptimiserSettings(OptimiserKind.Adam, 1e-3), new ScheduleSettings(), new StopSettings(Steps), new GuardSettings(), 7, Batch,
                CheckEvery: 20),
            "");
        while (loop.Advance())
        {
        }
        return loop;
    }

    private static (double Loss, double[] Gradient) Gradient<T>(ITrainingTask<T> task, T[] parameters)
        where T : unmanaged, System.Numerics.IBinaryFloatingPointIeee754<T>
    {
        var gradient = new T[parameters.Length];
        var loss = task.Gradient(parameters, [.. Enumerable.Range(0, Batch)], gradient, task.NewScratch());
        return (loss, [.. gradient.Select(static g => double.CreateChecked(g))]);
    }

    private static double[] Doubles<T>(TrainingLoop<T> loop)
        where T : unmanaged, System.Numerics.IBinaryFloatingPointIeee754<T>
    {
        var values = new double[loop.Parameters.Length];
        for (var i = 0; i < values.Length; i++) values[i] = double.CreateChecked(loop.Parameters[i]);
        return values;
    }

    private static string Engine(string device, bool graph) =>
        $",\"engine\":\"libtorch\",\"device\":\"{device}\",\"graph\":{(graph ? "true" : "false")}}}";

    private static ITrainingTask<T> Task<T>(string engine, DType? autocast)
        where T : unmanaged, System.Numerics.IBinaryFloatingPointIeee754<T> => TrainingTasks.Create<T>(
        "{\"kind\":\"perceptron\",\"hidden\":[256,256]" + (engine.Length > 0 ? engine : "}"),
        """{"table":"t","targets":["y","z"],"validation":0.25}""", static _ => Table, SplitRequest.OfData, autocast);

    private static double Relative(double expected, double found) => Math.Abs(found - expected) / Math.Abs(expected);

    private static double Distance(double[] expected, double[] found) =>
        Math.Sqrt(expected.Zip(found, static (a, b) => (a - b) * (a - b)).Sum() / expected.Sum(static a => a * a));

    private static byte[] Make()
    {
        var random = new Philox(11);
        var columns = Enumerable.Range(0, Inputs + 2).Select(_ => new double[Rows]).ToArray();
        for (var row = 0; row < Rows; row++)
        {
            for (var c = 0; c < Inputs; c++) columns[c][row] = random.NextDouble(-1.0, 1.0);
            columns[Inputs][row] = columns[0][row] * columns[1][row] + columns[2][row];
            columns[Inputs + 1][row] = columns[3][row] * columns[3][row] - columns[4][row];
        }
        string[] names = [.. Enumerable.Range(0, Inputs).Select(static c => $"x{c}"), "y", "z"];
        return new TrainingTable([.. names], columns).ToBytes();
    }
}
