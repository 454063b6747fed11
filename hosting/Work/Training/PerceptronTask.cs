using System.Collections.Immutable;
using Athanor.Compute.Kernels;
using Athanor.Protocol.Training;

namespace Athanor.Hosting.Work.Training;

/// <summary>Trains a perceptron on a <see cref="SampleTable"/> with the deterministic kernels; the checkpoint is the trainer's state.</summary>
internal sealed class PerceptronTask : ITrainingTask
{
    /// <summary>Steps between two reports of progress.</summary>
    private const long ReportEvery = 500;

    public string Kind => "perceptron";

    public SegmentOutcome Run(
        TrainingSpec spec, ReadOnlyMemory<byte>? checkpoint, ReadOnlyMemory<byte> data, long fromStep, long steps, ulong seed,
        IWorkContext context)
    {
        PerceptronTrainer trainer;
        try
        {
            var table = SampleTable.FromBytes(data.Span);
            if (table.Inputs != spec.Inputs || table.Outputs != spec.Outputs)
            {
                throw new WorkRefusedException(
                    $"the data have {table.Inputs} inputs and {table.Outputs} outputs; the spec says {spec.Inputs} and {spec.Outputs}");
            }
            trainer = new PerceptronTrainer(
                new PerceptronTraining(
                    spec.Sizes, seed, spec.TotalSteps, spec.BatchRows, spec.LearningRate, spec.FinalLearningRate, spec.WeightDecay),
                table.X, table.Y);
            if (checkpoint is { } state) trainer.FromBytes(state.Span);
        }
        catch (Exception e) when (e is ArgumentException or InvalidDataException)
        {
            throw new WorkRefusedException(e.Message, e);
        }
        if (trainer.Step != fromStep)
            throw new WorkRefusedException($"the checkpoint is of step {trainer.Step} where step {fromStep} would be right");

        var sum = 0.0;
        for (var done = 0L; done < steps;)
        {
            var now = Math.Min(ReportEvery, steps - done);
            double loss;
            try
            {
                loss = trainer.Run(now, context.Cancellation);
            }
            catch (ArithmeticException e)
            {
                throw new WorkRefusedException(e.Message, e);
            }
            sum += loss * now;
            done += now;
            context.Report((double)done / steps, $"step {trainer.Step}, loss {loss:G4}");
        }
        return new SegmentOutcome(trainer.ToBytes(), sum / steps, ImmutableSortedDictionary<string, double>.Empty);
    }
}
