using System.Collections.Concurrent;
using Athanor.Hosting.Core;

namespace Athanor.Hosting.Runtime;

/// <summary>
/// The one thread that steps the core. Adapters post inputs from any thread; the loop takes all that have arrived, steps once, and
/// hands the actions to the adapters, which must not block.
///
/// The wake-up. Whoever posts puts the input into the queue, then looks whether the loop sleeps; the loop marks itself as sleeping, then
/// looks into the queue once more. Between the two accesses each side has a full fence, so at least one of them sees the other: there is
/// no moment at which an input is queued and nobody is told. The mark is taken away by whoever wakes the loop, so it is woken once. What
/// arrives during a commit is stepped together after it: that is where group commit comes from.
///
/// A step that throws is a defect of the core: the loop ends, every later request is refused, and health says so. It does not go on,
/// for the core's state is then unknown; what was committed is in the store, and a new start goes on from it.
/// </summary>
internal sealed class CoreLoop : IDisposable
{
    /// <summary>Inputs of one step: bounds how long an outcome waits for the answers of the step before.</summary>
    private const int MostInputs = 4096;

    private static readonly TimeSpan ShortestTimer = TimeSpan.FromMilliseconds(1);

    private readonly ClusterCore _core;
    private readonly Action<CoreAction> _execute;
    private readonly Action<ClusterCore> _stepped;
    private readonly Action<Exception> _failed;
    private readonly TimeProvider _time;
    private readonly long _start;
    private readonly ConcurrentQueue<CoreInput> _queue = new();
    private readonly SemaphoreSlim _arrived = new(0);
    private readonly Thread _thread;
    private readonly ITimer _timer;
    private int _sleeping;
    private volatile bool _ended;
    private TimeSpan _armed = TimeSpan.MaxValue;
    private bool _rang;
    private int _disposed;
    private long _stepBegan;
    private long _steps;

    /// <param name="execute">Carries an action out; called on the loop's thread.</param>
    /// <param name="stepped">May look at the core between steps; called on the loop's thread.</param>
    /// <param name="failed">Told once, when a step threw.</param>
    public CoreLoop(ClusterCore core, Action<CoreAction> execute, Action<ClusterCore> stepped, Action<Exception> failed, TimeProvider time)
    {
        _core = core;
        _execute = execute;
        _stepped = stepped;
        _failed = failed;
        _time = time;
        _start = time.GetTimestamp();
        _timer = time.CreateTimer(_ => Rang(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _thread = new Thread(Run) { IsBackground = true, Name = "athanor core" };
    }

    /// <summary>Inputs that wait for the next step.</summary>
    public int Depth => _queue.Count;

    public long Steps => Volatile.Read(ref _steps);

    /// <summary>How long the present step has taken; zero between steps.</summary>
    public TimeSpan InStep => Volatile.Read(ref _stepBegan) is var began and not 0 ? _time.GetElapsedTime(began) : TimeSpan.Zero;

    public void Start()
    {
        _thread.Start();
        Post(new CoreInput.Tick());
    }

    /// <returns>False if the loop has ended; the input is then dropped.</returns>
    public bool Post(CoreInput input)
    {
        if (_ended) return false;
        _queue.Enqueue(input);
        Interlocked.MemoryBarrier();
        if (Volatile.Read(ref _sleeping) == 1) Wake();
        return true;
    }

    private void Wake()
    {
        if (Interlocked.Exchange(ref _sleeping, 0) == 1) _arrived.Release();
    }

    /// <summary>Ends the loop after the step in progress.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 1) return;
        _ended = true;
        _arrived.Release();
        if (Thread.CurrentThread != _thread && _thread.IsAlive) _thread.Join();
        _timer.Dispose();
    }

    private void Run()
    {
        var inputs = new List<CoreInput>();
        try
        {
            while (Take(inputs))
            {
                Volatile.Write(ref _stepBegan, _time.GetTimestamp());
                var now = _time.GetElapsedTime(_start);
                var actions = _core.Step(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(inputs), now);
                inputs.Clear();
                foreach (var action in actions) _execute(action);
                _stepped(_core);
                Arm(now);
                Volatile.Write(ref _stepBegan, 0);
                Interlocked.Increment(ref _steps);
            }
        }
        catch (Exception e)
        {
            _ended = true;
            _failed(e);
        }
    }

    /// <summary>Waits for inputs and takes those that have arrived. False at the end.</summary>
    private bool Take(List<CoreInput> inputs)
    {
        while (!_ended)
        {
            while (inputs.Count < MostInputs && _queue.TryDequeue(out var input)) inputs.Add(input);
            // Messages that wait for nothing but the next step make one without any input.
            if (inputs.Count > 0 || _core.HasWork) return true;
            Interlocked.Exchange(ref _sleeping, 1);
            if (!_queue.IsEmpty || _ended)
            {
                // Somebody may have woken us meanwhile; then the count of the semaphore makes one more round, which harms nobody.
                Interlocked.Exchange(ref _sleeping, 0);
                continue;
            }
            _arrived.Wait();
        }
        return false;
    }

    private void Rang()
    {
        Volatile.Write(ref _rang, true);
        Post(new CoreInput.Tick());
    }

    private void Arm(TimeSpan now)
    {
        var due = _core.NextDue;
        // Timers count whole milliseconds, so one may ring a little before its time; it must then be set again for the same moment.
        var armed = !Interlocked.Exchange(ref _rang, false) && due == _armed;
        if (armed && due > now) return;
        _armed = due;
        if (due == TimeSpan.MaxValue)
        {
            _timer.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
            return;
        }
        var wait = due - now;
        _timer.Change(wait < ShortestTimer ? ShortestTimer : wait, Timeout.InfiniteTimeSpan);
    }
}
