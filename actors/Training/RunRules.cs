using System.Collections.Immutable;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Athanor.Compute.Training;
using Athanor.Protocol;
using Athanor.Protocol.Models;
using Athanor.Protocol.Training;

namespace Athanor.Actors.Training;

/// <summary>
/// Runs of any kind of model. One segment is out at a time, from checkpoint to checkpoint; it ends at a check-point of its own choice,
/// after so many steps or so much time, which changes no weight: the state after each check-point is a function of the spec. With folds,
/// each fold is trained first, one after the other, for its validation loss; the training proper follows and gives the weights.
///
/// Guarantees. A segment's result counts once, under the name that is out. What a segment rolled back, and why, is in the journal before
/// the segment itself. A finished run tells its model entity, if the spec names one, in the same transaction.
/// Failures. A slot's or node's death is the host's affair: the work row is leased again and goes on from the checkpoint that the slot
/// saved last; after three deaths at no further checkpoint the host gives up. Whatever fails for good (that, a refusal, a deadline, a
/// training that diverges more often than allowed) parks the run with its reason; <see cref="ResumeTraining"/> dispatches the segment again
/// under a new name, from the last checkpoint, with all rollbacks allowed again.
/// </summary>
internal static class RunRules
{
    private const int MaxSpecBytes = 16 << 10;

    /// <summary>How long a gang may wait for enough free slots before the run is parked.</summary>
    private static readonly TimeSpan GangPatience = TimeSpan.FromMinutes(10);

    public static IReadOnlyList<Effect> Start(RunSpec spec, DateTimeOffset now) => Problem(spec) is { } wrong
        ? [new Effect.Reply(new Rejected("invalid", wrong))]
        : [new Effect.Persist(new RunStarted(spec)), Dispatch(RunState.Of(spec), now), new Effect.Reply(new Done())];

    /// <summary>What is wrong with a spec, or null. Whether the data fit the model is seen in the slot, which has them.</summary>
    public static string? Problem(RunSpec spec)
    {
        if (spec.Model.Length + spec.Data.Length > MaxSpecBytes)
            return $"model and data are {spec.Model.Length + spec.Data.Length} characters of JSON; at most {MaxSpecBytes} would be right";
        if (Kind(spec.Model) is not { } kind) return "the model is no JSON object with a text 'kind'";
        if (!TrainingTasks.Kinds.Contains(kind))
            return $"model.kind is '{kind}'; one of {string.Join(", ", TrainingTasks.Kinds)} would be right";
        if (spec.Tables.FirstOrDefault(table => !IsHash(table)) is { } no) return $"table '{no}' is no SHA-256 in lower-case hex";
        if (!Enum.IsDefined(spec.Precision)) return $"precision {(int)spec.Precision} is unknown";
        if (!Enum.IsDefined(spec.Optimiser.Kind)) return $"optimiser {(int)spec.Optimiser.Kind} is unknown";
        if (!Enum.IsDefined(spec.Schedule.Kind)) return $"schedule {(int)spec.Schedule.Kind} is unknown";
        if (spec.Folds is < 0 or 1 or > 100) return $"there are {spec.Folds} folds; 0 (none) or 2 to 100 would be right";
        if (spec.SegmentSteps < 0) return $"segment steps are {spec.SegmentSteps}; 0 (time alone) or more would be right";
        if (spec.SegmentTime < TimeSpan.FromMilliseconds(100) || spec.SegmentTime > TimeSpan.FromMinutes(30))
            return $"a segment's time is {spec.SegmentTime}; 0.1 s to 30 min would be right";
        if (spec.SaveEvery < TimeSpan.FromMilliseconds(100)) return $"checkpoints every {spec.SaveEvery}; 0.1 s or more would be right";
        if (spec.Registers.Length > 0 && !EntityAddress.IsValidPart(spec.Registers)) return $"'{spec.Registers}' is no id of a model";
        if (spec.Start is { } start && !IsHash(start)) return $"the start '{start}' is no SHA-256 in lower-case hex";
        if (spec.Parent is < 1) return $"the version to start from is {spec.Parent}; versions count from 1";
        if (spec.Parent is not null && spec.Start is null) return "a version to start from needs its weights' hash";
        if (spec.Workers < 0 || spec.Workers > Math.Max(1, spec.Ranks))
        {
            return $"{spec.Workers} workers cannot share {spec.Ranks} logical ranks; 1 to {spec.Ranks} workers, or that many ranks and a batch that "
                + "they can share, would be right";
        }
        foreach (var (name, value) in spec.Curriculum.SelectMany(stage => stage.Settings))
        {
            if (!double.IsFinite(value)) return $"the curriculum's setting '{name}' is {value}; a finite number would be right";
        }
        return Settings(spec).Check();
    }

