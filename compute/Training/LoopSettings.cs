using System.Collections.Immutable;
using System.Globalization;

namespace Athanor.Compute.Training;

/// <summary>How parameters follow their gradient.</summary>
public enum OptimiserKind
{
    /// <summary>Stochastic gradient descent, with heavy-ball momentum as PyTorch's <c>SGD</c>.</summary>
    Sgd = 0,

    /// <summary>Kingma and Ba, ICLR 2015, algorithm 1; weight decay is added to the gradient.</summary>
    Adam = 1,

    /// <summary>Adam with decoupled weight decay (Loshchilov and Hutter, ICLR 2019).</summary>
    AdamW = 2,

    /// <summary>Limited-memory BFGS (Nocedal, Math. Comp. 35, 1980; Liu and Nocedal, Math. Programming 45, 1989) with a backtracking line
    /// search; for losses without noise, on all samples or on large batches.</summary>
    Lbfgs = 3,
}

/// <summary>How the learning rate falls after the warm-up.</summary>
public enum ScheduleKind
{
    Constant = 0,

    /// <summary>Half a cosine to the final rate at the last step (Loshchilov and Hutter, SGDR, ICLR 2017, without restarts).</summary>
    Cosine = 1,

    /// <summary>Times a factor every so many steps.</summary>
    Step = 2,
}

/// <param name="Momentum">Of SGD; 0 for none.</param>
/// <param name="WeightDecay">0 for none.</param>
/// <param name="Memory">Steps that L-BFGS remembers. Its learning rate is the first length that the line search tries: 1 is the full
/// step.</param>
public sealed record OptimiserSettings(
    OptimiserKind Kind, double LearningRate, double Momentum = 0.0, double Beta1 = 0.9, double Beta2 = 0.999, double Epsilon = 1e-8,
    double WeightDecay = 0.0, int Memory = 20);

/// <param name="WarmUp">Steps in which the rate rises linearly from 0; 0 for none.</param>
/// <param name="FinalRate">At the last step; of the cosine.</param>
/// <param name="Every">Steps between falls; of the step schedule.</param>
/// <param name="Factor">Of each fall; of the step schedule.</param>
public sealed record ScheduleSettings(
    ScheduleKind Kind = ScheduleKind.Cosine, long WarmUp = 0, double FinalRate = 0.0, long Every = 0, double Factor = 0.1);

/// <param name="Steps">Steps at most.</param>
/// <param name="Patience">Check-points in a row without a better validation loss after which training stops; 0 for never.</param>
/// <param name="LeastImprovement">A loss counts as better below (1 - this) times the best.</param>
/// <param name="Target">Training stops at a validation loss at or below this; 0 for none.</param>
public sealed record StopSettings(long Steps, int Patience = 0, double LeastImprovement = 0.0, double Target = 0.0);

/// <summary>When training counts as gone wrong, looked at in the mean loss between check-points. Each time the last good check-point is
/// restored and the learning rate reduced.</summary>
/// <param name="Explosion">The loss is above this times the best so far; 0 for never.</param>
/// <param name="Plateau">Check-points in a row without a lower loss; 0 for never.</param>
/// <param name="Oscillation">Check-points in a row at which the loss went up and down by turns, each time by more than
/// <paramref name="Swing"/> times the smaller of the two; 0 for never.</param>
/// <param name="Reduce">The learning rate's factor at each rollback, below 1.</param>
/// <param name="MaxRollbacks">One more ends the training as diverged (a plateau's is then left alone).</param>
public sealed record GuardSettings(
    double Explosion = 100.0, int Plateau = 0, int Oscillation = 8, double Swing = 1.0, double Reduce = 0.5, int MaxRollbacks = 5);

/// <summary>A stage of a curriculum: the task's settings from a step on, until the next stage's.</summary>
public sealed record CurriculumStage(long FromStep, ImmutableSortedDictionary<string, double> Settings);

