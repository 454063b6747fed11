using System.Collections.Immutable;
using Athanor.Protocol;
using Athanor.Protocol.Training;

namespace Athanor.Actors.Training;

/// <summary>A run that was started by training.start-run, as its journal tells it; phase and reason stand in <see
/// cref="TrainingState"/>.</summary>
/// <param name="Part">Fold of a cross-validation, then the training proper.</param>
/// <param name="Step">Steps of this part done.</param>
/// <param name="Segments">Segments done, over all parts.</param>
/// <param name="Attempt">Of the segment that is out, from 0.</param>
/// <param name="Checkpoint">Of this part; empty at its beginning.</param>
/// <param name="Points">Of this part, thinned.</param>
/// <param name="Rollbacks">The last of them.</param>
/// <param name="Folds">Figures of the folds done; null, and not in the bytes, without.</param>
/// <param name="Model">The weights of a part that ended; empty otherwise.</param>
[MessagePart]
public sealed record RunState(
    [property: Key(0)] RunSpec Spec, [property: Key(1)] int Part, [property: Key(2)] long Step, [property: Key(3)] int Segments,
    [property: Key(4)] int Attempt, [property: Key(5)] int Resumes, [property: Key(6)] string Checkpoint,
    [property: Key(7)] ImmutableArray<RunPoint> Points, [property: Key(8)] ImmutableArray<RunRolledBack> Rollbacks,
    [property: Key(9)] ImmutableArray<double> FoldLosses, [property: Key(10)] string Model, [property: Key(11)] RunEnd End,
    [property: Key(12)] ImmutableSortedDictionary<string, double> Metrics, [property: Key(13)] RunFolds? Folds = null)
{
    /// <summary>Most points kept; beyond it every second one goes. The journal has what its segments measured.</summary>
    public const int MaxPoints = 200;

    private const int MaxRollbacks = 40;

    public static RunState Of(RunSpec spec) => new(
        spec, 0, 0, 0, 0, 0, "", [], [], [], "", RunEnd.None, ImmutableSortedDictionary<string,
            double>.Empty.WithComparers(StringComparer.Ordinal));

    public RunState With(RunSegmentDone done)
    {
        var points = Points.AddRange(done.Points);
        // Of every pair the later one stays, so that the newest is always there.
        while (points.Length > MaxPoints)
        {
            var odd = points.Length % 2;
            points = [.. points.Where((_, i) => i % 2 == 1 - odd)];
        }
        var state = this with
        {
            Step = done.Step,
            Segments = done.Segment + 1,
            Attempt = 0,
            Checkpoint = done.Checkpoint,
            Points = points,
            End = done.End,
            Metrics = done.Metrics,
        };
        var ended = done.End is not (RunEnd.None or RunEnd.Diverged);
        if (!ended) return state;
        if (Spec.IsMain(Part)) return state with { Model = done.Model };
        return state with
        {
            Part = Part + 1,
            Step = 0,
            Checkpoint = "",
            Points = [],
            End = RunEnd.None,
            Folds = new RunFolds((Folds?.Folds ?? []).Add(new RunFold(done.Step, done.End, FiguresOf(done.Metrics)))),
            FoldLosses = FoldLosses.Add(done.Metrics.GetValueOrDefault("loss", done.Loss)),
        };
    }

    /// <summary>Of the validation alone: what tells of the training is no figure of the fold.</summary>
    private static ImmutableSortedDictionary<string, double> FiguresOf(ImmutableSortedDictionary<string, double> metrics) =>
        metrics.RemoveRange(["best-step", "rollbacks", "train-loss"]);

    public RunState With(RunRolledBack rolled) =>
        this with { Rollbacks = (Rollbacks.Length < MaxRollbacks ? Rollbacks : Rollbacks.RemoveAt(0)).Add(rolled) };

    public RunView View(TrainingPhase phase, string reason) => new(
        Spec, phase, Part, Step, Segments, Points, Rollbacks, FoldLosses, Checkpoint, Model, End, Metrics, reason, Folds);
}
