using System.Collections.Immutable;
using Athanor.Hosting.Stores;

namespace Athanor.Hosting.Slots;

/// <summary>One piece of work for a slot.</summary>
/// <param name="Inputs">SHA-256 (hex) of the blobs that it may read.</param>
/// <param name="Deadline">From its start in the slot.</param>
internal sealed record SlotJob(StoredMessage Work, ulong Seed, ImmutableArray<string> Inputs, TimeSpan Deadline, string? TraceParent)
{
    /// <summary>Whose work it is: its output blobs are this tenant's.</summary>
    public string Tenant { get; init; } = Protocol.EntityAddress.DefaultTenant;

    public WorkCheckpoint? Checkpoint { get; init; }

    public GangPlace? Gang { get; init; }

    public bool MayRead(string hash) => Inputs.Contains(hash) || Checkpoint?.Blob == hash;
}

/// <summary>What a slot's job asks of its row in the store.</summary>
internal interface ISlotRow
{
    Task<bool> Checkpoint(WorkCheckpoint checkpoint);

    Task<bool> PutKey(string key, ReadOnlyMemory<byte> value);

    /// <returns>Null once the generation has ended.</returns>
    Task<IReadOnlyDictionary<string, byte[]>?> Keys();
}

/// <summary>How a slot's job ended.</summary>
internal abstract record SlotOutcome
{
    private SlotOutcome() { }

    /// <param name="Blobs">Hashes of the blobs put, in order; all of them are stored.</param>
    public sealed record Completed(StoredMessage Result, ImmutableArray<string> Blobs) : SlotOutcome;

    /// <summary>The handler refused the spec or an input is missing: trying again would not help.</summary>
    public sealed record Refused(string Reason) : SlotOutcome;

    /// <summary>The item's own doing: a crash, a kill by memory limit or silence, an exception. Counts towards parking.</summary>
    public sealed record Died(string Reason) : SlotOutcome;

    public sealed record DeadlinePassed : SlotOutcome;

    /// <summary>By order: cancelled, or drained. Counts for nothing.</summary>
    public sealed record Stopped : SlotOutcome;

    /// <summary>The node could not do its part (start a process, store a blob). Counts for nothing; tried again later.</summary>
    public sealed record NodeFailed(string Reason) : SlotOutcome;
}
