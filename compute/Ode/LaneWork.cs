namespace Athanor.Compute.Ode;

/// <summary>
/// The trajectories that several threads take one after the other and solve in lanes. They are given out in order; once one has failed for
/// good, none after it is given out any more, while those before it all are: so the failure with the lowest number is the same whatever the
/// number of threads.
/// </summary>
/// <remarks>
/// Where methods are switched, a batch goes in rounds. Roles: explicit lanes and stiff lanes take turns; a trajectory that its lanes would
/// leave for the other kind is put down as a <see cref="LanePoint"/> and taken up in the next round. A round ends when no thread takes any
/// more; only then does <see cref="NextRound"/> change what is given out. Trajectories end in any round; with each return it takes
/// twice as much for a trajectory to leave again, so rounds are few. What lanes cannot go on with is solved again by itself afterwards,
/// whose errors have the full message. A round that fails leaves nothing behind: the batch as a whole throws.
/// </remarks>
internal sealed class LaneWork
{
    private readonly double[] _parameters, _initial;
    private readonly bool _sameParameters, _sameInitial;
    private readonly int _dimension;
    private readonly bool _collect;
    private readonly IProgress<int>? _progress;
    private readonly Lock _lock = new();
    private readonly SortedDictionary<int, OdeException> _failures = [];
    private readonly SortedSet<int> _left = [], _alone = [];
    private LanePoint?[]? _points;
    private int[]? _round;
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

    /// <summary>Whether trajectories leave their lanes for the other kind where <see cref="AutoSolve"/> would change the method.</summary>
    public bool Switches { get; init; }

    /// <summary>Longest first step; a start beside a steady state gives no measure of it.</summary>
    public double LongestFirstStep { get; init; } = double.PositiveInfinity;

    public IReadOnlyDictionary<int, OdeException> Failures => _failures;

    /// <summary>Trajectories that lanes could not go on with: solved again by themselves, they end or say why not.</summary>
    public IReadOnlyCollection<int> ToSolveAlone => _alone;

    /// <summary>What all trajectories cost; an evaluation of each slope at a start is not counted.</summary>
    public OdeStatistics Statistics { get; private set; }

    public void Add(in OdeStatistics statistics)
    {
        lock (_lock) Statistics = Statistics.Plus(statistics);
    }

    public double Parameter(int trajectory, int k) => _parameters[(_sameParameters ? 0 : trajectory * ParameterCount) + k];

    public double Initial(int trajectory, int i) => _initial[(_sameInitial ? 0 : trajectory * _dimension) + i];

    /// <summary>Trajectories that are given out in this round.</summary>
    public int Available => _round?.Length ?? Count;

    /// <summary>The next trajectory, or -1.</summary>
    public int Take()
    {
        var available = Available;
        if (Volatile.Read(ref _next) >= available) return -1;
        var i = Interlocked.Increment(ref _next) - 1;
        if (i >= available) return -1;
        var trajectory = _round is null ? i : _round[i];
        return trajectory < Volatile.Read(ref _limit) ? trajectory : -1;
    }

    /// <summary>Number of the first stop after t.</summary>
    public int FirstStop(double t)
    {
        var stop = 0;
        while (stop < Stops.Length - 1 && Stops[stop] <= t) stop++;
        return stop;
    }

    /// <summary>Where the trajectory goes on; null where it begins.</summary>
    public LanePoint? Point(int trajectory) => _points?[trajectory];

    /// <summary>A trajectory leaves its lane to go on from the point in the other kind, in the next round.</summary>
    public void Leave(int trajectory, LanePoint point)
    {
        lock (_lock)
        {
            _points ??= new LanePoint?[Count];
            _points[trajectory] = point;
            _left.Add(trajectory);
        }
    }

    /// <summary>Once no thread takes any more: those that left in this round are what the next one gives out.</summary>
    /// <returns>False if there are none.</returns>
    public bool NextRound()
    {
        _round = [.. _left];
        _left.Clear();
        _next = 0;
        return _round.Length > 0;
    }

    /// <summary>All that have left, whatever was known of them, are to be solved alone.</summary>
    public void LeftAreSolvedAlone()
    {
        _alone.UnionWith(_left);
        _left.Clear();
    }

    public void SolveAlone(int trajectory)
    {
        lock (_lock) _alone.Add(trajectory);
    }

    public void Done()
    {
        var done = Interlocked.Increment(ref _done);
        if (_progress is not null && (done % 64 == 0 || done == Count)) _progress.Report(done);
    }

    public void Fail(int trajectory, OdeException error)
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
}
