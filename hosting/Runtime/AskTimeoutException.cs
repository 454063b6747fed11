namespace Athanor.Hosting.Runtime;

/// <summary>No answer came in time. The message is the diagnosis: entity, shard, owner, epoch, mailbox depth, commit queue, slot queue. The
/// command may still take effect; asking again under the same key is safe.</summary>
public sealed class AskTimeoutException(string message, Guid? key) : TimeoutException(message)
{
    /// <summary>The idempotency key under which to ask again.</summary>
    public Guid? Key { get; } = key;
}
