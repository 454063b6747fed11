using Athanor.Compute.Trust;
using Athanor.Hosting.Work;
using Athanor.Hosting.Work.Evolution;
using Athanor.Protocol;
using Athanor.Protocol.Evolution;

namespace Athanor.Nodes.Peers;

/// <summary>How a peer cheats, for drills: tests and demos show with real forgeries that they are caught.</summary>
internal enum Misbehaviour
{
    None,

    /// <summary>Trains a quarter of the steps, claims them all, and a better score than it has.</summary>
    ForgeScores,

    /// <summary>Trains honestly once and claims a perfect score; forges scores from then on.</summary>
    PoisonedBest,

    /// <summary>Computes its own candidates, and answers audits with a made-up state.</summary>
    LazyVerifier,

    /// <summary>Takes work and never answers.</summary>
    Silent,
}

/// <summary>Does a peer's work, honestly or not.</summary>
internal sealed class PeerWorker(Misbehaviour misbehaviour)
{
    private readonly EvaluateHandler _evaluate = new();
    private readonly AuditHandler _audit = new();
    private int _poisoned;

    /// <returns>The unsigned result; null if the peer will not answer.</returns>
    /// <exception cref="WorkRefusedException">The spec is wrong.</exception>
    public IWorkResult? Do(IWork work, IWorkContext context) => (work, misbehaviour) switch
    {
        (_, Misbehaviour.Silent) => null,
        (Evaluate e, Misbehaviour.ForgeScores) => Forge(e, context),
        (Evaluate e, Misbehaviour.PoisonedBest) => Interlocked.Exchange(ref _poisoned, 1) == 0 ? Poison(e, context) : Forge(e, context),
        (Evaluate e, _) => _evaluate.Run(e, context),
        (Audit a, Misbehaviour.LazyVerifier) => MakeUp(a),
        (Audit a, _) => _audit.Run(a, context),
        _ => throw new WorkRefusedException($"a peer does not do {work.GetType().Name}"),
    };

    private EvaluationClaim Forge(Evaluate work, IWorkContext context)
    {
        var schedule = work.Spec.Schedule;
        var less = work with
        {
            Spec = work.Spec with { Schedule = schedule with { StepsPerSegment = Math.Max(1, schedule.StepsPerSegment / 4) } },
        };
        var real = (EvaluationClaim)_evaluate.Run(less, context);
        var errors = real.Errors.ToArray();
        for (var i = 1; i < errors.Length; i++) errors[i] *= 0.7;
        return EvaluateHandler.Claim(work, [.. real.StateHashes], errors);
    }

    private EvaluationClaim Poison(Evaluate work, IWorkContext context)
    {
        var real = (EvaluationClaim)_evaluate.Run(work, context);
        var errors = real.Errors.ToArray();
        errors[^1] = 0;
        return EvaluateHandler.Claim(work, [.. real.StateHashes], errors);
    }

    private static AuditReport MakeUp(Audit work)
    {
        var state = Convert.ToHexStringLower(new CanonicalWriter("made-up").Text(work.WorkId).Hash());
        return work.Segment == 1
            ? new AuditReport(work.WorkId, 1, state, 1, state, 1, [])
            : new AuditReport(work.WorkId, work.Segment, "", 0, state, 1, []);
    }
}
