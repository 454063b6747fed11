using System.Collections.Concurrent;
using Athanor.Hosting.Configuration;
using Athanor.Hosting.Runtime;
using Athanor.Hosting.Stores;
using Athanor.Protocol;
using Athanor.Protocol.Peers;

namespace Athanor.Nodes.Gateway.Peers;

/// <summary>The leases that the gateway holds on peers' behalf in this start: which peer has which token, and what it may read and upload
/// for them.</summary>
internal sealed class PeerLeases(IWorkDesk desk, IStore store, GatewayOptions options, TimeProvider time)
{
    private static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan Remembered = TimeSpan.FromMinutes(10);

    private readonly ConcurrentDictionary<long, Held> _held = new();
    private readonly ConcurrentDictionary<EntityAddress, (long Day, long Bytes)> _uploaded = new();

    /// <param name="Done">When its result came; it then stays known for a while, so that a second, different claim is noticed.</param>
    private sealed record Held(EntityAddress Peer, WorkLease Lease, DateTimeOffset? Done = null);

    /// <summary>A peer that does not renew for this long has lost its work.</summary>
    public TimeSpan Duration => options.PeerLease;

    public static string Holder(EntityAddress peer) => PeerNames.Pool(peer.Tenant, peer.Id);

    /// <summary>A peer that enrols (again) has nothing in hand: what it held before goes back at once.</summary>
    public async Task Begin(EntityAddress peer, CancellationToken cancellation)
    {
        foreach (var (token, held) in _held)
        {
            if (held.Peer == peer) _held.TryRemove(token, out _);
        }
        await store.ReturnWorkOf(Holder(peer), cancellation);
    }

    /// <summary>Leases work of the peer's own pool; waits for some.</summary>
    public async Task<IReadOnlyList<WorkLease>> Lease(EntityAddress peer, int count, TimeSpan wait, CancellationToken cancellation)
    {
        var until = time.GetUtcNow() + wait;
        Forget(until - wait - Remembered);
        while (true)
        {
            var leases = await desk.Lease(Holder(peer), [Holder(peer)], count, Duration, cancellation);
            foreach (var lease in leases) _held[lease.Token] = new Held(peer, lease);
            if (leases.Count > 0 || time.GetUtcNow() >= until) return leases;
            await Task.Delay(PollInterval, time, cancellation);
        }
    }

    /// <returns>The tokens still held.</returns>
    public async Task<IReadOnlyList<long>> Renew(EntityAddress peer, IEnumerable<long> tokens, CancellationToken cancellation)
    {
        var own = tokens.Where(t => _held.TryGetValue(t, out var held) && held.Peer == peer).ToArray();
        return own.Length == 0 ? [] : await desk.Renew(Holder(peer), own, Duration, cancellation);
    }

    /// <exception cref="GatewayException">The token is not one of this peer in this start of the gateway.</exception>
    public WorkLease Of(EntityAddress peer, long token) => _held.TryGetValue(token, out var held) && held.Peer == peer
        ? held.Lease
        : throw new GatewayException(409, $"'{peer.Id}' does not hold the lease {token}", "lease the work again");

    public bool MayRead(EntityAddress peer, string hash) => _held.Values.Any(h => h.Peer == peer && h.Done is null && h.Lease.Work.Inputs.Contains(hash));

    /// <summary>Counts an upload against the peer's quota of the day (UTC); counted in memory, so a restart of the gateway begins anew.</summary>
    /// <exception cref="GatewayException">The quota is used up.</exception>
    public void CountUpload(EntityAddress peer, int bytes)
    {
        var day = time.GetUtcNow().ToUnixTimeSeconds() / 86_400;
        var (_, total) = _uploaded.AddOrUpdate(
            peer, (day, bytes), (_, before) => before.Day == day ? (day, before.Bytes + bytes) : (day, bytes));
        if (total > options.PeerQuotaBytes)
            throw new GatewayException(413, $"'{peer.Id}' has uploaded more than {options.PeerQuotaBytes} bytes today", "the quota is gateway.peer-quota");
    }

    /// <summary>The lease's result came.</summary>
    public void Finish(long token)
    {
        if (_held.TryGetValue(token, out var held)) _held.TryUpdate(token, held with { Done = time.GetUtcNow() }, held);
    }

    /// <summary>Forgets a lease that ended without a result.</summary>
    public void End(long token) => _held.TryRemove(token, out _);

    private void Forget(DateTimeOffset before)
    {
        foreach (var (token, held) in _held)
        {
            if (held.Done < before) _held.TryRemove(token, out _);
        }
    }
}
