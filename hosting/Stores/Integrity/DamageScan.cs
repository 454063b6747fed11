using System.Runtime.CompilerServices;
using System.Threading.Channels;

namespace Athanor.Hosting.Stores.Integrity;

/// <summary>Reads all of a store beside its writers and hands out each damage once, as it is found.</summary>
internal abstract class DamageScan
{
    private readonly Channel<Damage> _found = Channel.CreateBounded<Damage>(256);
    private readonly HashSet<string> _reported = new(StringComparer.Ordinal);

    /// <summary>Which numbers of each shard's feed are sealed.</summary>
    private readonly Dictionary<int, HashSet<long>> _sealed = [];

    protected CancellationToken Cancellation { get; private set; }

    public async IAsyncEnumerable<Damage> Run([EnumeratorCancellation] CancellationToken cancellation)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        Cancellation = stop.Token;
        var scan = Task.Run(ScanToEnd, CancellationToken.None);
        try
        {
            await foreach (var damage in _found.Reader.ReadAllAsync(cancellation).ConfigureAwait(false)) yield return damage;
        }
        finally
        {
            // The consumer may stop early; the scan must not outlive it.
            await stop.CancelAsync().ConfigureAwait(false);
            await scan.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        await scan.ConfigureAwait(false);
    }

    /// <summary>Reads everything and reports.</summary>
    protected abstract Task Scan();

    protected void AddSealed(int shard, ReadOnlySpan<byte> numbers)
    {
        var list = NumberSet.Numbers(numbers);
        if (!_sealed.TryAdd(shard, [.. list])) _sealed[shard].UnionWith(list);
    }

    /// <summary>Follows the numbers of a shard's feed in order; the sealed ones need not be there.</summary>
    protected FeedCheck Feed(int shard) => new(this, shard, _sealed.GetValueOrDefault(shard));

    protected void Try(string table, Action check, Action? damaged = null)
    {
        try
        {
            check();
        }
        catch (DamageException e)
        {
            damaged?.Invoke();
            Report(table, e.Where, e.Message);
        }
    }

    protected void Report(string table, string where, string what)
    {
        if (!_reported.Add($"{where}\n{what}")) return;
        var damage = new Damage(table, where, what);
        if (!_found.Writer.TryWrite(damage)) _found.Writer.WriteAsync(damage, Cancellation).AsTask().GetAwaiter().GetResult();
    }

    private async Task ScanToEnd()
    {
        Exception? failure = null;
        try
        {
            await Scan().ConfigureAwait(false);
        }
        catch (Exception e)
        {
            failure = e;
        }
        _found.Writer.Complete(failure);
    }

    protected sealed class FeedCheck(DamageScan scan, int shard, HashSet<long>? isSealed)
    {
        private long _expected = 1;

        public void Next(long found)
        {
            while (_expected < found && IsSealed) _expected++;
            if (found > _expected) Missing(found - 1);
            _expected = found + 1;
        }

        /// <param name="last">The shard's last event by its own row.</param>
        public void End(long last)
        {
            while (IsSealed) _expected++;
            if (_expected <= last) Missing(last);
            if (_expected > last + 1)
                scan.Report("shard", $"shard, shard {shard}", $"its feed should end at {last}, and it goes on to {_expected - 1}");
        }

        private bool IsSealed => isSealed?.Contains(_expected) == true;

        private void Missing(long to) =>
            scan.Report("journal", $"journal, shard {shard} numbers {_expected} to {to}", "they are missing from the feed");
    }
}
