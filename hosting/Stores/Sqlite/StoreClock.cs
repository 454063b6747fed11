namespace Athanor.Hosting.Stores.Sqlite;

/// <summary>The store's clock: the time provider's, held back from ever running backwards (leases and expiry rest on it).</summary>
internal sealed class StoreClock(TimeProvider time)
{
    private long _latest;

    public DateTimeOffset Now()
    {
        var now = time.GetUtcNow().UtcTicks;
        long seen;
        do
        {
            seen = Interlocked.Read(ref _latest);
            if (now <= seen) return new DateTimeOffset(seen, TimeSpan.Zero);
        }
        while (Interlocked.CompareExchange(ref _latest, now, seen) != seen);
        return new DateTimeOffset(now, TimeSpan.Zero);
    }
}
