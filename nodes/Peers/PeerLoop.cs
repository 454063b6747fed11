using System.Collections.Concurrent;
using System.Net;
using System.Security.Cryptography;
using Athanor.Hosting.Work;
using Athanor.Protocol.Peers;

namespace Athanor.Nodes.Peers;

/// <summary>Why a peer's loop ended.</summary>
internal enum PeerEnd
{
    /// <summary>It was told to.</summary>
    Stopped,

    /// <summary>The gateway will have nothing more to do with it; the reason was said.</summary>
    Barred,
}

/// <summary>
/// The peer program: leases work, does it, uploads states and brings signed results.
///
/// It keeps one item more in hand than it has slots, so that it does not wait for the gateway between two; renews its leases, and drops an
/// item whose lease it no longer has (cancelled, or given to somebody else). When the gateway is away or has been started anew, it drops
/// what it has, waits with growing pauses, and enrols again: the same work done again gives the same claim. On a refusal for good (403,
/// or its name taken) it ends. When told to stop it gives back what it holds.
/// </summary>
internal sealed class PeerLoop(PeerClient client, Misbehaviour misbehaviour, int slots, TimeProvider time, Action<string> say)
{
    private const int MostCachedBlobs = 8;
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(2);

    private readonly PeerWorker _worker = new(misbehaviour);
    private readonly SemaphoreSlim _slots = new(slots);
    private readonly ConcurrentDictionary<long, Item> _inHand = new();
    private readonly ConcurrentDictionary<string, byte[]> _blobs = new(StringComparer.Ordinal);

    private sealed record Item(LeasedWork Work, CancellationTokenSource Stop, Task Task);

    public async Task<PeerEnd> Run(CancellationToken cancellation)
    {
        var pause = TimeSpan.FromMilliseconds(100);
        while (!cancellation.IsCancellationRequested)
        {
            try
            {
                await client.Enrol(cancellation);
                say($"{client.Name} joined");
                pause = TimeSpan.FromMilliseconds(100);
                await Serve(cancellation);
            }
            catch (PeerRefusedException e) when (e.Status is HttpStatusCode.Forbidden or HttpStatusCode.Conflict or HttpStatusCode.BadRequest)
            {
                await DropAll();
                say($"{client.Name} was refused: {e.Message}");
                return PeerEnd.Barred;
            }
            catch (Exception e) when (IsPassing(e) && !cancellation.IsCancellationRequested)
            {
                await DropAll();
                say($"{client.Name} waits for the gateway: {e.Message}");
                await Pause(pause, cancellation);
                pause = pause * 2 < LongestPause ? pause * 2 : LongestPause;
            }
            catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
            {
                break;
            }
        }
        await GiveBack();
        return PeerEnd.Stopped;
    }

