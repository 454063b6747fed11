using System.Collections.Immutable;
using System.Runtime.InteropServices;
using Athanor.Compute.Kernels;
using Athanor.Compute.Torch;
using Athanor.Protocol.Training;

namespace Athanor.Hosting.Work.Training;

/// <summary>
/// Trains a perceptron twice from one spec, by libtorch and by the deterministic kernels: the same initial weights, batches and schedule.
/// The checkpoint is libtorch's parameters as little-endian float32; the metrics say how far the two are apart. libtorch is of tolerance
/// class, so nothing of this belongs into a hash. One segment, since libtorch's moments are not kept.
/// </summary>
internal sealed class LibtorchCheckTask : ITrainingTask
{
    public const string TaskKind = "perceptron-libtorch-check";

    public string Kind => TaskKind;

    public SegmentOutcome Run(
        TrainingSpec spec, ReadOnlyMemory<byte>? checkpoint, ReadOnlyMemory<byte> data, long fromStep, long steps, ulong seed,
        IWorkContext context)
    {
        if (TorchRuntime.Problem is { } problem) throw new WorkRefusedException($"libtorch is not available: {problem}");
        if (fromStep != 0 || steps != spec.TotalSteps)
            throw new WorkRefusedException($"this task runs in one segment; segment steps of {spec.TotalSteps} would be right, not {spec.SegmentSteps}");
        var training = new PerceptronTraining(
            spec.Sizes, seed, spec.TotalSteps, spec.BatchRows, spec.LearningRate, spec.FinalLearningRate, spec.WeightDecay);
        var table = SampleTable.FromBytes(data.Span);
        var kernels = new PerceptronTrainer(training, table.X, table.Y);
        var initial = kernels.Parameters.ToArray();
        context.Report(0, "kernels");
        var kernelLoss = kernels.Run(steps, context.Cancellation);
        context.Report(0.5, "libtorch");
        var (parameters, torchLoss) = TorchMlp.Train(
            training, table.X, table.Y, steps, TorchRuntime.Device, context.Cancellation);

        var rows = table.X.Length / spec.Inputs;
        float[] byKernels = new float[rows * spec.Outputs], byTorch = new float[rows * spec.Outputs];
        kernels.Predict(table.X, byKernels);
        kernels.Network.Forward(parameters, table.X, rows, byTorch, new PerceptronWorkspace(kernels.Network, rows));
        var metrics = ImmutableSortedDictionary<string, double>.Empty
            .Add("loss-kernels", kernelLoss)
            .Add("loss-libtorch", torchLoss)
            .Add("weights-relative-difference", Distance(parameters, kernels.Parameters) / Distance(initial, kernels.Parameters))
            .Add("prediction-rms-difference", Distance(byTorch, byKernels) / Math.Sqrt(byTorch.Length));
        return new SegmentOutcome(MemoryMarshal.AsBytes<float>(parameters).ToArray(), torchLoss, metrics);
    }

    private static double Distance(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        var sum = 0.0;
        for (var i = 0; i < a.Length; i++) sum += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
        return Math.Sqrt(sum);
    }
}
