using Athanor.Actors;
using Athanor.Hosting.Core.State;
using Athanor.Protocol;

namespace Athanor.Hosting.Core;

/// <summary>
/// Compute runs beside the mailbox. It starts at once, before its command is committed, as it has no effect of its own; if the commit fails
/// the result goes with the term. The state says what it awaits: the same is asked again after recovery, and a result that is not awaited
/// any more, or was superseded by a Compute of the same name, is dropped. The core keeps the deadline.
/// </summary>
internal sealed partial class ClusterCore
{
    private void StartCompute(Entity entity, Effect.StartCompute effect, string? trace = null)
    {
        if (entity.Computes is { } others && others.Remove(effect.Name, out var older)) CancelRunning(older);
        RunningCompute? running = null;
        var id = Expect(outcome => Returned(running!, outcome is CoreInput.ComputeDone done
            ? new ComputeCompleted(effect.Name, done.Result)
            : new ComputeFailed(effect.Name, outcome is CoreInput.ComputeThrew threw ? threw.Reason : "it was not started")));
        running = new RunningCompute(id, entity, effect.Name, trace);
        entity.Add(running);
        Do(new CoreAction.StartCompute(id, entity.Address, effect.Name, effect.Request, effect.Deadline, trace));
        After(effect.Deadline, () =>
        {
            if (running.Returned || !IsWanted(running)) return;
            CancelRunning(running);
            Returned(running, new ComputeFailed(effect.Name, $"missed its deadline of {effect.Deadline.TotalSeconds:0.###} s"));
        });
    }

    private static bool IsWanted(RunningCompute running) =>
        !running.Entity.Shard.Dropped && running.Entity.Computes is { } computes
        && computes.TryGetValue(running.Name, out var current) && ReferenceEquals(current, running);

    private void Returned(RunningCompute running, ICommand command)
    {
        if (_options.Bug == CoreBug.StaleComputeTaken && !running.Entity.Shard.Dropped) running.Returned = true;
        else if (running.Returned || !IsWanted(running)) return;
        running.Returned = true;
        Enqueue(running.Entity, new ComputeItem(running, command));
    }

    private void CancelRunning(RunningCompute running)
    {
        if (!running.Returned && (_options.Bug == CoreBug.StaleComputeTaken || _pending.Remove(running.Id))) Do(new CoreAction.CancelCompute(running.Id));
    }

    private void CancelComputes(Entity entity)
    {
        foreach (var compute in entity.Computes?.Values ?? Enumerable.Empty<RunningCompute>()) CancelRunning(compute);
    }

    /// <summary>Stops what the state no longer awaits, then starts what the command asked for.</summary>
    private void ReconcileComputes(Entity entity, IReadOnlyList<Effect.StartCompute> started, string? trace)
    {
        if (entity.Computes is { Count: > 0 } computes)
        {
            foreach (var running in computes.Values.Where(running => !Awaits(entity, running.Name)).ToList())
            {
                CancelRunning(running);
                computes.Remove(running.Name);
            }
        }
        for (var i = 0; i < started.Count; i++) StartCompute(entity, started[i], trace);
    }

    private static bool Awaits(Entity entity, string name)
    {
        for (var i = 0; i < entity.Awaits.Count; i++)
        {
            if (entity.Awaits[i].Name == name) return true;
        }
        return false;
    }
}
