using Athanor.Hosting.Core;

namespace Athanor.Hosting.Runtime;

/// <summary>
/// The one thread that steps the core. Adapters post inputs from any thread; the loop takes all that have arrived, steps once, and
/// hands the actions to the adapters, which must not block.
///
/// The wake-up. Whether inputs wait and whether the loop sleeps are decided under one lock, so there is no moment at which an input is
/// queued and nobody is told. Steps and adapters run outside the lock. What arrives during a commit is stepped together after it:
/// that is where group commit comes from.
///
/// A step that throws is a defect of the core: the loop ends, every later request is refused, and health says so. It does not go on,
/// for the core's state is then unknown; what was committed is in the store, and a new start goes on from it.
/// </summary>
internal sealed class CoreLoop : IDisposable
{
    private static readonly TimeSpan ShortestTimer = TimeSpan.FromMilliseconds(1);

    private readonly ClusterCore _core;
    private readonly Action<CoreAction> _execute;
    private readonly Action<ClusterCore> _stepped;
    private readonly Action<Exception> _failed;
    private readonly TimeProvider _time;
    private readonly long _start;
    private readonly Lock _gate = new();
    private readonly SemaphoreSlim _arrived = new(0);
    private readonly Thread _thread;
    private readonly ITimer _timer;
    private List<CoreInput> _waiting = [];
    private bool _sleeping;
    private bool _ended;
    private TimeSpan _armed = TimeSpan.MaxValue;
    private bool _rang;
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
    public int Depth
    {
        get
        {
            lock (_gate) return _waiting.Count;
        }
    }

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
        bool wake;
        lock (_gate)
        {
            if (_ended) return false;
            _waiting.Add(input);
            wake = _sleeping;
            _sleeping = false;
        }
        if (wake) _arrived.Release();
        return true;
    }

    /// <summary>Ends the loop after the step in progress.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            if (_ended) return;
            _ended = true;
        }
        _arrived.Release();
        if (Thread.CurrentThread != _thread && _thread.IsAlive) _thread.Join();
        _timer.Dispose();
    }

    private void Run()
    {
        var inputs = new List<CoreInput>();
        try
        {
            while (Take(ref inputs))
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
            lock (_gate) _ended = true;
            _failed(e);
        }
    }

    /// <summary>Waits for inputs and swaps the lists.</summary>
    private bool Take(ref List<CoreInput> inputs)
    {
        while (true)
        {
            lock (_gate)
            {
                if (_ended) return false;
                // Messages that wait for nothing but the next step make one without any input.
                if (_waiting.Count > 0 || _core.HasWork)
                {
                    (inputs, _waiting) = (_waiting, inputs);
                    return true;
                }
                _sleeping = true;
            }
            _arrived.Wait();
        }
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
