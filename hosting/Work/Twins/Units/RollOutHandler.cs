using System.Collections.Immutable;
using Athanor.Compute.Estimation;
using Athanor.Protocol;
using Athanor.Protocol.Twins.Units;

namespace Athanor.Hosting.Work.Twins.Units;

/// <summary>Rolls units out from their present estimates, with other inputs. Nothing is kept.</summary>
internal sealed class RollOutHandler : IComputeHandler
{
    public Type Handles => typeof(RollOutUnit);

    public IReadOnlyList<IComputeResult> Run(IReadOnlyList<ICompute> batch, CancellationToken cancellation)
    {
        var results = new IComputeResult[batch.Count];
        for (var i = 0; i < results.Length; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            results[i] = new UnitRolledOut(RollOut((RollOutUnit)batch[i]));
        }
        return results;
    }

    /// <summary>The unit's present estimate, rebuilt if need be.</summary>
    internal static EstimatorOutput Present(UnitWalk walk)
    {
        StepUnitHandler.Walk([walk], CancellationToken.None);
        var memory = walk.Memory;
        return walk.Engine.Estimator.Step(ref memory, new EstimatorInput(walk.TimeS, walk.Inputs.ToArray(), []));
    }

    private static RollOut RollOut(RollOutUnit request)
    {
        var walk = new UnitWalk(request.Run);
        var present = Present(walk);
        var (model, inputs) = (walk.Engine.Model, walk.Inputs.ToArray());
        for (var i = 0; i < inputs.Length; i++)
        {
            if (request.Question.Inputs.TryGetValue(request.Run.Spec.Inputs[i].Signal, out var value)) inputs[i] = value;
        }
        var steps = (int)(request.Question.Horizon / request.Question.Step);
        var (n, stepS) = (model.States.Count, request.Question.Step.TotalSeconds);
        var (times, states) = (new double[steps + 1], new double[(steps + 1) * n]);
        present.Mean.CopyTo(states.AsSpan());
        for (var k = 1; k <= steps; k++)
        {
            times[k] = k * stepS;
            model.Advance(states.AsSpan((k - 1) * n, n), inputs, present.Parameters, stepS, states.AsSpan(k * n, n));
            for (var i = 0; i < n; i++)
            {
                if (!double.IsFinite(states[(k * n) + i]))
                    throw new ArithmeticException(FormattableString.Invariant($"the state {model.States[i].Name} leaves all bounds {times[k]} s ahead"));
            }
        }
        return new RollOut([.. model.States.Select(static s => new UnitQuantity(s.Name, s.Unit))], times, states);
    }
}
