namespace Athanor.Compute.Ode;

/// <summary>
/// The trajectories that several threads take one after the other and solve in lanes. They are given out in order; once one has failed for
/// good, none after it is given out any more, while those before it all are: so the failure with the lowest number is the same whatever the
/// number of threads.
/// </summary>
internal sealed class LaneWork
{
    private readonly double[] _parameters, _initial;
    private readonly bool _sameParameters, _sameInitial;
    private readonly int _dimension;
    private readonly bool _collect;
    private readonly IProgress<int>? _progress;
    private readonly Lock _lock = new();
    private readonly SortedDictionary<int, OdeException> _failures = [];
    private readonly SortedSet<int> _stiff = [];
    private int _next, _done, _limit;

    /// <param name="parameters">Shape (count, p), or (p) for the same in all.</param>
    /// <param name="initial">Shape (count, n), or (n) for the same in all.</param>
    /// <param name="stops">Times to step onto, rising, the end last; all after the start.</param>
    /// <param name="collect">Whether the others go on when one fails.</param>
    public LaneWork(
        int count, double[] parameters, int parameterCount, double[] initial, int dimension, double startTime, double[] stops,
        in OdeOptions options, bool collect = false, IProgress<int>? progress = null)
    {
        options.Validate();
        (Count, ParameterCount, _dimension, StartTime, Stops, Options) = (count, parameterCount, dimension, startTime, stops, options);
        (_parameters, _initial, _collect, _progress, _limit) = (parameters, initial, collect, progress, count);
        (_sameParameters, _sameInitial) = (parameters.Length == parameterCount, initial.Length == dimension);
    }

    public int Count { get; }

    public int ParameterCount { get; }

    public double StartTime { get; }

    public double[] Stops { get; }

    public OdeOptions Options { get; }

    /// <summary>Whether trajectories that are found stiff leave their lanes (see <see cref="StiffTrajectories"/>).</summary>
    public bool EndsStiff { get; init; }

    /// <summary>Longest first step; a start beside a steady state gives no measure of it.</summary>
    public double LongestFirstStep { get; init; } = double.PositiveInfinity;

    public IReadOnlyDictionary<int, OdeException> Failures => _failures;

    /// <summary>Trajectories that left their lanes because they are stiff or an explicit method could not go on.</summary>
    public IReadOnlyCollection<int> StiffTrajectories => _stiff;

    /// <summary>What all trajectories cost; an evaluation of each slope at a start is not counted.</summary>
    public OdeStatistics Statistics { get; private set; }

    public void Add(in OdeStatistics statistics)
    {
        lock (_lock) Statistics = Statistics.Plus(statistics);
    }

    public double Parameter(int trajectory, int k) => _parameters[(_sameParameters ? 0 : trajectory * ParameterCount) + k];

    public double Initial(int trajectory, int i) => _initial[(_sameInitial ? 0 : trajectory * _dimension) + i];

    /// <summary>The next trajectory, or -1.</summary>
    public int Take()
    {
        if (Volatile.Read(ref _next) >= Volatile.Read(ref _limit)) return -1;
        var i = Interlocked.Increment(ref _next) - 1;
        return i < Volatile.Read(ref _limit) ? i : -1;
    }

    public void Done()
    {
        var done = Interlocked.Increment(ref _done);
        if (_progress is not null && (done % 64 == 0 || done == Count)) _progress.Report(done);
    }

    public void Fail(int trajectory, OdeException error)
    {
        // An explicit method's small step may be a stiff method's long one.
        if (EndsStiff && error is StepSizeTooSmallException) Stiff(trajectory);
        else FailForGood(trajectory, error);
    }

    public void FailForGood(int trajectory, OdeException error)
    {
        lock (_lock)
        {
            _failures[trajectory] = error;
            if (!_collect && trajectory < _limit) Volatile.Write(ref _limit, trajectory);
        }
        Done();
    }

    /// <summary>Whether a trajectory is still wanted: none is after the first that failed for good.</summary>
    public bool Wanted(int trajectory) => trajectory < Volatile.Read(ref _limit);

    public void Stiff(int trajectory)
    {
        lock (_lock) _stiff.Add(trajectory);
    }
}
