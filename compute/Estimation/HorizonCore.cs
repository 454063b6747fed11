using Athanor.Compute.Plants;

namespace Athanor.Compute.Estimation;

/// <summary>
/// Moving-horizon estimation: over the last H sampling times the course that makes
/// <code>|z₀ - ẑ₀|²_{P₀⁻¹} + Σ |z_{k+1} - F(z_k)|²_{(Q dt)⁻¹} + Σ |y_k - h z_k|² / r</code>
/// least, by Gauss-Newton. Its linear least-squares problems are solved in square-root form by a filter forwards and a smoother backwards,
/// whose iteration is Gauss-Newton's (Bell, SIAM J. Optimization 4 (1994) 626). The arrival cost (ẑ₀, P₀) is the extended Kalman filter's
/// at the horizon's start (Rao, Rawlings and Mayne, IEEE TAC 48 (2003) 246). In the linear case any horizon gives the batch least squares
/// of all.
/// <para>Belief: z, factor; ẑ₀, factor of P₀; number of records; H records (dt, inputs, value per sensor or NaN).</para>
/// </summary>
internal sealed class HorizonCore<TMap> : FilterCore
    where TMap : struct, IPlantMap
{
    private const double Settled = 1e-8;

    private readonly SquareRootCore<TMap> _filter;
    private readonly int _size, _gaussian, _record, _horizon;

    public HorizonCore(JointModel joint, in TMap map)
        : base(joint)
    {
        _filter = new SquareRootCore<TMap>(joint, map);
        _size = joint.Size;
        _gaussian = _filter.BeliefSize;
        _record = 1 + joint.Model.Inputs.Count + joint.Sensors.Length;
        _horizon = joint.Settings.Horizon;
    }

    public override int BeliefSize => (2 * _gaussian) + 1 + (_horizon * _record);

    private int CountAt => 2 * _gaussian;

    public override void Start(Span<double> belief, ReadOnlySpan<double> x0)
    {
        belief.Clear();
        _filter.Start(belief[.._gaussian], x0);
        belief[.._gaussian].CopyTo(belief[_gaussian..]);
    }

    public override (double Nis, int Samples) Step(
        Span<double> belief, ReadOnlySpan<double> u, double dtS, ReadOnlySpan<CoreSample> samples, Span<Correction> corrections)
    {
        // What was expected, and what is left out, is of the last estimate carried on.
        var (nis, taken) = _filter.Step(belief[.._gaussian], u, dtS, samples, corrections);
        var count = (int)belief[CountAt];
        if (count == _horizon)
        {
            Forget(belief);
            count--;
        }
        var record = Record(belief, count);
        record[0] = dtS;
        u.CopyTo(record[1..]);
        var values = record[(1 + u.Length)..];
        values.Fill(double.NaN);
        for (var s = 0; s < samples.Length; s++)
        {
            if (corrections[s].Used) values[samples[s].Sensor] = samples[s].Value;
        }
        belief[CountAt] = count + 1;
        if (taken > 0) Solve(belief, count + 1);
        return (nis, taken);
    }

    public override void Moments(ReadOnlySpan<double> belief, Span<double> mean, Span<double> sd) =>
        _filter.Moments(belief[.._gaussian], mean, sd);

    public override void Factor(ReadOnlySpan<double> belief, Span<double> packed) => _filter.Factor(belief[.._gaussian], packed);

    public override double Variance(ReadOnlySpan<double> belief, int sensor) => _filter.Variance(belief[.._gaussian], sensor);

    private Span<double> Record(Span<double> belief, int k) => belief.Slice(CountAt + 1 + (k * _record), _record);

    /// <summary>The oldest record becomes part of the arrival cost.</summary>
    private void Forget(Span<double> belief)
    {
        Take(Record(belief, 0), out var dt, out var u, out var sensors, out var values);
        var arrival = belief.Slice(_gaussian, _gaussian);
        if (dt > 0) _filter.PredictOnce(arrival, u, dt);
        _filter.CorrectAll(arrival, sensors, values);
        if (!Joint.Within(arrival[.._size])) BoundedState.Project(Joint, arrival[.._size], arrival[_size..]);
        for (var k = 1; k < _horizon; k++) Record(belief, k).CopyTo(Record(belief, k - 1));
    }

    private void Solve(Span<double> belief, int count)
    {
        double[] best = belief[.._gaussian].ToArray(), points = new double[(count + 1) * _size], moved = new double[points.Length];
        var passes = new Pass[count];
        for (var iteration = 0; iteration <= Joint.Settings.Iterations; iteration++)
        {
            // Forwards, linearised at the course so far; at first at the filter's own estimates.
            var state = belief.Slice(_gaussian, _gaussian).ToArray();
            var start = (double[])state.Clone();
            for (var k = 0; k < count; k++)
            {
                Take(Record(belief, k), out var dt, out var u, out var sensors, out var values);
                passes[k] = _filter.PredictAt(state, iteration == 0 ? state.AsSpan(0, _size) : points.AsSpan(k * _size, _size), u, dt);
                _filter.CorrectAll(state, sensors, values);
                passes[k].After = (double[])state.Clone();
            }
            if (!Array.TrueForAll(state, double.IsFinite)) break;
            best = state;
            // Backwards.
            state.AsSpan(0, _size).CopyTo(moved.AsSpan(count * _size));
            var change = 0.0;
            for (var k = count - 1; k >= 0; k--)
            {
                var before = k == 0 ? start : passes[k - 1].After!;
                var to = moved.AsSpan(k * _size, _size);
                _filter.SmoothBack(before, passes[k], moved.AsSpan((k + 1) * _size, _size), to);
            }
            for (var i = 0; i < moved.Length; i++)
            {
                var sd = Joint.InitialSd[i % _size];
                change = Math.Max(change, Math.Abs(moved[i] - points[i]) / sd);
            }
            moved.CopyTo(points, 0);
            if (iteration > 0 && change < Settled) break;
        }
        best.CopyTo(belief);
        Joint.CheckFinite(belief);
        if (!Joint.Within(belief[.._size])) BoundedState.Project(Joint, belief[.._size], belief[_size.._gaussian]);
    }

    private void Take(ReadOnlySpan<double> record, out double dt, out double[] u, out int[] sensors, out double[] values)
    {
        var inputs = Joint.Model.Inputs.Count;
        dt = record[0];
        u = record.Slice(1, inputs).ToArray();
        var all = record[(1 + inputs)..].ToArray();
        sensors = [.. Enumerable.Range(0, all.Length).Where(s => !double.IsNaN(all[s]))];
        values = [.. sensors.Select(s => all[s])];
    }

    /// <summary>One interval of a forward pass.</summary>
    internal struct Pass
    {
        /// <summary>Derivatives of the map; empty where no time passed.</summary>
        public double[] A, E;

        /// <summary>Mean and factor before and after the interval's end took its values in.</summary>
        public double[] Predicted;

        public double[]? After;
    }
}
