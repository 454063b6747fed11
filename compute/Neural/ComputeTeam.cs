using System.Runtime.ExceptionServices;

namespace Athanor.Compute.Neural;

/// <summary>
/// Threads that do pieces of numerics together, the caller being one of them. Between two pieces of work they spin for some tens of
/// microseconds, so that a step of a millisecond does not wait for threads to wake, and then sleep. Which thread does which piece is left
/// to chance, so pieces write to places of their own and sums are formed after.
/// One caller at a time. An exception of a piece is thrown to the caller when all have ended.
/// </summary>
public sealed class ComputeTeam : IDisposable
{
    private const int Spins = 2000;
    private readonly Thread[] _others;
    private readonly object _gate = new();
    private Action<int, int>? _piece;
    private Exception? _error;
    private int _pieces, _taken, _round, _busy, _inUse;
    private bool _ended;

    /// <param name="threads">With the caller; 1 starts none.</param>
    public ComputeTeam(int threads)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(threads);
        Threads = threads;
        _others = new Thread[threads - 1];
        for (var i = 0; i < _others.Length; i++)
        {
            var worker = i + 1;
            _others[i] = new Thread(() => Work(worker)) { IsBackground = true, Name = $"compute {worker}" };
            _others[i].Start();
        }
    }

    public int Threads { get; }

    /// <summary>Calls <paramref name="piece"/> (index of the piece, of the thread) for all pieces; returns when all are done.</summary>
    public void Run(int pieces, Action<int, int> piece)
    {
        ObjectDisposedException.ThrowIf(_ended, this);
        if (Interlocked.Exchange(ref _inUse, 1) != 0) throw new InvalidOperationException("a team works for one caller at a time");
        try
        {
            if (_others.Length == 0 || pieces <= 1)
            {
                for (var i = 0; i < pieces; i++) piece(i, 0);
                return;
            }
            (_piece, _pieces, _taken, _error) = (piece, pieces, 0, null);
            Volatile.Write(ref _busy, _others.Length);
            NextRound();
            TakePieces(0);
            var spins = 0;
            while (Volatile.Read(ref _busy) > 0)
            {
                if (++spins < Spins) Thread.SpinWait(1);
                else Thread.Yield();
            }
            if (_error is { } error) ExceptionDispatchInfo.Throw(error);
        }
        finally
        {
            _piece = null;
            Volatile.Write(ref _inUse, 0);
        }
    }

    public void Dispose()
    {
        if (_ended) return;
        _ended = true;
        NextRound();
        foreach (var thread in _others) thread.Join();
    }

    private void NextRound()
    {
        // Under the gate, so that no thread goes to sleep between its look at the round and the pulse.
        lock (_gate)
        {
            Volatile.Write(ref _round, _round + 1);
            Monitor.PulseAll(_gate);
        }
    }

    private void Work(int worker)
    {
        for (var seen = 0; ;)
        {
            for (var spins = 0; spins < Spins && Volatile.Read(ref _round) == seen; spins++) Thread.SpinWait(1);
            if (Volatile.Read(ref _round) == seen)
            {
                lock (_gate)
                {
                    while (_round == seen) Monitor.Wait(_gate);
                }
            }
            seen = Volatile.Read(ref _round);
            if (_ended) return;
            TakePieces(worker);
            Interlocked.Decrement(ref _busy);
        }
    }

    private void TakePieces(int worker)
    {
        try
        {
            for (int i; (i = Interlocked.Increment(ref _taken) - 1) < _pieces;) _piece!(i, worker);
        }
        catch (Exception error)
        {
            Interlocked.CompareExchange(ref _error, error, null);
        }
    }
}
