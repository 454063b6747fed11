using Athanor.Protocol;
using Athanor.Protocol.Training;

namespace Athanor.Hosting.Work.Training;

/// <summary>Runs one segment by the task that its spec names: blobs in, blob out.</summary>
internal sealed class TrainingSegmentHandler(IReadOnlyList<ITrainingTask> tasks) : IWorkHandler
{
    public Type Handles => typeof(TrainingSegment);

    public IWorkResult Run(IWork work, IWorkContext context)
    {
        var segment = (TrainingSegment)work;
        var task = tasks.FirstOrDefault(t => t.Kind == segment.Spec.Task) ?? throw new WorkRefusedException(
            $"there is no training task '{segment.Spec.Task}'; {string.Join(", ", tasks.Select(t => $"'{t.Kind}'"))} would be right");
        // A bare null would become an empty memory through its conversion from an array.
        var checkpoint = segment.Checkpoint.Length == 0 ? (ReadOnlyMemory<byte>?)null : context.GetBlob(segment.Checkpoint);
        var data = context.GetBlob(segment.Spec.Data);
        var outcome = task.Run(segment.Spec, checkpoint, data, segment.FromStep, segment.Steps, context.Seed, context);
        if (!double.IsFinite(outcome.Loss))
        {
            throw new WorkRefusedException(
                $"the loss of segment {segment.Segment} is {outcome.Loss}; a smaller learning rate would be right");
        }
        foreach (var (name, value) in outcome.Metrics)
        {
            if (!double.IsFinite(value)) throw new WorkRefusedException($"the metric '{name}' of segment {segment.Segment} is {value}");
        }
        return new TrainingSegmentResult(
            segment.Segment, segment.FromStep + segment.Steps, context.PutBlob(outcome.Checkpoint), outcome.Loss, outcome.Metrics);
    }
}
