using Athanor.Actors;
using Athanor.Hosting.Core.State;
using Athanor.Hosting.Stores;

namespace Athanor.Hosting.Core;

/// <summary>Work as its decider dispatches it becomes a row of the same commit.</summary>
internal sealed partial class ClusterCore
{
    private const int MostMembers = 256;

    private WorkRow WorkOf(Entity entity, Effect.Dispatch work, string? traceParent)
    {
        if (work.Gang is < 1 or > MostMembers)
            throw new InvalidOperationException($"the work '{work.Name}' is for a gang of {work.Gang}; 1 to {MostMembers} would be right");
        return new WorkRow(
            entity.Shard.Number, entity.Address, work.Name, _codec.Encode(work.Spec), work.Seed, work.Inputs, work.Pool, work.Priority,
            work.Deadline, traceParent)
        {
            Gang = work.Gang,
            MemoryBytes = work.MemoryBytes,
            NotAfter = work.NotAfter,
        };
    }
}