/// <summary>Everything that decides a training but model and data: with those it fixes every bit of the state after each step.</summary>
/// <param name="Batch">Samples of a step; 0 for all, in their own order.</param>
/// <param name="MicroBatch">Samples that go through the model at once; the gradients of a rank's pieces accumulate in order. 0 for a rank's
/// whole share.</param>
/// <param name="Ranks">Logical ranks: the batch is cut into so many shares, whose gradients are summed in a fixed binary tree, whatever
/// threads or processes hold them.</param>
/// <param name="ClipNorm">Longest gradient; 0 for any.</param>
/// <param name="EmaDecay">Of the exponential moving average of the weights, which is then what is validated and kept; 0 for none.</param>
/// <param name="CheckEvery">Steps between check-points: there the loss is averaged, validated and guarded, and only there a run may be
/// cut.</param>
public sealed record LoopSettings(
    OptimiserSettings Optimiser, ScheduleSettings Schedule, StopSettings Stop, GuardSettings Guard, ulong Seed, int Batch,
    int MicroBatch = 0, int Ranks = 1, double ClipNorm = 0.0, double EmaDecay = 0.0, long CheckEvery = 100)
{
    /// <summary>Most logical ranks.</summary>
    public const int MaxRanks = 256;

    /// <summary>By rising first step.</summary>
    public ImmutableArray<CurriculumStage> Curriculum { get; init; } = [];

    /// <summary>What is wrong with this, and what would be right; null if nothing is.</summary>
    public string? Check()
    {
        var o = Optimiser;
        if (!(o.LearningRate > 0.0) || !double.IsFinite(o.LearningRate)) return Say("the learning rate", o.LearningRate,
            "a positive number");
        if (!IsIn(o.Momentum, 0.0, 1.0)) return Say("the momentum", o.Momentum, "0 to below 1");
        if (!IsIn(o.Beta1, 0.0, 1.0)) return Say("beta1", o.Beta1, "0 to below 1");
        if (!IsIn(o.Beta2, 0.0, 1.0)) return Say("beta2", o.Beta2, "0 to below 1");
        if (!(o.Epsilon > 0.0) || !double.IsFinite(o.Epsilon)) return Say("epsilon", o.Epsilon, "a small positive number");
        if (!(o.WeightDecay >= 0.0) || !double.IsFinite(o.WeightDecay)) return Say("the weight decay", o.WeightDecay, "0 or more");
        if (!(ClipNorm >= 0.0) || !double.IsFinite(ClipNorm)) return Say("the clipping norm", ClipNorm, "0 (none) or more");
        if (!IsIn(EmaDecay, 0.0, 1.0)) return Say("the moving average's decay", EmaDecay, "0 (none) to below 1");
        if (Batch < 0) return Say("the batch", Batch, "at least 1, or 0 for all samples,");
        if (o.Kind == OptimiserKind.Lbfgs && CheckQuasiNewton() is { } no) return no;
        if (MicroBatch < 0) return Say("the micro-batch", MicroBatch, "0 (a rank's whole share) or more");
        if (Ranks is < 1 or > MaxRanks) return Say("the number of logical ranks", Ranks, $"1 to {MaxRanks}");
        if (Batch > 0 && Ranks > Batch) return $"{Ranks} logical ranks cannot share a batch of {Batch}; a batch of at least {Ranks} would be right";
        if (CheckEvery < 1) return Say("the number of steps between check-points", CheckEvery, "at least 1");
        return CheckSchedule() ?? CheckStop() ?? CheckGuard() ?? CheckCurriculum();
    }

    private string? CheckQuasiNewton()
    {
        if (Optimiser.Memory is < 1 or > 200) return Say("the memory of L-BFGS", Optimiser.Memory, "1 to 200 steps");
        if (Optimiser.WeightDecay > 0.0)
            return "L-BFGS takes no weight decay, which is no part of the loss; the loss's term l2 would be right";
        return ClipNorm > 0.0 ? "L-BFGS takes no clipping norm: its line search limits the step; 0 would be right" : null;
    }

    private string? CheckSchedule() => Schedule switch
    {
        { WarmUp: < 0 } s => Say("the warm-up", s.WarmUp, "0 (none) or more steps"),
        { Kind: ScheduleKind.Cosine } s when !(s.FinalRate >= 0.0) || s.FinalRate > Optimiser.LearningRate =>
            Say("the final learning rate", s.FinalRate, Say($"0 to {Optimiser.LearningRate:R}")),
        { Kind: ScheduleKind.Step, Every: < 1 } s => Say("the number of steps between falls of the rate", s.Every, "at least 1"),
        { Kind: ScheduleKind.Step } s when !IsIn(s.Factor, double.Epsilon, 1.0) =>
            Say("the rate's factor", s.Factor, "above 0 and below 1"),
        _ => null,
    };

    private string? CheckStop() => Stop switch
    {
        { Steps: < 1 } s => Say("the number of steps", s.Steps, "at least 1"),
        { Patience: < 0 } s => Say("the patience", s.Patience, "0 (never) or more check-points"),
        _ when !IsIn(Stop.LeastImprovement, 0.0, 1.0) => Say("the least improvement", Stop.LeastImprovement, "0 to below 1"),
        _ when !(Stop.Target >= 0.0) || !double.IsFinite(Stop.Target) => Say("the target loss", Stop.Target, "0 (none) or more"),
        _ => null,
    };

    private string? CheckGuard() => Guard switch
    {
        _ when !(Guard.Explosion == 0.0 || Guard.Explosion > 1.0) => Say("the guard's explosion", Guard.Explosion, "0 (never) or above 1"),
        { Plateau: < 0 } g => Say("the guard's plateau", g.Plateau, "0 (never) or more check-points"),
        { Oscillation: < 0 or 1 or 2 or > LossWatch.Kept } g =>
            Say("the guard's oscillation", g.Oscillation, $"0 (never) or 3 to {LossWatch.Kept} check-points"),
        _ when !(Guard.Swing >= 0.0) => Say("the guard's swing", Guard.Swing, "0 or more"),
        _ when !IsIn(Guard.Reduce, double.Epsilon, 1.0) => Say("the guard's reduction of the rate", Guard.Reduce, "above 0 and below 1"),
        { MaxRollbacks: < 0 } g => Say("the number of rollbacks", g.MaxRollbacks, "0 or more"),
        _ => null,
    };

    private string? CheckCurriculum()
    {
        var before = -1L;
        foreach (var stage in Curriculum)
        {
            if (stage.FromStep <= before)
                return $"the curriculum's stages begin at steps {before} and {stage.FromStep}; they must rise, and begin at 0 or later";
            if (stage.FromStep % CheckEvery != 0)
            {
                return $"a stage of the curriculum begins at step {stage.FromStep}; a multiple of {CheckEvery}, the steps between "
                    + "check-points, would be right";
            }
            before = stage.FromStep;
        }
        return null;
    }

    private static bool IsIn(double value, double low, double below) => value >= low && value < below;

    private static string Say(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    private static string Say(string what, double value, string right) =>
        string.Create(CultureInfo.InvariantCulture, $"{what} is {value:R}; {right} would be right");
}
