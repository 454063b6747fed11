namespace Athanor.Compute.Neural;

/// <summary>
/// Threads that do pieces of numerics together, the caller being one of them. Between two pieces of work they spin for some tens of
/// microseconds, so that a step of a millisecond does not wait for threads to wake, and then sleep. Which thread does which piece is left to
/// chance, so pieces write to places of their own and sums are formed after.
/// One caller at a time. An exception of a piece is thrown to the caller when all have ended.
/// </summary>
public sealed class ComputeTeam : IDisposable
{
    private const int Spins = 2000;
    private readonly Thread[] _others;
    private readonly SemaphoreSlim _wake = new(0);
    private Action<int, int>? _piece;
    private Exception? _error;
    private int _pieces, _taken, _round, _sleeping, _busy, _inUse;
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

    /// <summary>Calls <paramref name="piece"/> (index of the piece, index of the thread) for all pieces and returns when all are done.</summary>
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
            // A full fence: the round is seen before who sleeps is counted, and a thread counts itself before it looks at the round.
            Interlocked.Increment(ref _round);
            if (Volatile.Read(ref _sleeping) > 0) _wake.Release(_others.Length);
            TakePieces(0);
            var spins = 0;
            while (Volatile.Read(ref _busy) > 0)
            {
                if (++spins < Spins) Thread.SpinWait(1);
                else Thread.Yield();
            }
            if (_error is { } error) throw new AggregateException(error);
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
        Interlocked.Increment(ref _round);
        _wake.Release(_others.Length + 1);
        foreach (var thread in _others) thread.Join();
        _wake.Dispose();
    }

    private void Work(int worker)
    {
        for (var seen = 0; ;)
        {
            for (var spins = 0; Volatile.Read(ref _round) == seen; spins++)
            {
                if (spins < Spins)
                {
                    Thread.SpinWait(1);
                    continue;
                }
                Interlocked.Increment(ref _sleeping);
                // A release left over from an earlier round costs one turn of this loop, no more.
                if (Volatile.Read(ref _round) == seen) _wake.Wait();
                Interlocked.Decrement(ref _sleeping);
                spins = 0;
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