    /// <summary>The training loop's settings as the spec has them.</summary>
    public static LoopSettings Settings(RunSpec spec) => new(
        new OptimiserSettings(
            (OptimiserKind)spec.Optimiser.Kind, spec.Optimiser.LearningRate, spec.Optimiser.Momentum, spec.Optimiser.Beta1,
            spec.Optimiser.Beta2, spec.Optimiser.Epsilon, spec.Optimiser.WeightDecay, spec.Optimiser.Memory ?? new OptimiserSettings(0, 1.0).Memory),
        new ScheduleSettings(
            (ScheduleKind)spec.Schedule.Kind, spec.Schedule.WarmUp, spec.Schedule.FinalRate, spec.Schedule.Every, spec.Schedule.Factor),
        new StopSettings(spec.Stop.Steps, spec.Stop.Patience, spec.Stop.LeastImprovement, spec.Stop.Target),
        new GuardSettings(
            spec.Guard.Explosion, spec.Guard.Plateau, spec.Guard.Oscillation, spec.Guard.Swing, spec.Guard.Reduce, spec.Guard.MaxRollbacks),
        spec.Seed, spec.Batch, spec.MicroBatch, spec.Ranks, spec.ClipNorm, spec.EmaDecay, spec.CheckEvery)
    {
        Curriculum = [.. spec.Curriculum.Select(static stage => new CurriculumStage(stage.FromStep, stage.Settings))],
    };

    public static bool IsOut(TrainingState state, string name) => state.Phase == TrainingPhase.Running && state.Run is { } run
        && name == Name(run);

    public static IReadOnlyList<Effect> Complete(RunState run, DecisionContext context, IWorkResult work)
    {
        if (work is not RunSegmentResult result) return [Park($"segment {run.Segments} gave no result of its own: {work.GetType().Name}")];
        if (Wrong(run, result) is { } wrong) return [Park($"segment {run.Segments} gave no result of its own: {wrong}")];
        List<Effect> effects = [.. result.Rollbacks.Select(static rolled => new Effect.Persist(rolled))];
        if (!result.Cuts.IsDefault) effects.AddRange(result.Cuts.Select(static cut => new Effect.Persist(cut)));
        effects.Add(new Effect.Persist(result.Done));
        var next = run.With(result.Done);
        if (result.Done.End == RunEnd.Diverged) effects.Add(Park($"diverged: {result.Cause}"));
        else if (next.Model.Length == 0) effects.Add(Dispatch(next, context.Now));
        else effects.AddRange(Finish(next, result.Signature, context));
        return effects;
    }

    public static Effect Park(string reason) => new Effect.Persist(new TrainingParked(reason));

    public static Effect.Dispatch Dispatch(RunState run, DateTimeOffset now)
    {
        var from = run.Checkpoint.Length > 0 ? run.Checkpoint : run.Spec.Start;
        var inputs = from is null ? run.Spec.Tables : run.Spec.Tables.Add(from);
        // The slot ends a segment at the first check-point after its time; one that takes far longer hangs.
        return new Effect.Dispatch(
            Name(run), new RunSegment(run.Spec, run.Segments, run.Part, run.Checkpoint, run.Resumes), run.Spec.Seed, inputs,
            run.Spec.SegmentTime * 10 + TimeSpan.FromMinutes(30))
        {
            Gang = Math.Max(1, run.Spec.Workers),
            // A gang is filled all at once or not at all, and fewer slots than workers never fill it.
            NotAfter = run.Spec.Workers > 1 ? now + GangPatience : null,
        };
    }

    public static string Name(RunState run) => run.Attempt == 0
        ? string.Create(CultureInfo.InvariantCulture, $"run-segment-{run.Segments}")
        : string.Create(CultureInfo.InvariantCulture, $"run-segment-{run.Segments}-again-{run.Attempt}");

