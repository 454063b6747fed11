using System.Diagnostics;
using Athanor.Hosting.Configuration;
using Athanor.Hosting.Core;
using Athanor.Hosting.Telemetry;
using Athanor.Hosting.Work;
using Athanor.Protocol;

namespace Athanor.Hosting.Runtime;

/// <summary>
/// The owner's compute threads, with mailbox batching: requests of one kind that wait at the same moment go to their handler as one
/// batch, so that entities share SIMD lanes. Kinds take turns, oldest first; a batch takes no more than a fair part of what waits, so
/// that all threads have some.
///
/// A batch that throws is done again one by one: a bad request fails alone. A deadline is kept by the core, which drops what comes
/// late; a request that was cancelled before its turn is not done at all.
/// </summary>
internal sealed class ComputePool : IDisposable
{
    private const int SmallestShare = 8;

    private readonly Dictionary<Type, IComputeHandler> _handlers;
    private readonly MessageRegistry _registry;
    private readonly Action<CoreInput> _post;
    private readonly Lock _gate = new();
    private readonly SemaphoreSlim _arrived = new(0);
    private readonly Dictionary<Type, LinkedList<Item>> _waiting = [];
    private readonly LinkedList<Type> _turns = [];
    private readonly Dictionary<long, Type> _queued = [];
    private readonly CancellationTokenSource _stop = new();
    private readonly int _largestBatch;
    private readonly Thread[] _threads;
    private int _asleep;

    public ComputePool(IEnumerable<IComputeHandler> handlers, MessageRegistry registry, ComputeOptions options, Action<CoreInput> post)
    {
        _handlers = handlers.ToDictionary(h => h.Handles);
        _registry = registry;
        _post = post;
        _largestBatch = options.MaxBatch;
        var threads = options.Threads > 0 ? options.Threads : Environment.ProcessorCount;
        _threads = [.. Enumerable.Range(1, threads).Select(i => new Thread(Work) { IsBackground = true, Name = $"athanor compute {i}" })];
        foreach (var thread in _threads) thread.Start();
    }

    private sealed record Item(long Id, ICompute Request, string? Trace);

    public void Start(long id, ICompute request, string? trace)
    {
        var type = request.GetType();
        if (!_handlers.ContainsKey(type))
        {
            _post(new CoreInput.ComputeThrew(id, $"no handler computes {type.Name}"));
            return;
        }
        lock (_gate)
        {
            if (!_waiting.TryGetValue(type, out var list)) _waiting[type] = list = [];
            if (list.Count == 0) _turns.AddLast(type);
            list.AddLast(new Item(id, request, trace));
            _queued[id] = type;
            // A thread that is awake looks again before it sleeps, so one wake-up serves all that came meanwhile.
            if (_asleep == 0) return;
            _asleep--;
        }
        _arrived.Release();
    }

    public void Cancel(long id)
    {
        lock (_gate)
        {
            if (!_queued.Remove(id, out var type)) return;
            var list = _waiting[type];
            for (var node = list.First; node is not null; node = node.Next)
            {
                if (node.Value.Id != id) continue;
                list.Remove(node);
                break;
            }
            if (list.Count == 0) _turns.Remove(type);
        }
    }

    /// <summary>Drops what waits and ends the threads after the batch that each is in.</summary>
    public void Dispose()
    {
        _stop.Cancel();
        _arrived.Release(_threads.Length);
        foreach (var thread in _threads) thread.Join();
        _stop.Dispose();
        _arrived.Dispose();
    }

    private void Work()
    {
        while (!_stop.IsCancellationRequested)
        {
            if (TakeBatch(out var type) is { Count: > 0 } batch) Run(_handlers[type], batch);
            else _arrived.Wait();
        }
    }

    private List<Item> TakeBatch(out Type type)
    {
        lock (_gate)
        {
            type = typeof(void);
            if (_turns.First is not { } turn)
            {
                _asleep++;
                return [];
            }
            type = turn.Value;
            _turns.RemoveFirst();
            var list = _waiting[type];
            var share = Math.Max(SmallestShare, (list.Count + _threads.Length - 1) / _threads.Length);
            var batch = new List<Item>();
            while (batch.Count < Math.Min(share, _largestBatch) && list.First is { } first)
            {
                list.RemoveFirst();
                _queued.Remove(first.Value.Id);
                batch.Add(first.Value);
            }
            if (list.Count > 0) _turns.AddLast(type);
            return batch;
        }
    }

    private void Run(IComputeHandler handler, List<Item> batch)
    {
        var kind = _registry.KindOf(batch[0].Request);
        AthanorTelemetry.ComputeBatch(kind, batch.Count);
        // One span for the batch, under the first request that is traced.
        using var span = AthanorTelemetry.Start("compute", ActivityKind.Internal, batch.Find(i => i.Trace is not null)?.Trace, kind);
        span?.SetTag("athanor.batch", batch.Count);
        try
        {
            var results = handler.Run([.. batch.Select(i => i.Request)], _stop.Token);
            if (results.Count != batch.Count)
                throw new InvalidOperationException($"{handler.GetType().Name} gave {results.Count} results for {batch.Count} requests");
            for (var i = 0; i < batch.Count; i++) _post(new CoreInput.ComputeDone(batch[i].Id, results[i]));
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // The entity still says that it awaits it; the next owner asks again.
        }
        catch (Exception) when (batch.Count > 1)
        {
            foreach (var item in batch) Run(handler, [item]);
        }
        catch (Exception e)
        {
            span?.SetStatus(ActivityStatusCode.Error, e.Message);
            _post(new CoreInput.ComputeThrew(batch[0].Id, $"{e.GetType().Name}: {e.Message}"));
        }
    }
}
