using System.Collections.Immutable;
using Athanor.Compute.Kernels;
using Athanor.Compute.Tensors;
using Athanor.Compute.Torch;
using Athanor.Protocol.Training;

namespace Athanor.Hosting.Work.Training;

/// <summary>
/// Trains what <see cref="PerceptronTask"/> trains by libtorch, from the same weights on the same batches, and by the deterministic
/// kernels beside it, and measures how far the two end apart. libtorch promises no bits, so its checkpoint (a safetensors file with
/// PyTorch's names) must never be in a result hash.
/// Metrics: <c>parameter-difference</c> (largest absolute), <c>prediction-difference</c> (RMS over the table), <c>prediction-rmse</c> (of
/// libtorch's against the table), <c>loss-difference</c> (of the mean losses).
/// </summary>
internal sealed class TorchPerceptronTask : ITrainingTask
{
    public string Kind => "perceptron-torch";

    public SegmentOutcome Run(
        TrainingSpec spec, ReadOnlyMemory<byte>? checkpoint, ReadOnlyMemory<byte> data, long fromStep, long steps, ulong seed,
        IWorkContext context)
    {
        if (fromStep != 0 || steps != spec.TotalSteps)
        {
            throw new WorkRefusedException(
                $"a comparison with libtorch is one segment: its steps must be the total, {spec.TotalSteps}, and not {spec.SegmentSteps}");
        }
        if (!TorchRuntime.IsAvailable) throw new WorkRefusedException(TorchRuntime.Problem!);
        try
        {
            var table = SampleTable.FromBytes(data.Span);
            var training = new PerceptronTraining(
                spec.Sizes, seed, spec.TotalSteps, spec.BatchRows, spec.LearningRate, spec.FinalLearningRate, spec.WeightDecay);
            var trainer = new PerceptronTrainer(training, table.X, table.Y);
            context.Report(0, "the deterministic kernels");
            var loss = trainer.Run(steps, context.Cancellation);
            context.Report(0.3, "libtorch");
            var (parameters, torchLoss) = TorchMlp.Train(training, table.X, table.Y, steps, TorchRuntime.Device, context.Cancellation);
            return new SegmentOutcome(
                StateDict(trainer.Network, parameters), torchLoss,
                Compare(trainer, parameters, table).Add("loss-difference", Math.Abs(torchLoss - loss)));
        }
        catch (Exception e) when (e is ArgumentException or InvalidDataException or ArithmeticException or TorchException)
        {
            throw new WorkRefusedException(e.Message, e);
        }
    }

    private static ImmutableSortedDictionary<string, double> Compare(PerceptronTrainer trainer, float[] parameters, SampleTable table)
    {
        var ours = new float[table.Y.Length];
        var theirs = new float[table.Y.Length];
        trainer.Predict(table.X, ours);
        trainer.Network.Forward(parameters, table.X, table.Rows, theirs, new PerceptronWorkspace(trainer.Network, 64));
        var largest = 0.0;
        for (var i = 0; i < parameters.Length; i++)
            largest = Math.Max(largest, Math.Abs((double)parameters[i] - trainer.Parameters[i]));
        return ImmutableSortedDictionary<string, double>.Empty
            .Add("parameter-difference", largest)
            .Add("prediction-difference", Rms(ours, theirs))
            .Add("prediction-rmse", Rms(theirs, table.Y));
    }

    private static double Rms(float[] left, float[] right)
    {
        var sum = 0.0;
        for (var i = 0; i < left.Length; i++) sum += ((double)left[i] - right[i]) * ((double)left[i] - right[i]);
        return Math.Sqrt(sum / left.Length);
    }

    private static byte[] StateDict(Perceptron network, float[] parameters)
    {
        using var scope = new TensorScope();
        return TorchMlp.Build(network, parameters, "cpu").StateDict().Write();
    }
}
