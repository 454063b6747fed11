namespace Athanor.Hosting.Stores.Scheduling;

/// <summary>A store's work rows inside one transaction, as <see cref="WorkBook"/> uses them. Rows that are read are the caller's until the
/// transaction ends: nobody else changes them.</summary>
internal interface IWorkTables
{
    /// <summary>The store's clock.</summary>
    DateTimeOffset Now { get; }

    /// <summary>The oldest rows of each (tenant, priority) in a pool that may be leased now: not leased, put off or past their time, and
    /// with no more need of memory than given (0 for any).</summary>
    /// <param name="each">At most so many of each.</param>
    ValueTask<IReadOnlyList<WorkEntry>> Pending(string pool, long memoryBytes, bool gangs, int each);

    /// <summary>Gangs that gather or run, of one pool or (null) all.</summary>
    ValueTask<IReadOnlyList<WorkEntry>> Gangs(string? pool);

    /// <summary>Rows that may be leased now and whose time has passed.</summary>
    ValueTask<IReadOnlyList<WorkEntry>> Overdue(int limit);

    /// <summary>Rows leased by a holder, and gangs in which it has a seat.</summary>
    ValueTask<IReadOnlyList<WorkEntry>> HeldBy(string holder);

    ValueTask<WorkEntry?> Find(string id);

    ValueTask<WorkEntry?> Find(long number);

    ValueTask Put(WorkEntry entry);

    /// <summary>Puts a message into the mailbox of the row's entity, once for ever.</summary>
    ValueTask Tell(WorkEntry entry, StoredMessage command);

    /// <summary>By tenant; the pool's own under the empty name.</summary>
    ValueTask<Dictionary<string, TenantShare>> Shares(string pool);

    ValueTask Put(TenantShare share);

    ValueTask PutKey(long number, int generation, string key, ReadOnlyMemory<byte> value);

    ValueTask<IReadOnlyDictionary<string, byte[]>> Keys(long number, int generation);

    /// <summary>Forgets what the members of a gang told each other.</summary>
    ValueTask DropKeys(long number);
}
