using Athanor.Compute.Control;
using Athanor.Protocol;
using Athanor.Protocol.Twins.Units;

namespace Athanor.Hosting.Work.Twins.Units;

/// <summary>Asks controllers for moves, each from its unit's exact estimate. At the deadline the controller gives the best feasible move
/// that it has; so the deadline is no failure, and what it made of the time is in the move's status.</summary>
internal sealed class PlanMoveHandler(TimeProvider time) : IComputeHandler
{
    public Type Handles => typeof(PlanMove);

    public IReadOnlyList<IComputeResult> Run(IReadOnlyList<ICompute> batch, CancellationToken cancellation)
    {
        var results = new IComputeResult[batch.Count];
        for (var i = 0; i < results.Length; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            results[i] = new MoveFound(Move((PlanMove)batch[i]));
        }
        return results;
    }

    private MovePlanned Move(PlanMove request)
    {
        var walk = new UnitWalk(request.Run);
        var controller = walk.Engine.Controller ?? throw new InvalidOperationException("the model has no controller");
        var estimate = RollOutHandler.Present(walk);
        var setpoints = walk.Engine.Setpoints.Select(name => request.Setpoints.TryGetValue(name, out var value) ? value : double.NaN);
        var input = new ControlInput
        {
            TimeS = estimate.TimeS,
            Mean = estimate.Mean,
            Sd = estimate.Sd,
            Parameters = estimate.Parameters,
            ParameterSd = estimate.ParameterSd,
            SetPoints = [.. setpoints],
            PreviousMove = request.Previous,
            OperatorMinimum = request.Low,
            OperatorMaximum = request.High,
        };
        var memory = request.Memory.Length == 0 ? controller.Start() : request.Memory;
        var limit = TimeSpan.FromSeconds(request.DeadlineS);
        if (controller.Settings.DeadlineMs is { } own && own < limit.TotalMilliseconds) limit = TimeSpan.FromMilliseconds(own);
        var move = controller.Move(ref memory, input, Deadline.AfterTime(time, limit));
        if (!Array.TrueForAll(move.Move, double.IsFinite)) throw new ArithmeticException("the controller gave a move that is not finite");
        var message = move.Violated.Length == 0 ? move.Message
            : string.Join("; ", move.Violated.Prepend(move.Message).Where(static m => m.Length > 0));
        return new MovePlanned(
            0, move.Move, move.Status.ToString().ToLowerInvariant(), move.Iterations, double.IsFinite(move.KktResidual) ? move.KktResidual : -1.0,
            memory, message);
    }
}
