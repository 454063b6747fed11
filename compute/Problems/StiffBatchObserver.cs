using Athanor.Compute.Ode;

namespace Athanor.Compute.Problems;

/// <summary>Writes stiff trajectories that are solved in lanes at given times and, if wanted, gathers their extremes, with the bits of a
/// single solve.</summary>
internal readonly struct StiffBatchObserver : IStiffLaneObserver
{
    private const int MostLanes = 2 * Rodas5PLanes.Lanes;

    private readonly LaneWork _work;
    private readonly double[] _times, _values;
    private readonly double[]? _low, _high;
    private readonly int _n;
    private readonly int[] _next = new int[MostLanes];
    private readonly ExtremeSearch _search;

    /// <param name="values">Shape (count, times, n).</param>
    /// <param name="low">Shape (count, n) or null, as <paramref name="high"/>.</param>
    public StiffBatchObserver(LaneWork work, double[] times, double[] values, int n, double[]? low, double[]? high)
    {
        (_work, _times, _values, _n, _low, _high) = (work, times, values, n, low, high);
        _search = new ExtremeSearch(n);
    }

    public void Load(int lane, int trajectory)
    {
        var point = _work.Point(trajectory);
        var start = point?.Time ?? _work.StartTime;
        var row = 0;
        for (; row < _times.Length && _times[row] <= start; row++)
        {
            // Who goes on has written these rows, and has extremes.
            if (point is null) Start(trajectory, Row(trajectory, row));
        }
        _next[lane] = row;
        if (_low is null || _high is null || point is not null) return;
        Start(trajectory, _low.AsSpan(trajectory * _n, _n));
        Start(trajectory, _high.AsSpan(trajectory * _n, _n));
    }

    public bool Wants(int lane, double t1) => _low is not null || (_next[lane] < _times.Length && _times[_next[lane]] <= t1);

    public void Step(int lane, int trajectory, in DenseStep step)
    {
        var row = _next[lane];
        for (; row < _times.Length && _times[row] <= step.T1; row++)
        {
            if (_times[row] == step.T1) step.Y1.CopyTo(Row(trajectory, row));
            else step.Interpolate(_times[row], Row(trajectory, row));
        }
        _next[lane] = row;
        if (_low is not null && _high is not null)
            _search.Gather(step, _low.AsSpan(trajectory * _n, _n), _high.AsSpan(trajectory * _n, _n));
    }

    private void Start(int trajectory, Span<double> to)
    {
        for (var i = 0; i < _n; i++) to[i] = _work.Initial(trajectory, i);
    }

    private Span<double> Row(int trajectory, int row) => _values.AsSpan(((trajectory * _times.Length) + row) * _n, _n);
}
