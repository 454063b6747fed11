using System.Collections.Immutable;
using System.Globalization;
using Athanor.Compute.Uncertainty;
using Athanor.Protocol;
using Athanor.Protocol.Ensembles;

namespace Athanor.Actors.Ensembles;

/// <summary>One surrogate ensemble as its journal tells it.</summary>
/// <param name="Attempts">How often the work of a split was dispatched again, for splits where it was.</param>
/// <param name="Sweeps">The batch evaluations of this ensemble.</param>
[Message("ensembles.state")]
public sealed record EnsembleState(
    [property: Key(0)] EnsembleSpec? Spec, [property: Key(1)] EnsemblePhase Phase,
    [property: Key(2)] ImmutableSortedDictionary<int, SplitFit> Splits, [property: Key(3)] ImmutableSortedDictionary<int, int> Attempts,
    [property: Key(4)] string Reason, [property: Key(5)] ImmutableSortedDictionary<string, SweepState> Sweeps) : IState;

/// <summary>
/// A surrogate ensemble. All splits are dispatched in the transaction that records the start, each under the name <c>split-K</c>; they come
/// back in any order and count once; with the last one the ensemble is fitted. All attempts of a split have one spec and seed (a function
/// of the ensemble's seed and the split), so whichever comes first is right.
/// Failures: a split that ends without a result is dispatched again, at most <see cref="MaxAttempts"/> times in all; then the ensemble
/// fails, the other splits are cancelled, and what comes in after that is dropped. Sweeps have rules of their own
/// (<see cref="Ensembles.Sweeps"/>).
/// </summary>
public sealed class EnsembleDecider : Decider<EnsembleState>
{
    /// <summary>How often a split is dispatched before the ensemble fails.</summary>
    public const int MaxAttempts = 3;

    /// <summary>More would make the state too large to keep as one message.</summary>
    public const int MaxSplits = 200;

    private const string Prefix = "split-";

    private static readonly TimeSpan Deadline = TimeSpan.FromMinutes(30);

    public override string Family => "ensembles";

    public override EnsembleState Initial(EntityAddress address) => new(
        null, EnsemblePhase.NotStarted, ImmutableSortedDictionary<int, SplitFit>.Empty, ImmutableSortedDictionary<int, int>.Empty, "",
        ImmutableSortedDictionary<string, SweepState>.Empty);

    public override IReadOnlyList<Effect> Decide(EnsembleState state, ICommand command, DecisionContext context) => command switch
    {
        TrainEnsemble train => Start(state, train.Spec),
        WorkCompleted done when SplitOut(state, done.Name) is { } split => Complete(state, split, done),
        WorkFailed failed when SplitOut(state, failed.Name) is { } split => Retry(state, split, failed.Reason),
        _ => Sweeps.Decide(state.Sweeps, command, context) ?? Unknown(command),
    };

    public override EnsembleState Apply(EnsembleState state, IEvent @event) => @event switch
    {
        EnsembleTrainingStarted e => state with { Spec = e.Spec, Phase = EnsemblePhase.Fitting },
        EnsembleSplitFitted e => state with { Splits = state.Splits.SetItem(e.Split, e.Fit) },
        EnsembleSplitRetried e => state with { Attempts = state.Attempts.SetItem(e.Split, e.Attempt) },
        EnsembleFitted => state with { Phase = EnsemblePhase.Fitted },
        EnsembleFailed e => state with { Phase = EnsemblePhase.Failed, Reason = e.Reason },
        _ => Sweeps.Apply(state.Sweeps, @event) is { } sweeps
            ? state with { Sweeps = sweeps }
            : throw new InvalidOperationException($"an ensemble has no event {@event.GetType().Name}"),
    };

    public override IReply Answer(EnsembleState state, IQuery query) => query switch
    {
        GetEnsemble => new EnsembleView(state.Spec, state.Phase, state.Splits, state.Reason),
        _ => Sweeps.Answer(state.Sweeps, query) ?? new Rejected("invalid", $"an ensemble does not know {query.GetType().Name}"),
    };

    /// <summary>What is wrong with a spec, or null.</summary>
    public static string? Check(EnsembleSpec spec)
    {
        if (!(spec.Data.Length == 64 && spec.Data.All(char.IsAsciiHexDigitLower)))
            return $"data '{spec.Data}' is no SHA-256 in lower-case hex";
        if (Options(spec).Check() is { } wrong) return wrong;
        if (spec.Sizes[0] != spec.Inputs)
            return $"the network takes {spec.Sizes[0]} inputs where the data have {spec.Inputs}; sizes[0] = {spec.Inputs} would be right";
        if (spec.PermutationSplits < 0 || spec.GroupSplits < 0 || spec.Splits is < 1 or > MaxSplits)
            return $"{spec.PermutationSplits} and {spec.GroupSplits} splits; 1 to {MaxSplits} together would be right";
        if (!(spec.TrainingShare > 0.0) || !(spec.CalibrationShare > 0.0) || !(spec.TrainingShare + spec.CalibrationShare < 1.0))
        {
            return $"shares of {spec.TrainingShare} and {spec.CalibrationShare} leave nothing to one part; " +
                "positive ones with a sum below 1 would be right";
        }
        if (spec.GroupSplits > 0 && spec.GroupColumns.IsEmpty) return "splits by group need the columns that name a group";
        foreach (var column in spec.GroupColumns.Concat(spec.Logs.Select(l => l.Column)))
        {
            if (column < 0 || column >= spec.Inputs) return $"column {column} is none of the inputs 0 to {spec.Inputs - 1}";
        }
        foreach (var log in spec.Logs)
        {
            if (!double.IsFinite(log.Shift)) return $"the shift of column {log.Column} is {log.Shift}; a finite number would be right";
        }
        return null;
    }

