using System.Collections.Immutable;
using Athanor.Protocol.Training;

namespace Athanor.Hosting.Work.Training;

/// <summary>One kind of training. It is stateless: what a run has learned is in its checkpoint alone.</summary>
public interface ITrainingTask
{
    /// <summary>What <see cref="TrainingSpec.Task"/> calls it.</summary>
    string Kind { get; }

    /// <summary>Trains from step <paramref name="fromStep"/> on for <paramref name="steps"/> steps. The outcome is a function of the
    /// arguments, so that a segment may be done twice, or audited by doing it again.</summary>
    /// <param name="checkpoint">The state to go on from; null at step 0.</param>
    /// <param name="data">The content of <see cref="TrainingSpec.Data"/>.</param>
    /// <exception cref="WorkRefusedException">Spec, checkpoint or data are wrong; the message says what would be right.</exception>
    SegmentOutcome Run(
        TrainingSpec spec, ReadOnlyMemory<byte>? checkpoint, ReadOnlyMemory<byte> data, long fromStep, long steps, ulong seed,
        IWorkContext context);
}

/// <param name="Checkpoint">The whole training state after the segment, in canonical bytes.</param>
/// <param name="Loss">Mean over the segment's steps; finite.</param>
/// <param name="Metrics">What else was measured, by name; finite.</param>
public sealed record SegmentOutcome(byte[] Checkpoint, double Loss, ImmutableSortedDictionary<string, double> Metrics);
