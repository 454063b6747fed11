using System.Collections.Concurrent;
using System.Text;
using Athanor.Hosting.Stores;
using Athanor.Hosting.Work;

namespace Athanor.Hosting.Slots;

/// <summary>The rendezvous on the slot's side: asks the node, which asks the store under the gang's present generation.</summary>
internal sealed class KeyExchange(FramePipe pipe)
{
    private readonly BlockingCollection<SlotFrame.Keys> _arrived = [];

    /// <summary>Called by the reader thread.</summary>
    public void Arrived(SlotFrame.Keys keys) => _arrived.Add(keys);

    /// <summary>Tells a value (an empty key: nothing) and returns all that was told.</summary>
    /// <exception cref="GangEndedException">The generation has ended.</exception>
    public IReadOnlyDictionary<string, byte[]> Tell(long job, string key, byte[] value, CancellationToken cancellation)
    {
        // Threads of one handler take turns, so that each gets its own answer.
        lock (_arrived)
        {
            pipe.WriteBlocking(new SlotFrame.WantKeys(job, key, value));
            SlotFrame.Keys answer;
            do
            {
                // An answer to a job that was stopped meanwhile may still be under way.
                answer = _arrived.Take(cancellation);
            }
            while (answer.Number != job);
            return answer.Lives ? answer.Values : throw new GangEndedException();
        }
    }
}

/// <inheritdoc cref="IGang"/>
internal sealed class SlotGang(GangPlace place, long job, KeyExchange keys, CancellationToken cancellation) : IGang
{
    private const int MaxKey = 200;
    private const int MaxValue = 64 << 10;
    private const int FirstWaitMs = 10;
    private const int LongestWaitMs = 250;

    public int Rank => place.Rank;

    public int Size => place.Size;

    public int Generation => place.Generation;

    public IReadOnlyList<string> Addresses => place.Addresses;

    public void Set(string key, ReadOnlyMemory<byte> value)
    {
        if (key.Length is 0 or > MaxKey || key.StartsWith('/'))
            throw new WorkRefusedException($"'{key}' is no key of a gang: 1 to {MaxKey} characters, the first no '/', would be right");
        if (value.Length > MaxValue)
            throw new WorkRefusedException($"the value of '{key}' has {value.Length} bytes; at most {MaxValue} would be right, a blob takes more");
        keys.Tell(job, key, value.ToArray(), cancellation);
    }

    public byte[] Wait(string key) => Until(found => found.GetValueOrDefault(key));

    public void Barrier(string name)
    {
        keys.Tell(job, $"/{name}/{Rank}", Encoding.ASCII.GetBytes("here"), cancellation);
        Until(found => Enumerable.Range(0, Size).All(rank => found.ContainsKey($"/{name}/{rank}")) ? found : null);
    }

    private T Until<T>(Func<IReadOnlyDictionary<string, byte[]>, T?> find)
        where T : class
    {
        using var never = new ManualResetEventSlim();
        for (var wait = FirstWaitMs; ; wait = Math.Min(2 * wait, LongestWaitMs))
        {
            if (find(keys.Tell(job, "", [], cancellation)) is { } found) return found;
            never.Wait(wait, cancellation);
        }
    }
}