    /// <summary>The numerics' options of a spec.</summary>
    public static EnsembleOptions Options(EnsembleSpec spec) => new(
        spec.Sizes, spec.Members, spec.Passes, spec.BatchRows, spec.LearningRate, spec.WeightDecay, spec.Miscoverage,
        [.. spec.Logs.Select(l => new LogShift(l.Column, l.Shift))]);

    /// <summary>The seed of everything in a split: its rows' order, its members' weights and batches.</summary>
    public static ulong SplitSeed(EnsembleSpec spec, int split) =>
        Seeds.Derive(spec.Seed, string.Create(CultureInfo.InvariantCulture, $"ensembles/split/{split}"));

    private static IReadOnlyList<Effect> Start(EnsembleState state, EnsembleSpec spec)
    {
        if (state.Spec is { } known)
        {
            return Same(known, spec)
                ? [new Effect.Reply(new Done())]
                : [new Effect.Reply(new Rejected("conflict", "this ensemble was started with another spec; another id would be right"))];
        }
        if (Check(spec) is { } wrong) return [new Effect.Reply(new Rejected("invalid", wrong))];
        List<Effect> effects = [new Effect.Persist(new EnsembleTrainingStarted(spec))];
        for (var split = 0; split < spec.Splits; split++) effects.Add(Dispatch(spec, split, 0));
        effects.Add(new Effect.Reply(new Done()));
        return effects;
    }

    private static IReadOnlyList<Effect> Complete(EnsembleState state, int split, WorkCompleted done)
    {
        if (done.Result is not FitSplitResult result || result.Split != split || result.Fit.Rule != state.Spec!.RuleOf(split))
            return Retry(state, split, $"the result of split {split} is not one of that split");
        List<Effect> effects = [new Effect.Persist(new EnsembleSplitFitted(split, result.Fit))];
        if (state.Splits.Count + 1 == state.Spec!.Splits) effects.Add(new Effect.Persist(new EnsembleFitted()));
        return effects;
    }

    private static IReadOnlyList<Effect> Retry(EnsembleState state, int split, string reason)
    {
        var attempt = state.Attempts.GetValueOrDefault(split) + 1;
        if (attempt < MaxAttempts)
            return [new Effect.Persist(new EnsembleSplitRetried(split, attempt, reason)), Dispatch(state.Spec!, split, attempt)];
        List<Effect> effects = [new Effect.Persist(new EnsembleFailed($"split {split} failed {MaxAttempts} times, at last: {reason}"))];
        for (var other = 0; other < state.Spec!.Splits; other++)
        {
            if (other != split && !state.Splits.ContainsKey(other))
                effects.Add(new Effect.CancelWork(Name(other, state.Attempts.GetValueOrDefault(other))));
        }
        return effects;
    }

    private static Effect.Dispatch Dispatch(EnsembleSpec spec, int split, int attempt) => new(
        Name(split, attempt), new FitSplit(spec, split), SplitSeed(spec, split), [spec.Data], Deadline);

    /// <summary>The split whose work now out has this name, or null.</summary>
    private static int? SplitOut(EnsembleState state, string name)
    {
        if (state.Phase != EnsemblePhase.Fitting || !name.StartsWith(Prefix, StringComparison.Ordinal)) return null;
        var digits = name.AsSpan(Prefix.Length);
        var end = digits.IndexOf('-');
        if (end >= 0) digits = digits[..end];
        if (!int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var split)) return null;
        if (split >= state.Spec!.Splits || state.Splits.ContainsKey(split)) return null;
        return name == Name(split, state.Attempts.GetValueOrDefault(split)) ? split : null;
    }

    private static string Name(int split, int attempt) => attempt == 0
        ? string.Create(CultureInfo.InvariantCulture, $"{Prefix}{split}")
        : string.Create(CultureInfo.InvariantCulture, $"{Prefix}{split}-again-{attempt}");

    /// <summary>Work that is no longer wanted is dropped without a word; any other command is answered.</summary>
    private static IReadOnlyList<Effect> Unknown(ICommand command) => command is WorkCompleted or WorkFailed
        ? []
        : [new Effect.Reply(new Rejected("invalid", $"an ensemble does not know {command.GetType().Name}"))];

    private static bool Same(EnsembleSpec a, EnsembleSpec b) =>
        a.Sizes.SequenceEqual(b.Sizes) && a.Logs.SequenceEqual(b.Logs) && a.GroupColumns.SequenceEqual(b.GroupColumns) &&
        a with { Sizes = [], Logs = [], GroupColumns = [] } == b with { Sizes = [], Logs = [], GroupColumns = [] };
}
