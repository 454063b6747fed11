using Athanor.Compute.Estimation;
using Athanor.Compute.Twins.Units;
using Athanor.Protocol;
using Athanor.Protocol.Twins.Units;

namespace Athanor.Hosting.Work.Twins.Units;

/// <summary>
/// Steps many units through their rows. In each round every unit that has rows left takes one step, and those of one engine (same model,
/// same settings) take it together, in SIMD lanes where the estimator has them; a unit's bits do not depend on who is beside it.
/// </summary>
internal sealed class StepUnitHandler : IComputeHandler
{
    /// <summary>Blocks of rows after which the memory is written down: bounds what a new owner steps through again.</summary>
    public const int CheckpointEvery = 100;

    /// <summary>Causes recorded of a fault, the likeliest first.</summary>
    private const int MaxCauses = 3;

    public Type Handles => typeof(StepUnit);

    public IReadOnlyList<IComputeResult> Run(IReadOnlyList<ICompute> batch, CancellationToken cancellation)
    {
        var walks = new UnitWalk[batch.Count];
        for (var i = 0; i < walks.Length; i++) walks[i] = new UnitWalk(((StepUnit)batch[i]).Run, ((StepUnit)batch[i]).Trial);
        Walk(walks, cancellation);
        var results = new IComputeResult[batch.Count];
        for (var i = 0; i < results.Length; i++) results[i] = new UnitSteps(Event((StepUnit)batch[i], walks[i]));
        return results;
    }

    /// <summary>Takes all units through all their rows.</summary>
    internal static void Walk(IReadOnlyList<UnitWalk> walks, CancellationToken cancellation)
    {
        if (walks.Count == 1)
        {
            while (walks[0].HasNext) Step(walks[0]);
            return;
        }
        var groups = new Dictionary<UnitEngine, List<UnitWalk>>(ReferenceEqualityComparer.Instance);
        foreach (var walk in walks)
        {
            if (!groups.TryGetValue(walk.Engine, out var group)) groups.Add(walk.Engine, group = []);
            group.Add(walk);
        }
        foreach (var (engine, group) in groups)
        {
            while (group.Count > 0)
            {
                cancellation.ThrowIfCancellationRequested();
                group.RemoveAll(static walk => !walk.HasNext);
                if (group.Count > 0) Together(engine.Estimator, group);
            }
        }
    }

    private static void Together(Estimator estimator, List<UnitWalk> walks)
    {
        var memories = new double[walks.Count][];
        var inputs = new EstimatorInput[walks.Count];
        for (var i = 0; i < memories.Length; i++) (memories[i], inputs[i]) = (walks[i].Memory, walks[i].Next());
        var outputs = estimator.StepMany(memories, inputs);
        for (var i = 0; i < outputs.Length; i++)
        {
            walks[i].Memory = memories[i];
            walks[i].Stepped(outputs[i], Trial(walks[i], inputs[i]));
        }
    }

    private static void Step(UnitWalk walk)
    {
        var input = walk.Next();
        var memory = walk.Memory;
        var output = walk.Engine.Estimator.Step(ref memory, input);
        walk.Memory = memory;
        walk.Stepped(output, Trial(walk, input));
    }

    /// <summary>Few units have a trial, so each takes its own step.</summary>
    private static EstimatorOutput? Trial(UnitWalk walk, EstimatorInput input)
    {
        if (walk.Trial is not { } engine) return null;
        var memory = walk.TrialMemory;
        var output = engine.Estimator.Step(ref memory, input);
        walk.TrialMemory = memory;
        return output;
    }

    private static UnitStepped Event(StepUnit request, UnitWalk walk)
    {
        var output = walk.Last ?? throw new InvalidOperationException("a unit was to be stepped through no rows");
        Span<double> mean = new double[walk.Engine.Size], sd = new double[walk.Engine.Size];
        walk.Engine.Read(output, mean, sd);
        for (var i = 0; i < mean.Length; i++)
        {
            mean[i] = PackedNumbers.Near(mean[i], sd[i]);
            sd[i] = PackedNumbers.Digits(sd[i], 3);
        }
        var sensors = new double[walk.Readings.Length];
        var statuses = new byte[sensors.Length];
        for (var i = 0; i < sensors.Length; i++)
        {
            var reading = walk.Readings[i];
            sensors[i] = reading.Variance > 0 ? PackedNumbers.Digits(reading.Normalised, 3) : 0.0;
            statuses[i] = (byte)UnitWalk.StatusOf(reading.Status);
        }
        var packed = PackedNumbers.Pack(sd);
        var numbers = walk.Numbers();
        var checkpoint = request.Run.Trial is not null || request.Run.Since + request.Run.Rows.Length >= CheckpointEvery;
        return new UnitStepped(
            walk.Counted, PackedNumbers.Pack(mean), packed.AsSpan().SequenceEqual(request.Sds) ? null : packed, PackedNumbers.Pack(sensors),
            PackedNumbers.Pack(Scores(walk, output)), statuses.AsSpan().SequenceEqual(request.Statuses) ? null : statuses,
            LiveMemory.Of(numbers), checkpoint ? numbers : null, Diagnosis(walk, request.Diagnosis), request.Run.Trial is null ? null : walk.TrialSums);
    }

    /// <summary>NIS, then each score over its limit.</summary>
    private static double[] Scores(UnitWalk walk, EstimatorOutput output)
    {
        var limits = walk.Engine.Detector?.Limits ?? [];
        var scores = new double[1 + limits.Length];
        scores[0] = PackedNumbers.Digits(output.NisMean, 3);
        for (var i = 0; i < limits.Length && walk.Detected is { } detected; i++)
            scores[i + 1] = PackedNumbers.Digits(detected.Scores[i] / limits[i], 3);
        return scores;
    }

    /// <summary>What a fault points to, where its first cause or its class is not what was recorded last; empty when it is over.</summary>
    private static UnitDiagnosis? Diagnosis(UnitWalk walk, UnitDiagnosis? known)
    {
        if (walk.Detected is not { } detected) return null;
        var causes = detected.Causes.Take(MaxCauses).Select(static c => new UnitCause(
            c.Name, Math.Round(c.Share, 2), c.Kind.ToString().ToLowerInvariant(), PackedNumbers.Digits(c.Magnitude, 2)));
        var found = new UnitDiagnosis([.. causes], detected.Class);
        if (known is null) return found.Causes.IsEmpty && found.Class is null ? null : found;
        return found.Class == known.Class && found.Causes.FirstOrDefault()?.Name == known.Causes.FirstOrDefault()?.Name ? null : found;
    }
}
