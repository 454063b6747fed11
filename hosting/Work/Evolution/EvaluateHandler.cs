using System.Globalization;
using Athanor.Actors.Evolution;
using Athanor.Compute.Evolution;
using Athanor.Compute.Trust;
using Athanor.Protocol;
using Athanor.Protocol.Evolution;

namespace Athanor.Hosting.Work.Evolution;

/// <summary>Trains a genome and commits to every state. The claim is not signed here: a peer signs it with its key, a slot does not.</summary>
public sealed class EvaluateHandler : IWorkHandler
{
    public Type Handles => typeof(Evaluate);

    public IWorkResult Run(IWork work, IWorkContext context)
    {
        var evaluate = (Evaluate)work;
        var spec = evaluate.Spec;
        var training = EvaluationRuns.Open(spec, context);
        var segments = spec.Schedule.Segments;
        var (hashes, errors) = (new string[segments + 1], new double[segments + 1]);
        for (var i = 0; i <= segments; i++)
        {
            if (i > 0) training.Advance(context.Cancellation);
            var state = training.State;
            hashes[i] = GenomeTraining.Hash(state);
            errors[i] = training.Error();
            // State 0 follows from the seed, and nobody replays from the last.
            if (i > 0 && i < segments) context.PutBlob(state);
            context.Report((double)i / segments, string.Create(CultureInfo.InvariantCulture, $"error {errors[i]:G4}"));
        }
        return Claim(evaluate, hashes, errors);
    }

    /// <summary>The claim to a chain of states, unsigned.</summary>
    public static EvaluationClaim Claim(Evaluate work, string[] hashes, double[] errors)
    {
        var specHash = EvaluationSpecs.Hash(work.Spec);
        var chain = StateChain.Build(specHash, work.Prover, hashes, errors);
        var parameters = EvaluationSpecs.GenomeOf(work.Spec.Genome).Parameters(work.Spec.Table.Inputs);
        return new EvaluationClaim(work.WorkId, specHash, chain.Root, errors[^1], parameters, [.. hashes], [.. errors], []);
    }
}
