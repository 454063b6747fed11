using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Athanor.Compute.Numerics;
using Athanor.Compute.Plants;

namespace Athanor.Compute.Estimation;

/// <summary>
/// Kalman filters in square-root form: the belief is z (N), then the Cholesky factor of its covariance, packed by rows (N (N + 1) / 2).
/// <list type="bullet">
/// <item>ekf: the factor goes on by triangularising [Φ L, √(Q dt)], Φ the exact derivative of the discrete map, and takes measurements in
/// by Carlson's update; neither ever forms a covariance.</item>
/// <item>iekf: Gauss-Newton over the last interval (Jazwinski 1970, sect. 8.3, the iterated filter-smoother).</item>
/// <item>ukf: 2N points of equal weight (and the mean for N &lt; 3, so that no weight is negative and no factor is ever downdated), the
/// factor by triangularising their deviations (van der Merwe and Wan, ICASSP 2001). The measurements are linear, for which the
/// unscented update is Carlson's.</item>
/// </list>
/// Measurements are linear in z, so taking them in one after the other is taking them in together.
/// </summary>
internal sealed partial class SquareRootCore<TMap> : FilterCore
    where TMap : struct, IPlantMap
{
    private const int OnStack = 400;

    private readonly TMap _map;
    private readonly int _states, _size, _parameters;
    private readonly double[][] _rows;
    private readonly double[] _roots;
    private readonly double _gateSquared;
    private readonly IWidePlantMap? _wide;

    public SquareRootCore(JointModel joint, in TMap map)
        : base(joint)
    {
        _map = map;
        _wide = map as IWidePlantMap;
        (_states, _size) = (joint.States, joint.Size);
        _parameters = joint.NominalParameters.Length;
        _rows = [.. joint.Sensors.Select(Row)];
        _roots = [.. joint.Sensors.Select(static s => Math.Sqrt(s.Variance))];
        _gateSquared = joint.Settings.Gate > 0 ? joint.Settings.Gate * joint.Settings.Gate : double.PositiveInfinity;
    }

    public override int BeliefSize => _size + (_size * (_size + 1) / 2);

    public override bool HasLanes => Joint.Settings.Kind == EstimatorKind.Ekf && _map.HasLanes;

    public override void Start(Span<double> belief, ReadOnlySpan<double> x0)
    {
        belief.Clear();
        Joint.Start.CopyTo(belief);
        x0.CopyTo(belief);
        for (var i = 0; i < _size; i++) belief[_size + (i * (i + 1) / 2) + i] = Joint.InitialSd[i];
    }

    [SkipLocalsInit]
    public override (double Nis, int Samples) Step(
        Span<double> belief, ReadOnlySpan<double> u, double dtS, ReadOnlySpan<CoreSample> samples, Span<Correction> corrections)
    {
        var count = samples.Length;
        Span<double> work = count <= 32 ? stackalloc double[128] : new double[4 * count];
        Span<double> values = work[..count], predicted = work.Slice(count, count), variance = work.Slice(2 * count, count);
        var used = work.Slice(3 * count, count);
        Span<int> sensors = count <= 32 ? stackalloc int[32] : new int[count];
        sensors = sensors[..count];
        for (var i = 0; i < count; i++) (sensors[i], values[i]) = (samples[i].Sensor, samples[i].Value);
        double nis;
        if (Joint.Settings.Kind == EstimatorKind.Iekf && dtS > 0 && count > 0)
        {
            nis = IteratedStep(belief, u, dtS, sensors, values, predicted, variance, used);
        }
        else
        {
            if (dtS > 0) Predict<double, ScalarLanes<double>>(belief, u, dtS);
            nis = Correct<double, ScalarLanes<double>>(belief, sensors, values, predicted, variance, used);
        }
        Joint.CheckFinite(belief);
        if (Joint.HasBounds && !Joint.Within(belief[.._size])) BoundedState.Project(Joint, belief[.._size], belief[_size..]);
        var taken = 0;
        for (var i = 0; i < count; i++)
        {
            corrections[i] = new Correction(predicted[i], variance[i], used[i] > 0.5);
            if (used[i] > 0.5) taken++;
        }
        return (nis, taken);
    }

    public override void StepLanes(
        int groups, Span<Vector512<double>> belief, ReadOnlySpan<Vector512<double>> u, ReadOnlySpan<Vector512<double>> dtS,
        ReadOnlySpan<int> sensors, ReadOnlySpan<Vector512<double>> values, Span<Vector512<double>> predicted,
        Span<Vector512<double>> variance,
        Span<Vector512<double>> used, Span<Vector512<double>> nis)
    {
        int size = BeliefSize, inputs = groups == 0 ? 0 : u.Length / groups, count = sensors.Length;
        if (dtS[0][0] > 0)
        {
            if (_wide is not null && _size == 2) PredictWide(groups, belief, u, dtS);
            else
            {
                for (var g = 0; g < groups; g++)
                    Predict<Vector512<double>, Lanes512<double>>(belief.Slice(g * size, size), u.Slice(g * inputs, inputs), dtS[g]);
            }
        }
        for (var g = 0; g < groups; g++)
        {
            var one = belief.Slice(g * size, size);
            nis[g] = Correct<Vector512<double>, Lanes512<double>>(
                one, sensors, values.Slice(g * count, count), predicted.Slice(g * count, count), variance.Slice(g * count, count),
                used.Slice(g * count, count));
            Check(one);
        }
    }

    /// <summary>Two states and nothing else estimated, by a map that takes several groups at once.</summary>
    [SkipLocalsInit]
    private void PredictWide(
        int groups, Span<Vector512<double>> belief, ReadOnlySpan<Vector512<double>> u, ReadOnlySpan<Vector512<double>> dtS)
    {
        const int most = 8, entries = 5;
        Span<Vector512<double>> x = stackalloc Vector512<double>[2 * most], next = stackalloc Vector512<double>[2 * most];
        Span<Vector512<double>> a = stackalloc Vector512<double>[4 * most];
        Span<Vector512<double>> p = _parameters * most <= 32 ? stackalloc Vector512<double>[32] : new Vector512<double>[_parameters * most];
        for (var i = 0; i < _parameters * most; i++) p[i] = Vector512.Create(Joint.NominalParameters[i % _parameters]);
        var inputs = groups == 0 ? 0 : u.Length / groups;
        for (var first = 0; first < groups; first += most)
        {
            var count = Math.Min(most, groups - first);
            for (var g = 0; g < count; g++) belief.Slice((first + g) * entries, 2).CopyTo(x[(2 * g)..]);
            _wide!.LineariseWide(
                count, x, u.Slice(first * inputs, count * inputs), p[..(count * _parameters)], dtS.Slice(first, count), next, a);
            for (var g = 0; g < count; g++)
            {
                var one = belief.Slice((first + g) * entries, entries);
                (one[0], one[1]) = (next[2 * g], next[(2 * g) + 1]);
                var root = Vector512.Sqrt(dtS[first + g]);
                TwoStates<Vector512<double>, Lanes512<double>>.Spread(
                    one, a.Slice(4 * g, 4), Vector512.Create(Joint.Noise[0]) * root, Vector512.Create(Joint.Noise[1]) * root);
            }
        }
    }

    /// <summary>Finite, and within the bounds.</summary>
    private void Check(Span<Vector512<double>> belief)
    {
        var bad = Vector512<double>.Zero;
        var outside = Vector512<double>.Zero;
        for (var i = 0; i < _size; i++)
        {
            // Zero times a number that is not finite is not zero.
            bad |= Vector512.Equals(belief[i] * Vector512<double>.Zero, Vector512<double>.Zero) ^ Vector512<double>.AllBitsSet;
            outside |= Vector512.LessThan(belief[i], Vector512.Create(Joint.Low[i]))
                | Vector512.GreaterThan(belief[i], Vector512.Create(Joint.High[i]));
        }
        if ((bad | outside) == Vector512<double>.Zero) return;
        Span<double> one = BeliefSize <= OnStack ? stackalloc double[OnStack] : new double[BeliefSize];
        one = one[..BeliefSize];
        for (var lane = 0; lane < Vector512<double>.Count; lane++)
        {
            for (var i = 0; i < one.Length; i++) one[i] = belief[i][lane];
            Joint.CheckFinite(one);
            if (Joint.Within(one[.._size])) continue;
            BoundedState.Project(Joint, one[.._size], one[_size..]);
            for (var i = 0; i < _size; i++) belief[i] = belief[i].WithElement(lane, one[i]);
        }
    }

    public override void Moments(ReadOnlySpan<double> belief, Span<double> mean, Span<double> sd)
    {
        belief[.._size].CopyTo(mean);
        var factor = belief[_size..];
        for (var i = 0; i < _size; i++)
        {
            var row = factor.Slice(i * (i + 1) / 2, i + 1);
            var sum = 0.0;
            foreach (var entry in row) sum = Math.FusedMultiplyAdd(entry, entry, sum);
            sd[i] = Math.Sqrt(sum);
        }
    }

    public override void Factor(ReadOnlySpan<double> belief, Span<double> packed) => belief[_size..].CopyTo(packed);

    public override double Variance(ReadOnlySpan<double> belief, int sensor) =>
        SquareRoot<double, ScalarLanes<double>>.Variance(belief[_size..], _size, _rows[sensor], Joint.Sensors[sensor].Variance);

    private double[] Row(JointSensor sensor)
    {
        var row = new double[_size];
        for (var i = 0; i < sensor.Entries.Length; i++) row[sensor.Entries[i]] += sensor.Weights[i];
        return row;
    }

    [SkipLocalsInit]
    private void Predict<TVector, TLanes>(Span<TVector> belief, ReadOnlySpan<TVector> u, TVector dtS)
        where TVector : unmanaged
        where TLanes : struct, ILanes<TVector, double>
    {
        if (typeof(TVector) == typeof(double) && Joint.Settings.Kind == EstimatorKind.Ukf)
        {
            PredictPoints(MemoryMarshal.Cast<TVector, double>(belief), MemoryMarshal.Cast<TVector, double>(u), Unsafe.BitCast<TVector,
                double>(dtS));
            return;
        }
        if (_size == 2 && _states == 2)
        {
            Span<TVector> slope = stackalloc TVector[6];
            Linearise<TVector, TLanes>(belief[..2], u, dtS, slope, slope[2..], default);
            belief[0] = slope[0];
            belief[1] = slope[1];
            var root = SquareRoot<TVector, TLanes>.Root(dtS);
            TwoStates<TVector, TLanes>.Spread(
                belief, slope[2..], TLanes.Multiply(TLanes.Create(Joint.Noise[0]), root), TLanes.Multiply(TLanes.Create(Joint.Noise[1]),
                root));
            return;
        }
        int n = _states, square = n * n, size = n + square + (2 * _size * _size) + (Joint.Estimated.Length > 0 ? n * _parameters : 0);
        Span<TVector> work = size <= OnStack ? stackalloc TVector[size] : new TVector[size];
        Span<TVector> next = work[..n], a = work.Slice(n, square), m = work.Slice(n + square, 2 * _size * _size);
        var e = work[(n + square + m.Length)..];
        Linearise<TVector, TLanes>(belief[.._size], u, dtS, next, a, e);
        next.CopyTo(belief);
        Spread<TVector, TLanes>(belief[_size..], a, e, dtS, m);
        SquareRoot<TVector, TLanes>.Triangularise(m, _size, 2 * _size, belief[_size..]);
    }

    private void Linearise<TVector, TLanes>(
        ReadOnlySpan<TVector> z, ReadOnlySpan<TVector> u, TVector dtS, Span<TVector> next, Span<TVector> a, Span<TVector> e)
        where TVector : unmanaged
        where TLanes : struct, ILanes<TVector, double>
    {
        Span<TVector> p = _parameters <= 32 ? stackalloc TVector[32] : new TVector[_parameters];
        p = p[.._parameters];
        for (var k = 0; k < p.Length; k++) p[k] = TLanes.Create(Joint.NominalParameters[k]);
        for (var k = 0; k < Joint.Estimated.Length; k++) p[Joint.Estimated[k]] = z[_states + k];
        if (typeof(TVector) == typeof(double))
        {
            _map.Linearise(
                MemoryMarshal.Cast<TVector, double>(z[.._states]), MemoryMarshal.Cast<TVector, double>(u), MemoryMarshal.Cast<TVector,
                double>(p),
                Unsafe.BitCast<TVector, double>(dtS), MemoryMarshal.Cast<TVector, double>(next[.._states]), MemoryMarshal.Cast<TVector,
                double>(a), default,
                MemoryMarshal.Cast<TVector, double>(e));
        }
        else
        {
            _map.LineariseLanes(
                MemoryMarshal.Cast<TVector, Vector512<double>>(z[.._states]), MemoryMarshal.Cast<TVector, Vector512<double>>(u),
                MemoryMarshal.Cast<TVector, Vector512<double>>(p), Unsafe.BitCast<TVector, Vector512<double>>(dtS),
                MemoryMarshal.Cast<TVector, Vector512<double>>(next[.._states]), MemoryMarshal.Cast<TVector, Vector512<double>>(a), default,
                MemoryMarshal.Cast<TVector, Vector512<double>>(e));
        }
    }

    /// <summary>[Φ L, √(Q dt)], shape (N, 2N).</summary>
    private void Spread<TVector, TLanes>(
        ReadOnlySpan<TVector> factor, ReadOnlySpan<TVector> a, ReadOnlySpan<TVector> e, TVector dtS, Span<TVector> m)
        where TVector : unmanaged
        where TLanes : struct, ILanes<TVector, double>
    {
        int n = _states, size = _size, width = 2 * size;
        var root = SquareRoot<TVector, TLanes>.Root(dtS);
        var zero = TLanes.Create(0.0);
        for (var i = 0; i < size; i++)
        {
            var row = m.Slice(i * width, width);
            for (var c = 0; c < size; c++)
            {
                if (i >= n)
                {
                    row[c] = c <= i ? factor[(i * (i + 1) / 2) + c] : zero;
                    continue;
                }
                var sum = zero;
                for (var j = c; j < n; j++) sum = TLanes.Fma(a[(i * n) + j], factor[(j * (j + 1) / 2) + c], sum);
                for (var k = 0; k < Joint.Estimated.Length; k++)
                {
                    var j = n + k;
                    if (j >= c) sum = TLanes.Fma(e[(i * _parameters) + Joint.Estimated[k]], factor[(j * (j + 1) / 2) + c], sum);
                }
                row[c] = sum;
            }
            for (var c = 0; c < size; c++) row[size + c] = c == i ? TLanes.Multiply(TLanes.Create(Joint.Noise[i]), root) : zero;
        }
    }

    /// <summary>Takes values in. With several, what was expected and the gate are of before any of them.</summary>
    /// <returns>Normalised innovation squared of those taken in.</returns>
    [SkipLocalsInit]
    private TVector Correct<TVector, TLanes>(
        Span<TVector> belief, ReadOnlySpan<int> sensors, ReadOnlySpan<TVector> values, Span<TVector> predicted, Span<TVector> variance,
        Span<TVector> used, bool keepUsed = false)
        where TVector : unmanaged
        where TLanes : struct, ILanes<TVector, double>
    {
        TVector one = TLanes.Create(1.0), zero = TLanes.Create(0.0), half = TLanes.Create(0.5);
        var nis = zero;
        if (sensors.Length == 0) return nis;
        if (_size == 2 && sensors.Length == 1 && !keepUsed)
        {
            var row = _rows[sensors[0]];
            var only = Joint.Sensors[sensors[0]];
            return TwoStates<TVector, TLanes>.Update(
                belief, TLanes.Create(row[0]), TLanes.Create(row[1]), TLanes.Create(only.Offset), TLanes.Create(only.Variance),
                TLanes.Create(_roots[sensors[0]]), TLanes.Create(_gateSquared), values[0], out predicted[0], out variance[0], out used[0]);
        }
        int n = _size, packed = n * (n + 1) / 2;
        Span<TVector> work = (2 * n) + packed <= OnStack ? stackalloc TVector[(2 * n) + packed] : new TVector[(2 * n) + packed];
        Span<TVector> h = work[..n], gain = work.Slice(n, n), updated = work[(2 * n)..];
        Span<TVector> z = belief[..n], factor = belief[n..];
        var gate = TLanes.Create(_gateSquared);
        var alone = sensors.Length == 1;
        for (var s = 0; s < sensors.Length; s++)
        {
            var sensor = Joint.Sensors[sensors[s]];
            Broadcast<TVector, TLanes>(_rows[sensors[s]], h);
            predicted[s] = Expected<TVector, TLanes>(h, z, sensor.Offset);
            if (alone) break;
            variance[s] = SquareRoot<TVector, TLanes>.Variance(factor, n, h, TLanes.Create(sensor.Variance));
            if (!keepUsed) used[s] = Gate(predicted[s], values[s], variance[s]);
        }
        for (var s = 0; s < sensors.Length; s++)
        {
            var sensor = Joint.Sensors[sensors[s]];
            if (!alone) Broadcast<TVector, TLanes>(_rows[sensors[s]], h);
            var alpha = SquareRoot<TVector, TLanes>.Update(factor, n, h, TLanes.Create(sensor.Variance), gain, updated);
            var expected = alone ? predicted[s] : Expected<TVector, TLanes>(h, z, sensor.Offset);
            if (alone)
            {
                variance[s] = alpha;
                if (!keepUsed) used[s] = Gate(predicted[s], values[s], alpha);
            }
            var innovation = TLanes.Subtract(values[s], expected);
            var weighted = TLanes.Divide(innovation, alpha);
            var take = used[s];
            for (var i = 0; i < n; i++) z[i] = TLanes.IfLess(half, take, TLanes.Fma(gain[i], weighted, z[i]), z[i]);
            for (var i = 0; i < packed; i++) factor[i] = TLanes.IfLess(half, take, updated[i], factor[i]);
            nis = TLanes.IfLess(half, take, TLanes.Fma(innovation, weighted, nis), nis);
        }
        return nis;

        TVector Gate(TVector expected, TVector value, TVector spread)
        {
            var distance = TLanes.Subtract(value, expected);
            return TLanes.IfLess(TLanes.Multiply(gate, spread), TLanes.Multiply(distance, distance), zero, one);
        }
    }

    private static TVector Expected<TVector, TLanes>(ReadOnlySpan<TVector> h, ReadOnlySpan<TVector> z, double offset)
        where TVector : unmanaged
        where TLanes : struct, ILanes<TVector, double>
    {
        var sum = TLanes.Create(offset);
        for (var i = 0; i < z.Length; i++) sum = TLanes.Fma(h[i], z[i], sum);
        return sum;
    }

    private static void Broadcast<TVector, TLanes>(double[] row, Span<TVector> h)
        where TVector : unmanaged
        where TLanes : struct, ILanes<TVector, double>
    {
        for (var i = 0; i < row.Length; i++) h[i] = TLanes.Create(row[i]);
    }
}
