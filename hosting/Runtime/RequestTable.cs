using System.Collections.Concurrent;
using Athanor.Hosting.Core;
using Athanor.Protocol;

namespace Athanor.Hosting.Runtime;

/// <summary>What came back for a request: a reply, or why there is none.</summary>
internal readonly record struct Answer(IReply? Reply, Refusal Why, string Reason);

/// <summary>Requests that the core has not answered.</summary>
internal sealed class RequestTable
{
    private readonly ConcurrentDictionary<long, TaskCompletionSource<Answer>> _open = new();
    private long _last;
    private volatile string? _closed;

    public int Count => _open.Count;

    /// <summary>Makes an entry, hands its number to <paramref name="post"/>, and waits.</summary>
    /// <param name="post">Returns false if nobody will answer.</param>
    public async Task<Answer> Ask(Func<long, bool> post, Action<long> forget, CancellationToken cancellation)
    {
        var number = Interlocked.Increment(ref _last);
        var entry = new TaskCompletionSource<Answer>(TaskCreationOptions.RunContinuationsAsynchronously);
        _open[number] = entry;
        // Closing marks first and clears second, so an entry made meanwhile is found by one of the two.
        if (_closed is not null || !post(number)) Finish(number, new Answer(null, Refusal.Unavailable, _closed ?? "the cluster has ended"));
        await using var registration = cancellation.Register(() =>
        {
            if (!_open.TryRemove(number, out var cancelled)) return;
            forget(number);
            cancelled.TrySetCanceled(cancellation);
        }).ConfigureAwait(false);
        return await entry.Task.ConfigureAwait(false);
    }

    public void Finish(long number, Answer answer)
    {
        if (_open.TryRemove(number, out var entry)) entry.TrySetResult(answer);
    }

    /// <summary>Refuses everything open and everything to come.</summary>
    public void Close(string reason)
    {
        _closed = reason;
        foreach (var number in _open.Keys) Finish(number, new Answer(null, Refusal.Unavailable, reason));
    }

    public bool Closed => _closed is not null;
}
