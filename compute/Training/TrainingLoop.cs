using System.Collections.Immutable;
using System.Numerics;
using Athanor.Compute.Training.Distributed;

namespace Athanor.Compute.Training;

/// <summary>Why a training ended.</summary>
public enum LoopEnd
{
    /// <summary>It has not.</summary>
    None = 0,

    /// <summary>All steps are done.</summary>
    Steps = 1,

    /// <summary>The validation loss has not improved for as many check-points as the patience allows.</summary>
    Patience = 2,

    /// <summary>The validation loss is at the target.</summary>
    Target = 3,

    /// <summary>It went wrong once more than rollbacks are allowed.</summary>
    Diverged = 4,

    /// <summary>No shorter step along the gradient of all samples lowers the loss: it is at a minimum within rounding.</summary>
    Converged = 5,
}

/// <summary>What was measured at a check-point.</summary>
/// <param name="Step">Steps done.</param>
/// <param name="Loss">Mean of the batches' losses since the last check-point.</param>
/// <param name="Rate">Learning rate of the last step.</param>
/// <param name="GradientNorm">Of the last step, before clipping.</param>
/// <param name="Validation">Figures on the validation part; finite.</param>
public sealed record LoopPoint(
    long Step, double Loss, double Rate, double GradientNorm, ImmutableSortedDictionary<string, double> Validation);

/// <summary>The last good check-point was restored.</summary>
/// <param name="Step">Where it went wrong.</param>
/// <param name="ToStep">Steps done at the check-point restored.</param>
/// <param name="RateFactor">What the schedule's rate is multiplied with from here on.</param>
public sealed record LoopRollback(long Step, long ToStep, string Cause, double RateFactor);

