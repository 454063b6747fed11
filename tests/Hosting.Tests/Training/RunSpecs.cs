using System.Security.Cryptography;
using Athanor.Actors.Training;
using Athanor.Compute.Numerics;
using Athanor.Compute.Training;
using Athanor.Hosting.Work.Training;
using Athanor.Protocol.Training;
using ComputeTasks = Athanor.Compute.Training.TrainingTasks;

namespace Hosting.Tests.Training;

/// <summary>A small run and what comes of it unbroken.</summary>
internal static class RunSpecs
{
    public static byte[] Table { get; } = Make().ToBytes();

    public static string TableHash { get; } = Hash(Table);

    /// <summary>400 steps in 40 check-points.</summary>
    public static RunSpec Spec { get; } = new(
        """{"hidden":[6],"kind":"perceptron"}""",
        $$"""{"shuffle-seed":3,"table":"{{TableHash}}","targets":["y"],"validation":0.2}""", [TableHash],
        RunPrecision.Float, 7, new RunOptimiser(RunOptimiserKind.AdamW, 0.02, 0.0, 0.9, 0.999, 1e-8, 1e-3),
        new RunSchedule(RunScheduleKind.Cosine, 20, 1e-4, 0, 0.1), new RunStop(400, 0, 0.0, 0.0), new RunGuard(100.0, 0, 8, 1.0, 0.5, 5),
        16, 0, 4, 1.0, 0.9, 10, [], 0, 0, TimeSpan.FromSeconds(1.5), TimeSpan.FromSeconds(0.2), "");

    /// <summary>SHA-256 of the weights that one loop gives without a break.</summary>
    public static string Unbroken(RunSpec spec) => Hash(Loop(spec, 0).ModelFile());

    /// <summary>A part of a run, done without a break.</summary>
    public static TrainingLoop<float> Loop(RunSpec spec, int part)
    {
        var split = spec.IsMain(part) ? SplitRequest.OfData : new SplitRequest(spec.Folds, part);
        var loop = new TrainingLoop<float>(
            ComputeTasks.Create<float>(spec.Model, spec.Data, _ => Table, split), TrainingDecider.LoopSettingsOf(spec),
            RunSegmentHandler.SpecHash(spec, part));
        while (loop.Advance())
        {
        }
        return loop;
    }

    public static string Hash(byte[] bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));

    private static TrainingTable Make()
    {
        var random = new Philox(5);
        double[] a = new double[50], b = new double[50], y = new double[50];
        for (var i = 0; i < a.Length; i++)
        {
            (a[i], b[i]) = (random.NextDouble(-1.0, 1.0), random.NextDouble(-1.0, 1.0));
            y[i] = a[i] * b[i];
        }
        return new TrainingTable(["a", "b", "y"], [a, b, y]);
    }
}