    /// <summary>Leases and does work until something ends it by an exception.</summary>
    private async Task Serve(CancellationToken cancellation)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var renewing = KeepLeases(end.Token);
        try
        {
            while (true)
            {
                var full = _inHand.Values.Select(i => i.Task).ToArray();
                if (full.Length > slots)
                {
                    await await Task.WhenAny([.. full, renewing]);
                    continue;
                }
                var leasing = client.Lease(slots + 1 - full.Length, LongestWait, end.Token);
                // An item that fails ends the wait: its reason is the loop's.
                while (await Task.WhenAny([leasing, renewing, .. full]) is var first && first != leasing)
                {
                    await first;
                    full = [.. full.Where(t => t != first)];
                }
                foreach (var work in (await leasing).Items) Take(work, end.Token);
            }
        }
        finally
        {
            await end.CancelAsync();
            await Quietly(renewing);
        }
    }

    private void Take(LeasedWork work, CancellationToken cancellation)
    {
        var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        // The task begins only once it is in the map, so that its end finds itself there.
        var begin = new TaskCompletionSource();
        var task = Do();
        _inHand[work.Token] = new Item(work, stop, task);
        begin.SetResult();

        async Task Do()
        {
            await begin.Task;
            try
            {
                await Work(work, stop.Token);
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested && !cancellation.IsCancellationRequested)
            {
                // The lease is lost; somebody else has the work, or nobody wants it.
            }
            finally
            {
                // On the loop's own end the item stays, to be given back.
                if (!cancellation.IsCancellationRequested) _inHand.TryRemove(work.Token, out _);
            }
        }
    }

    private async Task Work(LeasedWork item, CancellationToken cancellation)
    {
        await _slots.WaitAsync(cancellation);
        try
        {
            var inputs = new Dictionary<string, byte[]>(StringComparer.Ordinal);
            foreach (var hash in item.Inputs) inputs[hash] = await Input(hash, cancellation);
            var context = new PeerWorkContext(item.Seed, inputs, cancellation);
            var result = await Task.Run(() => _worker.Do(item.Work, context), cancellation);
            if (result is null)
            {
                // Silent: holds on to the work until somebody takes it away.
                await Task.Delay(Timeout.InfiniteTimeSpan, time, cancellation);
            }
            foreach (var blob in context.Outputs) await client.PutBlob(blob, cancellation);
            await client.Submit(item, result!, context.Outputs.Select(Hash), cancellation);
        }
        catch (WorkRefusedException e)
        {
            await client.Refuse(item.Token, e.Message, cancellation);
        }
        catch (PeerRefusedException e) when (e.Status == HttpStatusCode.Conflict)
        {
            // The lease was lost meanwhile.
            say($"{client.Name}: {item.WorkId} is no longer wanted ({e.Message})");
        }
        finally
        {
            _slots.Release();
        }
    }

    private async Task<byte[]> Input(string hash, CancellationToken cancellation)
    {
        if (_blobs.TryGetValue(hash, out var kept)) return kept;
        var content = await client.GetBlob(hash, cancellation);
        if (_blobs.Count < MostCachedBlobs) _blobs[hash] = content;
        return content;
    }

    private async Task KeepLeases(CancellationToken cancellation)
    {
        while (true)
        {
            await Task.Delay(TimeSpan.FromSeconds(2), time, cancellation);
            var tokens = _inHand.Keys.ToArray();
            if (tokens.Length == 0) continue;
            var still = await client.Renew(tokens, cancellation);
            foreach (var lost in tokens.Except(still))
            {
                if (_inHand.TryGetValue(lost, out var item)) await item.Stop.CancelAsync();
            }
        }
    }

    private async Task GiveBack()
    {
        var tokens = _inHand.Keys.ToArray();
        await DropAll();
        if (tokens.Length == 0) return;
        using var soon = new CancellationTokenSource(TimeSpan.FromSeconds(2), time);
        await Quietly(client.Return(tokens, soon.Token));
    }

    private async Task DropAll()
    {
        foreach (var (token, item) in _inHand)
        {
            await item.Stop.CancelAsync();
            await Quietly(item.Task);
            _inHand.TryRemove(token, out _);
        }
    }

    private async Task Pause(TimeSpan pause, CancellationToken cancellation)
    {
        try
        {
            await Task.Delay(pause, time, cancellation);
        }
        catch (OperationCanceledException)
        {
            // Told to stop; the loop sees it.
        }
    }

    private static async Task Quietly(Task task)
    {
        try
        {
            await task;
        }
        catch (Exception e) when (IsPassing(e) || e is PeerRefusedException)
        {
            // Whatever ended the loop has been said.
        }
    }

    private static bool IsPassing(Exception e) => e is HttpRequestException or OperationCanceledException or IOException
        || e is PeerRefusedException { Status: HttpStatusCode.Unauthorized or HttpStatusCode.TooManyRequests or >= HttpStatusCode.InternalServerError };

    private static string Hash(byte[] content) => Convert.ToHexStringLower(SHA256.HashData(content));

    private sealed class PeerWorkContext(ulong seed, Dictionary<string, byte[]> inputs, CancellationToken cancellation) : IWorkContext
    {
        public List<byte[]> Outputs { get; } = [];

        public ulong Seed => seed;

        public CancellationToken Cancellation => cancellation;

        public ReadOnlyMemory<byte> GetBlob(string hash) => inputs.TryGetValue(hash, out var content)
            ? content
            : throw new WorkRefusedException($"the blob {hash} is not among the work's inputs");

        public string PutBlob(ReadOnlyMemory<byte> content)
        {
            Outputs.Add(content.ToArray());
            return Hash(Outputs[^1]);
        }

        public void Report(double done, string note)
        {
        }
    }
}