/// <summary>
/// Trains a task step by step. The state after a check-point is a function of (settings, task): the same bits for any number of threads
/// or processes, and wherever the training was cut and resumed.
///
/// One step: draw the batch (<see cref="BatchDraw"/>); each logical rank sums loss and gradient of its share in the batch's order; the
/// ranks' sums are added in a fixed binary tree (<see cref="RankTree"/>); the sum is divided by the batch, clipped to the longest norm
/// allowed, and given to the optimiser at the schedule's rate times the guard's factor; the moving average of the weights follows.
///
/// Check-points come every so many steps. There the mean loss is looked at by the guard (<see cref="LossWatch"/>): if it went wrong, or a
/// step's loss or gradient was not finite, the last check-point's state is restored and the rate reduced; one rollback more than
/// allowed ends the training as diverged, at the last good state. Otherwise the weights (their average, if there is one) are validated, and
/// the best are kept. What a check-point restores is what <see cref="Checkpoint"/> writes, so a resumed training rolls back to the same.
/// </summary>
public sealed partial class TrainingLoop<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly ITrainingTask<T> _task;
    private readonly string _specHash;
    private readonly int _allowed;
    private readonly BatchDraw _draw;
    private int[] _batch = [];
    private readonly T[][] _leaves;
    private readonly double[] _leafLosses;
    private readonly IGradientExchange<T>? _exchange;
    private readonly int _firstRank, _ownRanks;
    private readonly TreeSum _own;
    private readonly T[] _sum;
    private readonly int _threads;
    private readonly object _validation;
    private readonly T[] _parameters, _first, _second, _average, _best;
    private readonly List<LoopPoint> _points = [];
    private readonly List<LoopRollback> _rolled = [];
    private readonly List<MicroBatchCut> _cuts = [];
    private readonly LossScaling? _scaling;
    private readonly Lock _cutting = new();
    private object[] _scratch = [];
    private ITrainingTask<T> _staged;
    private int _stage = -1;
    private State _state;
    private Snapshot _good;
    private double _norm, _lossSum;

    /// <summary>Most samples at once, after memory ran out; at first any number.</summary>
    private int _micro = int.MaxValue;

    /// <summary>Starts at step 0 with the seed's initial weights.</summary>
    /// <param name="specHash">Names what is trained: a checkpoint of another is refused.</param>
    /// <param name="threads">That share the ranks.</param>
    /// <param name="resumes">How often it was resumed after it diverged: each time all rollbacks are allowed again.</param>
    /// <param name="exchange">With the other processes, where these hold some of the logical ranks.</param>
    /// <exception cref="TrainingException">Settings and task do not fit; the message says what would be right.</exception>
    public TrainingLoop(
        ITrainingTask<T> task, LoopSettings settings, string specHash, int threads = 1, int resumes = 0, IGradientExchange<T>? exchange = null)
    {
        if (settings.Check() is { } wrong) throw new TrainingException(wrong);
        _task = _staged = task;
        Settings = settings;
        _specHash = specHash;
        _allowed = (settings.Guard.MaxRollbacks + 1) * (1 + resumes) - 1;
        _threads = task.HasThreads ? 1 : Math.Clamp(threads, 1, settings.Ranks);
        _scaling = (task as IScaledTask<T>)?.Scaling;
        if (_scaling?.Check() is { } no) throw new TrainingException(no);
        if (_scaling is not null && IsQuasiNewton)
        {
            throw new TrainingException(
                "training.optimiser.kind is lbfgs, which has no steps to skip where a scaled loss overflows; sgd, adam or adamw would be right");
        }
        _draw = new BatchDraw(settings.Seed);
        _exchange = exchange;
        (_firstRank, _ownRanks) = exchange?.Own ?? (0, settings.Ranks);
        _own = new TreeSum([.. Enumerable.Range(_firstRank, _ownRanks).Select(static rank => (rank, 0))], settings.Ranks);
        _leaves =
        [
            .. Enumerable.Range(0, settings.Ranks)
                .Select(rank => rank >= _firstRank && rank < _firstRank + _ownRanks ? new T[task.ParameterCount] : []),
        ];
        _sum = exchange is null ? [] : new T[task.ParameterCount];
        _leafLosses = new double[settings.Ranks];
        _validation = task.NewScratch();
        var moments = Optimiser.Moments(settings.Optimiser);
        _parameters = new T[task.ParameterCount];
        _first = new T[moments > 0 ? task.ParameterCount : 0];
        _second = new T[moments > 1 ? task.ParameterCount : 0];
        _average = new T[settings.EmaDecay > 0.0 ? task.ParameterCount : 0];
        _best = new T[task.ParameterCount];
        var length = IsQuasiNewton ? task.ParameterCount : 0;
        (_base, _slope, _trialSlope, _direction) = (new T[length], new T[length], new T[length], new T[length]);
        task.Initialize(_parameters, settings.Seed);
        if (_average.Length > 0) _parameters.CopyTo(_average, 0);
        _parameters.CopyTo(_best, 0);
        _state = State.Start with { Scale = _scaling?.Initial ?? 1.0 };
        SetStage();
        _good = Take();
    }

    public LoopSettings Settings { get; }

    /// <summary>Steps done.</summary>
    public long Step => _state.Step;

    public LoopEnd End => _state.End;

    /// <summary>What went wrong, when it ended as diverged; empty otherwise.</summary>
    public string Cause => _state.Cause;

    public int Rollbacks => _state.Rollbacks;

    /// <summary>Loss of the best validation so far, or NaN if there was none.</summary>
    public double BestLoss => double.IsFinite(_state.BestLoss) ? _state.BestLoss : double.NaN;

    public long BestStep => _state.BestStep;

    /// <summary>Mean loss before the last check-point.</summary>
    public double Loss => _state.Loss;

    /// <summary>Figures of the best validation so far; empty if there was none.</summary>
    public ImmutableSortedDictionary<string, double> BestFigures => _state.BestFigures;

    public ReadOnlySpan<T> Parameters => _parameters;

    /// <summary>The weights that count: the best validated ones, or without validation the last ones (their moving average, if there
    /// is one).</summary>
    public ReadOnlySpan<T> Weights => double.IsFinite(_state.BestLoss) ? _best : Current;

    /// <summary>Samples of a step in this stage.</summary>
    private int BatchSize => _batch.Length;

    private ReadOnlySpan<T> Current => _average.Length > 0 ? _average : _parameters;

    /// <summary>What was measured since the last call, and what was rolled back.</summary>
    public (ImmutableArray<LoopPoint> Points, ImmutableArray<LoopRollback> Rollbacks) Drain()
    {
        var taken = (_points.ToImmutableArray(), _rolled.ToImmutableArray());
        _points.Clear();
        _rolled.Clear();
        return taken;
    }

    /// <summary>Steps that were skipped, since their scaled gradients were not finite.</summary>
    public long Skipped => _state.Skipped;

    /// <summary>What the loss is multiplied with before its gradient is taken; 1 where nothing is scaled.</summary>
    public double LossScale => _state.Scale;

    /// <summary>Samples at once, where memory did not suffice for more; 0 otherwise.</summary>
    public int MicroBatch => _micro < int.MaxValue ? _micro : 0;

    /// <summary>Where since the last call memory did not suffice.</summary>
    public ImmutableArray<MicroBatchCut> DrainCuts()
    {
        var taken = _cuts.ToImmutableArray();
        _cuts.Clear();
        return taken;
    }

    /// <summary>Goes on to the next check-point, or back to the last.</summary>
    /// <param name="stepped">Called after each step with its number and loss.</param>
    /// <returns>Whether there is more to do.</returns>
    /// <exception cref="OperationCanceledException">The state is then amid two check-points: <see cref="Checkpoint"/> with
    /// <c>present</c> keeps it as it is.</exception>
    public bool Advance(CancellationToken cancellation = default, Action<long, double>? stepped = null)
    {
        if (End != LoopEnd.None) return false;
        SetStage();
        var until = Math.Min(Settings.Stop.Steps, (Step / Settings.CheckEvery + 1) * Settings.CheckEvery);
        while (Step < until && !_converged)
        {
            cancellation.ThrowIfCancellationRequested();
            double loss;
            if (IsQuasiNewton)
            {
                loss = Iterate(cancellation);
            }
            else if (Sharing is { } sharing)
            {
                loss = ShareStep(sharing, Step + 1 == until, cancellation);
            }
            else
            {
                var (gradient, batchLoss) = Sum(cancellation);
                loss = Finish(gradient, batchLoss, out var skipped);
                if (skipped)
                {
                    stepped?.Invoke(Step, loss);
                    continue;
                }
            }
            if (!double.IsFinite(loss) || !double.IsFinite(_norm))
            {
                RollBack(Step, double.IsFinite(loss) ? "gradient not finite" : "loss not finite");
                return End == LoopEnd.None;
            }
            _lossSum += loss;
            stepped?.Invoke(Step, loss);
        }
        if (Sharing is { } others && _first.Length > 0)
        {
            others.Gather(_first, cancellation);
            if (_second.Length > 0) others.Gather(_second, cancellation);
        }
        var done = Step - _good.State.Step - (_state.Skipped - _good.State.Skipped);
        if (done > 0) CheckPoint(_lossSum / done);
        else PassBy();
        return End == LoopEnd.None;
    }

    /// <summary>At a check-point before which every step was skipped there is nothing to judge by.</summary>
    private void PassBy()
    {
        if (Step >= Settings.Stop.Steps) _state = _state with { End = LoopEnd.Steps };
        else SetStage();
        _good = Take();
    }

    private void CheckPoint(double loss)
    {
        if (_state.Watch.Problem(loss, Settings.Guard) is { } problem)
        {
            RollBack(Step, problem);
            return;
        }
        var watch = _state.Watch.With(loss);
        // How often it was resumed must not change when the rate falls.
        if (watch.IsFlat(Settings.Guard) && _state.Rollbacks < Settings.Guard.MaxRollbacks)
        {
            RollBack(Step, "plateau");
            return;
        }
        var validation = Validated();
        _points.Add(new LoopPoint(Step, loss, Rate(Step - 1), _norm, validation));
        _state = _state with { Watch = watch, Loss = loss };
        if (validation.TryGetValue("loss", out var now))
        {
            var better = now < _state.BestLoss * (1.0 - Settings.Stop.LeastImprovement) || !double.IsFinite(_state.BestLoss);
            if (better) Current.CopyTo(_best);
            _state = better
                ? _state with { BestLoss = now, BestStep = Step, SinceBest = 0, BestFigures = validation }
                : _state with { SinceBest = _state.SinceBest + 1 };
            // An early stage of a curriculum is no reason to stop.
            var whole = Settings.Curriculum.IsEmpty || Step > Settings.Curriculum[^1].FromStep;
            var stop = Settings.Stop;
            if (whole && stop.Target > 0.0 && now <= stop.Target) _state = _state with { End = LoopEnd.Target };
            else if (whole && stop.Patience > 0 && _state.SinceBest >= stop.Patience) _state = _state with { End = LoopEnd.Patience };
        }
        if (End == LoopEnd.None && _converged) _state = _state with { End = LoopEnd.Converged };
        if (End == LoopEnd.None && Step >= Settings.Stop.Steps) _state = _state with { End = LoopEnd.Steps };
        if (End == LoopEnd.None) SetStage();
        _good = Take();
    }

    /// <summary>Figures that are not finite (a free run of untrained weights may be so) are counted, and not shown.</summary>
    private ImmutableSortedDictionary<string, double> Validated()
    {
        var all = _task.Validate(Current, _validation);
        var finite = ImmutableSortedDictionary.CreateBuilder<string, double>(StringComparer.Ordinal);
        foreach (var (name, value) in all)
        {
            if (double.IsFinite(value)) finite[name] = value;
        }
        if (finite.Count < all.Count) finite["not-finite"] = all.Count - finite.Count;
        return finite.ToImmutable();
    }

    private void RollBack(long step, string cause)
    {
        var (rollbacks, factor) = (_state.Rollbacks + 1, _state.RateFactor * Settings.Guard.Reduce);
        Restore(_good);
        var diverged = rollbacks > _allowed;
        _state = _state with
        {
            Rollbacks = rollbacks,
            RateFactor = factor,
            // Of a plateau only the count begins anew: what is lowest stays.
            Watch = _state.Watch with { SinceBest = 0, Recent = [] },
            End = diverged ? LoopEnd.Diverged : LoopEnd.None,
            Cause = diverged ? $"{cause} at step {step}, after {rollbacks - 1} rollbacks" : "",
        };
        _rolled.Add(new LoopRollback(step, Step, cause, factor));
        SetStage();
        _good = Take();
    }

    private double Rate(long step) => LearningRates.At(Settings, step) * _state.RateFactor;

    private void SetStage()
    {
        var stage = 0;
        // Stage 0 is what comes before the first that is named, if anything does.
        while (stage < Settings.Curriculum.Length && Settings.Curriculum[stage].FromStep <= Step) stage++;
        if (stage == _stage) return;
        _stage = stage;
        _staged = stage == 0 ? _task : _task.With(Settings.Curriculum[stage - 1].Settings);
        if (_staged.ParameterCount != _task.ParameterCount)
            throw new TrainingException($"stage {stage} of the curriculum changes the number of parameters to {_staged.ParameterCount}");
        var size = Settings.Batch > 0 ? Settings.Batch : _staged.Samples;
        if (Settings.Ranks > size)
            throw new TrainingException($"{Settings.Ranks} logical ranks cannot share all {size} samples; at most {size} ranks would be right");
        if (_batch.Length != size) _batch = new int[size];
        if (_staged.Samples < Settings.Batch)
        {
            throw new TrainingException(
                $"there are {_staged.Samples} training samples, fewer than a batch of {Settings.Batch}; "
                + $"a batch of at most {_staged.Samples} (or more data) would be right");
        }
        // Pairs of another loss tell nothing of this one's slope.
        if (_state.Stage != stage) _memory = LimitedMemory<T>.Empty;
        _known = _converged = false;
        _scratch = [.. Enumerable.Range(0, _threads).Select(_ => _staged.NewScratch())];
        // Losses of other windows are not comparable.
        if (_state.Stage != stage) _state = _state with { Stage = stage, Watch = LossWatch.Empty };
    }

    private long StageStart => _stage == 0 ? 0 : Settings.Curriculum[_stage - 1].FromStep;

    /// <summary>Begins a new stretch between check-points.</summary>
    private Snapshot Take()
    {
        _lossSum = 0.0;
        return Present();
    }

    private Snapshot Present() => new([.. _parameters], [.. _first], [.. _second], [.. _average], _memory, _state);

    private void Restore(Snapshot snapshot)
    {
        snapshot.Parameters.CopyTo(_parameters, 0);
        snapshot.First.CopyTo(_first, 0);
        snapshot.Second.CopyTo(_second, 0);
        snapshot.Average.CopyTo(_average, 0);
        _memory = snapshot.Memory;
        _known = _converged = false;
        _state = snapshot.State;
    }

    /// <summary>What is not an array of numbers.</summary>
    private sealed record State(
        long Step, int Stage, double Loss, double BestLoss, long BestStep, int SinceBest, LossWatch Watch, int Rollbacks, double RateFactor,
        LoopEnd End, string Cause, ImmutableSortedDictionary<string, double> BestFigures, long Skipped, double Scale, int SinceGrowth)
    {
        public static readonly State Start = new(
            0, 0, 0.0, double.PositiveInfinity, 0, 0, LossWatch.Empty, 0, 1.0, LoopEnd.None, "",
            ImmutableSortedDictionary.Create<string, double>(StringComparer.Ordinal), 0, 1.0, 0);
    }

    /// <summary>The last good check-point. The best weights are not in it: they only change at a good one.</summary>
    private sealed record Snapshot(T[] Parameters, T[] First, T[] Second, T[] Average, LimitedMemory<T> Memory, State State);
}