    /// <summary>Whether two specs are of the same run: another number of workers changes no weight.</summary>
    public static bool Same(RunSpec a, RunSpec b) =>
        a.Tables.SequenceEqual(b.Tables) && a.Curriculum.Length == b.Curriculum.Length
        && a.Curriculum.Zip(b.Curriculum).All(static pair =>
            pair.First.FromStep == pair.Second.FromStep && pair.First.Settings.SequenceEqual(pair.Second.Settings))
        && a with { Tables = [], Curriculum = [], Workers = 0 } == b with { Tables = [], Curriculum = [], Workers = 0 };

    private static IEnumerable<Effect> Finish(RunState run, ModelSignature? signature, DecisionContext context)
    {
        var metrics = run.Metrics;
        foreach (var (name, (mean, deviation)) in Spread(run.Folds))
            metrics = metrics.SetItem($"cv-{name}-mean", mean).SetItem($"cv-{name}-sd", deviation);
        yield return new Effect.Persist(new RunFinished(run.Checkpoint, run.Model, run.End, metrics));
        if (run.Spec.Registers.Length == 0) yield break;
        var model = new EntityAddress(context.Address.Tenant, "models", run.Spec.Registers);
        var source = $"{context.Address.Family}/{context.Address.Id}";
        yield return new Effect.Tell(model, new RegisterModel(Kind(run.Spec.Model)!, $"Trained by {source}"));
        yield return new Effect.Tell(model, new AddVersion(
            source, run.Spec.Parent ?? 0, DataHash(run.Spec), run.Model, metrics, new VersionDetails(source, run.Spec.Tables, signature)));
    }

    /// <summary>Mean and standard deviation (n - 1) over the folds of each figure that all have; nothing of fewer than two.</summary>
    public static ImmutableSortedDictionary<string, (double Mean, double Deviation)> Spread(RunFolds? folds)
    {
        var spread = ImmutableSortedDictionary.CreateBuilder<string, (double, double)>(StringComparer.Ordinal);
        if (folds is not { Folds: { Length: > 1 } all }) return spread.ToImmutable();
        foreach (var name in all[0].Figures.Keys.Where(name => all.All(fold => fold.Figures.ContainsKey(name))))
        {
            var mean = all.Average(fold => fold.Figures[name]);
            var squares = all.Sum(fold => (fold.Figures[name] - mean) * (fold.Figures[name] - mean));
            spread[name] = (mean, Math.Sqrt(squares / (all.Length - 1)));
        }
        return spread.ToImmutable();
    }

    /// <summary>The table's own hash where there is one; otherwise that of the data section, which names them.</summary>
    private static string DataHash(RunSpec spec) => spec.Tables.Length == 1
        ? spec.Tables[0]
        : Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(spec.Data)));

    /// <summary>Why a result is not one of the segment that is out, or null.</summary>
    private static string? Wrong(RunState run, RunSegmentResult result)
    {
        var done = result.Done;
        if (done.Segment != run.Segments || done.Part != run.Part) return $"it is of segment {done.Segment}, part {done.Part}";
        if (!IsHash(done.Checkpoint)) return "it has no checkpoint";
        var ends = done.End is not (RunEnd.None or RunEnd.Diverged);
        if (ends != IsHash(done.Model)) return ends ? "it ends without weights" : "it has weights but goes on";
        if (done.Step < run.Step || done.Step > run.Spec.Stop.Steps) return $"it is at step {done.Step}";
        // Without an end and without a step, segments could follow one another for ever.
        if (done.Step == run.Step && done.End == RunEnd.None && result.Rollbacks.IsEmpty) return "it did no step";
        return double.IsFinite(done.Loss) && done.Metrics.Values.All(double.IsFinite) ? null : "a figure is not finite";
    }

    private static string? Kind(string model)
    {
        try
        {
            using var json = JsonDocument.Parse(model);
            return json.RootElement.ValueKind == JsonValueKind.Object && json.RootElement.TryGetProperty("kind", out var kind)
                && kind.ValueKind == JsonValueKind.String ? kind.GetString() : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static bool IsHash(string text) => text.Length == 64 && text.All(c => c is (>= '0' and <= '9') or (>= 'a' and <= 'f'));
}
