using System.Numerics;
using Athanor.Hosting.Core;
using Athanor.Protocol;

namespace Athanor.Hosting.Runtime;

/// <summary>What came back for a request: a reply, or why there is none.</summary>
/// <param name="Owner">With <see cref="Refusal.NotOwner"/>: the node to ask instead, where it is known.</param>
internal readonly record struct Answer(
    IReply? Reply, Refusal Why, string Reason, string? Owner = null, string? OwnerAddress = null);

/// <summary>
/// Requests that the core has not answered. Each has a number and a place in one of several stripes, which the number names; whoever takes
/// it out of its place (an answer, a cancellation, the end) is the one who ends it.
///
/// Answers of one step of the core are handed to the thread pool together: the core's thread is the one that everything waits for, and
/// waking a waiter costs as much as answering a query.
/// </summary>
internal sealed class RequestTable
{
    // A number is (running number in the stripe, place, stripe): 32, 24 and 8 bits.
    private const int StripeBits = 8;
    private const int PlaceBits = 24;

    private readonly Stripe[] _stripes;
    private List<(Request Request, Answer Answer)> _finished = [];
    private volatile string? _closed;

    public RequestTable()
    {
        var count = (int)BitOperations.RoundUpToPowerOf2((uint)Math.Clamp(Environment.ProcessorCount * 2, 4, 1 << StripeBits));
        _stripes = new Stripe[count];
        for (var i = 0; i < count; i++) _stripes[i] = new Stripe(i);
    }

    public int Count => _stripes.Sum(static stripe => stripe.Count);

    public bool Closed => _closed is not null;

    /// <summary>Makes an entry, whose number is then to be posted.</summary>
    public Request Open() => _stripes[Environment.CurrentManagedThreadId & (_stripes.Length - 1)].Open();

    /// <summary>Ends the entry if nobody will answer.</summary>
    public void Posted(Request request, bool accepted)
    {
        // Closing marks first and clears second, so an entry made meanwhile is found by one of the two.
        if (_closed is null && accepted) return;
        if (Take(request.Number)) request.TrySetResult(new Answer(null, Refusal.Unavailable, _closed ?? "the cluster has ended"));
    }

    /// <summary>Waits for the answer; a cancellation takes the request out and says so to <paramref name="forget"/>.</summary>
    public async Task<Answer> Cancellable(Request request, Action<long> forget, CancellationToken cancellation)
    {
        await using var registration = cancellation.Register(() =>
        {
            if (!Take(request.Number)) return;
            forget(request.Number);
            request.TrySetCanceled(cancellation);
        }).ConfigureAwait(false);
        return await request.Task.ConfigureAwait(false);
    }

    /// <summary>Ends a request; its waiter goes on after <see cref="Deliver"/>. Only for the core's thread.</summary>
    public void Finish(long number, Answer answer)
    {
        if (StripeOf(number).Take(number) is { } request) _finished.Add((request, answer));
    }

    /// <summary>Lets the waiters of all finished requests go on. Only for the core's thread, after each step.</summary>
    public void Deliver()
    {
        if (_finished.Count == 0) return;
        if (_finished.Count == 1)
        {
            _finished[0].Request.TrySetResult(_finished[0].Answer);
            _finished.Clear();
            return;
        }
        var finished = _finished;
        _finished = new List<(Request, Answer)>(finished.Count);
        ThreadPool.UnsafeQueueUserWorkItem(
            static finished =>
            {
                foreach (var (request, answer) in finished) request.TrySetResult(answer);
            },
            finished, preferLocal: false);
    }

    /// <summary>Refuses everything open and everything to come.</summary>
    public void Close(string reason)
    {
        _closed = reason;
        foreach (var stripe in _stripes)
        {
            foreach (var request in stripe.TakeAll()) request.TrySetResult(new Answer(null, Refusal.Unavailable, reason));
        }
    }

    private bool Take(long number) => StripeOf(number).Take(number) is not null;

    private Stripe StripeOf(long number) => _stripes[number & ((1 << StripeBits) - 1)];

    /// <summary>One request; its task ends with the answer. Whoever waits goes on in the thread pool.</summary>
    internal sealed class Request(long number) : TaskCompletionSource<Answer>(TaskCreationOptions.RunContinuationsAsynchronously)
    {
        public long Number { get; } = number;
    }

    private sealed class Stripe(int own)
    {
        private readonly Lock _gate = new();
        private readonly Stack<int> _free = new();
        private Request?[] _places = new Request?[16];
        private int _used;
        private uint _last;

        public int Count
        {
            get
            {
                lock (_gate) return _used - _free.Count;
            }
        }

        public Request Open()
        {
            lock (_gate)
            {
                if (!_free.TryPop(out var place)) place = _used++;
                if (place == _places.Length) Array.Resize(ref _places, _places.Length * 2);
                var number = ((long)(++_last & int.MaxValue) << (PlaceBits + StripeBits)) | ((long)place << StripeBits) | (long)own;
                return _places[place] = new Request(number);
            }
        }

        public Request? Take(long number)
        {
            var place = (int)(number >> StripeBits) & ((1 << PlaceBits) - 1);
            lock (_gate)
            {
                if (place >= _used || _places[place] is not { } request || request.Number != number) return null;
                _places[place] = null;
                _free.Push(place);
                return request;
            }
        }

        public List<Request> TakeAll()
        {
            lock (_gate)
            {
                var open = _places.OfType<Request>().ToList();
                _free.Clear();
                (_places, _used) = (new Request?[16], 0);
                return open;
            }
        }
    }
}
