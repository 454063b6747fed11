using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Athanor.Compute.Ode;

namespace Athanor.Compute.Problems;

/// <summary>Writes trajectories that are solved in lanes at given times and, if wanted, gathers the extremes of every component: over the ends
/// of the steps and the turns within them.</summary>
internal readonly struct BatchObserver : ILaneObserver
{
    private const int Lanes = Tsit5Lanes.Lanes;

    private readonly LaneWork _work;
    private readonly double[] _times, _values;
    private readonly double[]? _low, _high;
    private readonly int _n;
    private readonly int[] _next = new int[LaneObservers.Groups * Lanes];
    private readonly double[] _due = new double[LaneObservers.Groups * Lanes];

    // Per lane, eight numbers a component: the extremes so far.
    private readonly double[] _least = [], _most = [];

    /// <param name="values">Shape (count, times, n).</param>
    /// <param name="low">Shape (count, n) or null, as <paramref name="high"/>.</param>
    public BatchObserver(LaneWork work, double[] times, double[] values, int n, double[]? low, double[]? high)
    {
        (_work, _times, _values, _n, _low, _high) = (work, times, values, n, low, high);
        if (low is null) return;
        _least = new double[LaneObservers.Groups * Lanes * n];
        _most = new double[LaneObservers.Groups * Lanes * n];
    }

    public void Load(int lane, int trajectory)
    {
        var point = _work.Point(trajectory);
        var start = point?.Time ?? _work.StartTime;
        var row = 0;
        for (; row < _times.Length && _times[row] <= start; row++)
        {
            // Who goes on has written these rows.
            for (var i = 0; point is null && i < _n; i++) Row(trajectory, row)[i] = _work.Initial(trajectory, i);
        }
        Set(lane, row);
        if (_low is null || _high is null) return;
        for (var i = 0; i < _n; i++)
        {
            _least[At(lane, i)] = point is null ? _work.Initial(trajectory, i) : _low[(trajectory * _n) + i];
            _most[At(lane, i)] = point is null ? _work.Initial(trajectory, i) : _high[(trajectory * _n) + i];
        }
    }

    public Vector512<double> Wants(int group, in LaneStep step)
    {
        var wanted = Vector512.GreaterThanOrEqual(
            step.T1, Vector512.LoadUnsafe(ref MemoryMarshal.GetArrayDataReference(_due), (nuint)(group * Lanes)));
        if (_low is null) return wanted;
        for (var i = 0; i < _n; i++)
        {
            var at = (nuint)(((group * _n) + i) * Lanes);
            ref var least = ref MemoryMarshal.GetArrayDataReference(_least);
            ref var most = ref MemoryMarshal.GetArrayDataReference(_most);
            Vector512<double> y = step.Y1(i), low = Vector512.LoadUnsafe(ref least, at), high = Vector512.LoadUnsafe(ref most, at);
            Vector512.ConditionalSelect(step.Accepted & Vector512.LessThan(y, low), y, low).StoreUnsafe(ref least, at);
            Vector512.ConditionalSelect(step.Accepted & Vector512.GreaterThan(y, high), y, high).StoreUnsafe(ref most, at);
            wanted |= step.Turns(i);
        }
        return wanted;
    }

    public void Step(int lane, int trajectory, in LaneStep step)
    {
        var own = lane % Lanes;
        var t1 = step.T1[own];
        var row = _next[lane];
        for (; row < _times.Length && _times[row] <= t1; row++)
        {
            var values = Row(trajectory, row);
            if (_times[row] == t1)
            {
                for (var i = 0; i < _n; i++) values[i] = step.Y1(i)[own];
            }
            else
            {
                step.Interpolate(own, _times[row], values);
            }
        }
        if (row != _next[lane]) Set(lane, row);
        if (_low is null) return;
        for (var i = 0; i < _n; i++)
        {
            if ((Vector512.ExtractMostSignificantBits(step.Turns(i)) & (1UL << own)) == 0) continue;
            Turn(lane, step, own, i);
        }
    }

    /// <summary>Takes over the values of the continuous extension at the cubic's turn and where parabolas through its values, ever narrower,
    /// then put it.</summary>
    private void Turn(int lane, in LaneStep step, int own, int i)
    {
        double t0 = step.T0[own], t1 = step.T1[own], t = step.Extremum(own, i).Time, width = 0.1 * (t1 - t0);
        var value = Take(lane, i, step.Interpolate(own, t, i));
        for (var round = 0; round < 3; round++, width *= 0.2)
        {
            double a = Math.Max(t - width, t0), b = Math.Min(t + width, t1);
            double left = Take(lane, i, step.Interpolate(own, a, i)), right = Take(lane, i, step.Interpolate(own, b, i));
            double p = ((t - a) * (t - a) * (value - right)) - ((t - b) * (t - b) * (value - left));
            var q = ((t - a) * (value - right)) - ((t - b) * (value - left));
            var next = t - (0.5 * p / q);
            if (!(next >= t0 && next <= t1)) return;
            t = next;
            value = Take(lane, i, step.Interpolate(own, t, i));
        }
    }

    private double Take(int lane, int i, double value)
    {
        if (value < _least[At(lane, i)]) _least[At(lane, i)] = value;
        if (value > _most[At(lane, i)]) _most[At(lane, i)] = value;
        return value;
    }

    public void End(int lane, int trajectory, in LaneStep step) => Leave(lane, trajectory);

    public void Leave(int lane, int trajectory)
    {
        if (_low is null || _high is null) return;
        for (var i = 0; i < _n; i++)
        {
            _low[(trajectory * _n) + i] = _least[At(lane, i)];
            _high[(trajectory * _n) + i] = _most[At(lane, i)];
        }
    }

    private int At(int lane, int i) => ((((lane / Lanes) * _n) + i) * Lanes) + (lane % Lanes);

    private void Set(int lane, int row)
    {
        _next[lane] = row;
        _due[lane] = row < _times.Length ? _times[row] : double.PositiveInfinity;
    }

    private Span<double> Row(int trajectory, int row) => _values.AsSpan(((trajectory * _times.Length) + row) * _n, _n);
}
