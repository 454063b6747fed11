using System.Collections.Concurrent;

namespace Athanor.Hosting.Stores.Postgres;

/// <summary>
/// A circuit breaker for each shard. A shard whose statements fail one after the other (rows locked for long, statements that run out of
/// time) would take connections and time from all others with every try. After some failures in a row its calls are refused for a while
/// without asking the server; then one call is let through: if it succeeds the shard is as before, and if not it waits again. Failures that
/// are no shard's own (no connection) are not counted here.
/// </summary>
internal sealed class ShardBreaker(TimeProvider time, int after, TimeSpan lasting)
{
    private readonly ConcurrentDictionary<int, State> _states = new();

    private sealed record State(int Failures, DateTimeOffset OpenUntil, string Reason);

    /// <returns>Why the shard's calls are refused now, or null.</returns>
    public string? Refuses(int shard)
    {
        if (!_states.TryGetValue(shard, out var state) || state.Failures < after) return null;
        var now = time.GetUtcNow();
        if (now >= state.OpenUntil)
        {
            // Whoever wins the exchange is the one call that is let through.
            if (_states.TryUpdate(shard, state with { OpenUntil = now + lasting }, state)) return null;
            if (!_states.TryGetValue(shard, out state)) return null;
        }
        var left = Math.Ceiling((state.OpenUntil - now).TotalSeconds);
        return $"shard {shard} failed {state.Failures} times in a row and is left alone for {left} s more; last: {state.Reason}";
    }

    /// <exception cref="StoreException">The shard's calls are refused now.</exception>
    public void Check(int shard)
    {
        if (Refuses(shard) is { } reason) throw new StoreException(reason);
    }

    public void Succeeded(int shard)
    {
        if (!_states.IsEmpty) _states.TryRemove(shard, out _);
    }

    public void Failed(int shard, string reason) => _states.AddOrUpdate(
        shard,
        _ => new State(1, after <= 1 ? time.GetUtcNow() + lasting : default, reason),
        (_, state) => new State(
            state.Failures + 1, state.Failures + 1 >= after ? time.GetUtcNow() + lasting : default, reason));
}
