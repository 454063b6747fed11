namespace Athanor.Hosting.Stores.Scheduling;

/// <summary>What the order of work needs of a row.</summary>
internal readonly record struct WorkTurn(long Number, string Tenant, int Priority, DateTimeOffset Created, int Size);

/// <summary>How much a tenant was served in a pool.</summary>
/// <param name="Tenant">Empty for the pool's own row, which holds its virtual time.</param>
/// <param name="Passed">Its virtual time: slots leased, divided by its weight, in units of 2^-20.</param>
/// <param name="Served">When it was last given a slot.</param>
internal sealed record TenantShare(string Pool, string Tenant, long Passed, DateTimeOffset Served);

/// <summary>
/// The order of pending work in one pool, the same in every store: a pure function of the rows, the tenants' shares and the time.
///
/// Between tenants: the class of a tenant is the highest priority among its rows, raised by one for each <c>Aging</c> that it has waited
/// (since it was last served, or since its oldest row was written if that is later). The highest class goes first. Within a class the
/// tenants share slots by their weights: start-time fair queueing (Goyal, Vin, Cheng: SIGCOMM 1996), where a turn of a tenant starts at
/// max(the pool's virtual time, the end of its turn before) and is as long as slots / weight; the earliest start goes first. So a tenant
/// with a million rows gets no more than its share beside one with a single row, and a tenant that was away has saved nothing up.
///
/// Within the tenant: the highest priority, raised by one for each <c>Aging</c> of the row's age, then the oldest row.
///
/// No starvation: a row's rank within its tenant rises without bound while younger rows start lower, so it comes first after a bounded
/// time; a tenant's class rises without bound while it is not served. A share counts turns of slots and not their length: work is cut
/// into pieces of minutes at most.
/// </summary>
internal static class WorkSchedule
{
    private const long Unit = 1L << 20;

    /// <returns>The row whose turn it is; null if there is none.</returns>
    public static WorkTurn? Next(
        DateTimeOffset now, IEnumerable<WorkTurn> pending, IReadOnlyDictionary<string, TenantShare> shares, WorkPolicy policy)
    {
        var virtualTime = shares.GetValueOrDefault("")?.Passed ?? 0;
        WorkTurn? best = null;
        (long Class, long Start) bestRank = default;
        foreach (var tenant in pending.GroupBy(static row => row.Tenant, StringComparer.Ordinal))
        {
            var share = shares.GetValueOrDefault(tenant.Key);
            var rows = tenant.ToList();
            var oldest = rows.Min(static row => row.Created);
            var waits = share is null || share.Served < oldest ? oldest : share.Served;
            var rank = (rows.Max(static row => row.Priority) + Steps(now - waits, policy), Math.Max(virtualTime, share?.Passed ?? 0));
            var first = rows.OrderByDescending(row => row.Priority + Steps(now - row.Created, policy)).ThenBy(static row => row.Number)
                .First();
            if (best is { } other && !IsBefore(rank, first, bestRank, other)) continue;
            (best, bestRank) = (first, rank);
        }
        return best;
    }

    /// <summary>The shares after this row was given its slots: the tenant's, and the pool's.</summary>
    public static (TenantShare Tenant, TenantShare Pool) Served(
        string pool, WorkTurn row, DateTimeOffset now, IReadOnlyDictionary<string, TenantShare> shares, WorkPolicy policy)
    {
        var start = Math.Max(shares.GetValueOrDefault("")?.Passed ?? 0, shares.GetValueOrDefault(row.Tenant)?.Passed ?? 0);
        var weight = Math.Max(1, policy.Weights.GetValueOrDefault(row.Tenant, 1));
        return (new TenantShare(pool, row.Tenant, start + Unit * row.Size / weight, now), new TenantShare(pool, "", start, now));
    }

    private static long Steps(TimeSpan waited, WorkPolicy policy) => waited <= TimeSpan.Zero ? 0 : waited.Ticks / policy.Aging.Ticks;

    private static bool IsBefore((long Class, long Start) a, WorkTurn rowA, (long Class, long Start) b, WorkTurn rowB)
    {
        if (a.Class != b.Class) return a.Class > b.Class;
        return a.Start != b.Start ? a.Start < b.Start : rowA.Number < rowB.Number;
    }
}
