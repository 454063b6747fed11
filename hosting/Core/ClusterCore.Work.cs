using Athanor.Actors;
using Athanor.Hosting.Core.State;
using Athanor.Hosting.Stores;
using Athanor.Protocol;

namespace Athanor.Hosting.Core;

/// <summary>What becomes of messages that leave a decider: their size is looked at; work as its decider dispatches it becomes a row of the same commit.</summary>
internal sealed partial class ClusterCore
{
    private const int MostMembers = 256;

    /// <summary>A message as it will lie in a row. A larger one than allowed is an error of its decider, or of its client, like any other:
    /// rows are read and moved whole, and a few large ones slow down all others. Large content is a blob, and the message carries its
    /// hash.</summary>
    private StoredMessage Bounded(IMessage message)
    {
        var stored = _codec.Encode(message);
        if (stored.Body.Length <= _options.MaxMessageBytes) return stored;
        throw new InvalidOperationException(
            $"{stored.Kind} has {stored.Body.Length} bytes, and at most {_options.MaxMessageBytes} are allowed (athanor.messages.max); "
            + "larger content is put as a blob, and the message carries its hash");
    }

    private WorkRow WorkOf(Entity entity, Effect.Dispatch work, string? traceParent)
    {
        if (work.Gang is < 1 or > MostMembers)
            throw new InvalidOperationException($"the work '{work.Name}' is for a gang of {work.Gang}; 1 to {MostMembers} would be right");
        return new WorkRow(
            entity.Shard.Number, entity.Address, work.Name, Bounded(work.Spec), work.Seed, work.Inputs, work.Pool, work.Priority,
            work.Deadline, traceParent)
        {
            Gang = work.Gang,
            MemoryBytes = work.MemoryBytes,
            NotAfter = work.NotAfter,
        };
    }
}
