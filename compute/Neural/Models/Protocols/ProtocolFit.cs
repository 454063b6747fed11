using System.Collections.Immutable;
using Athanor.Compute.Training;

namespace Athanor.Compute.Neural.Models.Protocols;

/// <summary>How the protocols fit: Adam along a cosine, then a quasi-Newton polish over all windows. The same bits for the same
/// seed.</summary>
internal static class ProtocolFit
{
    /// <param name="told">Steps done and loss, after each.</param>
    public static double[] Adam(
        ITrainingTask<double> task, int steps, int batch, double rate, ulong seed, Action<int, double>? told = null, double decay = 0.0)
    {
        var loop = new TrainingLoop<double>(
            task,
            new LoopSettings(
                new OptimiserSettings(decay > 0.0 ? OptimiserKind.AdamW : OptimiserKind.Adam, rate, WeightDecay: decay),
                new ScheduleSettings(FinalRate: 0.01 * rate), new StopSettings(steps), new GuardSettings(Explosion: 0.0, Oscillation: 0),
                seed, Math.Min(batch, task.Samples), ClipNorm: 1.0, CheckEvery: 250),
            "protocol");
        while (loop.Advance(default, (step, loss) => told?.Invoke((int)step, loss)))
        {
        }
        return loop.End == LoopEnd.Diverged ? throw new TrainingException(loop.Cause) : loop.Weights.ToArray();
    }

    public static ITrainingTask<double> Windows(this ITrainingTask<double> task, int window, int stride) =>
        task.With(ImmutableDictionary<string, double>.Empty.Add("window", window).Add("stride", stride));
}
