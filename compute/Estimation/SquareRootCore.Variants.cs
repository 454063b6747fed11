using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Athanor.Compute.Numerics;

namespace Athanor.Compute.Estimation;

/// <content>The iterated and the unscented filter.</content>
internal sealed partial class SquareRootCore<TMap>
{
    // Iterations end once the start of the interval moves by less than this part of its standard deviation.
    private const double Settled = 1e-8;

    /// <summary>
    /// Over the last interval: with the map linearised at η, m = F(η) + Φ (ẑ - η) is predicted and corrected to z⁺, and the start is
    /// smoothed to η' = ẑ + P Φᵀ P⁻⁻¹ (z⁺ - m); again with η'. A fixed point is the most likely pair of start and end. A step that makes
    /// the pair less likely is halved.
    /// </summary>
    private double IteratedStep(
        Span<double> belief, ReadOnlySpan<double> u, double dtS, ReadOnlySpan<int> sensors, ReadOnlySpan<double> values,
        Span<double> predicted,
        Span<double> variance, Span<double> used)
    {
        int n = _states, size = _size, packed = size * (size + 1) / 2;
        double[] before = belief.ToArray(), point = before[..size], a = new double[n * n], next = new double[n];
        double[] e = Joint.Estimated.Length > 0 ? new double[n * _parameters] : [], m = new double[2 * size * size];
        double[] expected = new double[size], factor = new double[packed], back = new double[size], shift = new double[size];
        double[] first = new double[sensors.Length], spread = new double[sensors.Length];
        double nis = 0.0, cost = double.PositiveInfinity;
        for (var iteration = 0; iteration < Math.Max(1, Joint.Settings.Iterations); iteration++)
        {
            Linearise<double, ScalarLanes<double>>(point, u, dtS, next, a, e);
            for (var i = 0; i < size; i++) shift[i] = before[i] - point[i];
            Transition(a, e, shift, expected);
            for (var i = 0; i < n; i++) expected[i] += next[i];
            for (var i = n; i < size; i++) expected[i] += point[i];
            Spread<double, ScalarLanes<double>>(before.AsSpan(size), a, e, dtS, m);
            SquareRoot<double, ScalarLanes<double>>.Triangularise(m, size, 2 * size, factor);
            expected.CopyTo(belief);
            factor.CopyTo(belief[size..]);
            // What was expected, and what is left out, is as of before: the first pass.
            var pass = Correct<double, ScalarLanes<double>>(belief, sensors, values, first, spread, used, iteration > 0);
            if (iteration == 0)
            {
                nis = pass;
                first.CopyTo(predicted);
                spread.CopyTo(variance);
            }
            for (var i = 0; i < size; i++) shift[i] = belief[i] - expected[i];
            Divide(factor, shift);
            TransitionTransposed(a, e, shift, back);
            if (iteration == 0) cost = Cost(before, point, u, dtS, sensors, values, used);
            point.CopyTo(expected, 0);
            if (!(Smooth(before, back, point) > Settled)) break;
            var halvings = 0;
            for (; halvings < 6; halvings++)
            {
                var moved = Cost(before, point, u, dtS, sensors, values, used);
                if (moved <= cost)
                {
                    cost = moved;
                    break;
                }
                for (var i = 0; i < size; i++) point[i] = 0.5 * (point[i] + expected[i]);
            }
            if (halvings == 6) break;
        }
        return nis;
    }

    /// <summary>Minus twice the logarithm of the likelihood of a start η and the values after it, but for a constant; infinite where the
    /// model cannot be solved.</summary>
    private double Cost(
        double[] before, double[] point, ReadOnlySpan<double> u, double dtS, ReadOnlySpan<int> sensors, ReadOnlySpan<double> values,
        ReadOnlySpan<double> used)
    {
        int size = _size, count = sensors.Length;
        var p = new double[_parameters];
        Joint.Parameters(point, p);
        // Without the spread of the start, what is left is the process's and the sensors' noise.
        var belief = new double[BeliefSize];
        point.CopyTo(belief, 0);
        _map.Advance(point.AsSpan(0, _states), u, p, dtS, belief);
        foreach (var value in belief)
        {
            if (!double.IsFinite(value)) return double.PositiveInfinity;
        }
        for (var i = 0; i < size; i++) belief[size + (i * (i + 1) / 2) + i] = Joint.Noise[i] * Math.Sqrt(dtS);
        double[] kept = used.ToArray(), first = new double[count], spread = new double[count];
        var cost = Correct<double, ScalarLanes<double>>(belief, sensors, values, first, spread, kept, true);
        var w = new double[size];
        for (var i = 0; i < size; i++)
        {
            var row = before.AsSpan(size + (i * (i + 1) / 2), i + 1);
            var sum = point[i] - before[i];
            for (var j = 0; j < i; j++) sum = Math.FusedMultiplyAdd(-row[j], w[j], sum);
            w[i] = row[i] > 0 ? sum / row[i] : 0.0;
            cost = Math.FusedMultiplyAdd(w[i], w[i], cost);
        }
        return double.IsNaN(cost) ? double.PositiveInfinity : cost;
    }

    /// <summary>Φ v.</summary>
    private void Transition(double[] a, double[] e, double[] v, double[] result)
    {
        for (var i = 0; i < _size; i++)
        {
            if (i >= _states)
            {
                result[i] = v[i];
                continue;
            }
            var sum = 0.0;
            for (var j = 0; j < _states; j++) sum = Math.FusedMultiplyAdd(a[(i * _states) + j], v[j], sum);
            for (var k = 0; k < Joint.Estimated.Length; k++)
                sum = Math.FusedMultiplyAdd(e[(i * _parameters) + Joint.Estimated[k]], v[_states + k], sum);
            result[i] = sum;
        }
    }

    /// <summary>Φᵀ v.</summary>
    private void TransitionTransposed(double[] a, double[] e, double[] v, double[] result)
    {
        for (var j = 0; j < _states; j++)
        {
            var sum = 0.0;
            for (var i = 0; i < _states; i++) sum = Math.FusedMultiplyAdd(a[(i * _states) + j], v[i], sum);
            result[j] = sum;
        }
        for (var j = _states; j < _size; j++)
        {
            var sum = v[j];
            if (j - _states < Joint.Estimated.Length)
            {
                var column = Joint.Estimated[j - _states];
                for (var i = 0; i < _states; i++) sum = Math.FusedMultiplyAdd(e[(i * _parameters) + column], v[i], sum);
            }
            result[j] = sum;
        }
    }

    /// <summary>P⁻¹ v from the factor of P, in place.</summary>
    private void Divide(double[] factor, double[] v)
    {
        for (var i = 0; i < _size; i++)
        {
            var at = i * (i + 1) / 2;
            if (!(factor[at + i] > 0))
            {
                throw new EstimationException(
                    $"the covariance has become singular in {Joint.Names[i]}; process noise above 0 would be right");
            }
            var sum = v[i];
            for (var j = 0; j < i; j++) sum -= factor[at + j] * v[j];
            v[i] = sum / factor[at + i];
        }
        for (var i = _size - 1; i >= 0; i--)
        {
            var sum = v[i];
            for (var j = i + 1; j < _size; j++) sum -= factor[(j * (j + 1) / 2) + i] * v[j];
            v[i] = sum / factor[(i * (i + 1) / 2) + i];
        }
    }

    /// <summary>η ← ẑ + P v.</summary>
    /// <returns>The largest move over the standard deviation.</returns>
    private double Smooth(double[] before, double[] v, double[] point)
    {
        var packed = before.AsSpan(_size);
        Span<double> projected = new double[_size];
        for (var j = 0; j < _size; j++)
        {
            for (var i = j; i < _size; i++) projected[j] = Math.FusedMultiplyAdd(packed[(i * (i + 1) / 2) + j], v[i], projected[j]);
        }
        var moved = 0.0;
        for (var i = 0; i < _size; i++)
        {
            double sum = before[i], square = 0.0;
            var row = packed.Slice(i * (i + 1) / 2, i + 1);
            for (var j = 0; j <= i; j++)
            {
                sum = Math.FusedMultiplyAdd(row[j], projected[j], sum);
                square = Math.FusedMultiplyAdd(row[j], row[j], square);
            }
            sum = Math.Clamp(sum, Joint.Low[i], Joint.High[i]);
            if (square > 0) moved = Math.Max(moved, Math.Abs(sum - point[i]) / Math.Sqrt(square));
            point[i] = sum;
        }
        return moved;
    }

    /// <summary>The points are solved eight at a time; those beyond a bound are moved onto it (Kandepu, Foss and Imsland 2008).</summary>
    [SkipLocalsInit]
    private void PredictPoints(Span<double> belief, ReadOnlySpan<double> u, double dtS)
    {
        int n = _states, size = _size, extra = Math.Max(0, 3 - size), width = (2 * size) + (extra > 0 ? 1 : 0);
        double total = size + extra, reach = Math.Sqrt(total), weight = 0.5 / total, center = extra / total;
        var factor = belief[size..];
        var columns = width + size;
        var work = new double[size * (width + columns)];
        Span<double> points = work.AsSpan(0, size * width), m = work.AsSpan(size * width);
        for (var i = 0; i < size; i++)
        {
            for (var c = 0; c < width; c++)
            {
                var column = c < size ? c : c - size;
                var entry = c == 2 * size || column > i ? 0.0 : factor[(i * (i + 1) / 2) + column];
                var value = Math.FusedMultiplyAdd(c < size ? reach : -reach, entry, belief[i]);
                points[(i * width) + c] = Math.Clamp(value, Joint.Low[i], Joint.High[i]);
            }
        }
        AdvancePoints(points, width, u, dtS);
        var root = Math.Sqrt(dtS);
        double weightRoot = Math.Sqrt(weight), centerRoot = Math.Sqrt(center);
        for (var i = 0; i < size; i++)
        {
            var row = points.Slice(i * width, width);
            var sum = 0.0;
            for (var c = 0; c < 2 * size; c++) sum += row[c];
            var mean = weight * sum;
            if (extra > 0) mean = Math.FusedMultiplyAdd(center, row[2 * size], mean);
            belief[i] = mean;
            var to = m.Slice(i * columns, columns);
            for (var c = 0; c < width; c++) to[c] = (c == 2 * size ? centerRoot : weightRoot) * (row[c] - mean);
            for (var c = 0; c < size; c++) to[width + c] = c == i ? Joint.Noise[i] * root : 0.0;
        }
        SquareRoot<double, ScalarLanes<double>>.Triangularise(m, size, columns, factor);
    }

    private void AdvancePoints(Span<double> points, int width, ReadOnlySpan<double> u, double dtS)
    {
        int n = _states;
        Vector512<double>[] x = new Vector512<double>[n], next = new Vector512<double>[n], inputs = new Vector512<double>[u.Length];
        var p = new Vector512<double>[_parameters];
        for (var i = 0; i < inputs.Length; i++) inputs[i] = Vector512.Create(u[i]);
        for (var k = 0; k < p.Length; k++) p[k] = Vector512.Create(Joint.NominalParameters[k]);
        for (var first = 0; first < width; first += Vector512<double>.Count)
        {
            var count = Math.Min(Vector512<double>.Count, width - first);
            for (var i = 0; i < n; i++) x[i] = Take(points, (i * width) + first, count);
            for (var k = 0; k < Joint.Estimated.Length; k++) p[Joint.Estimated[k]] = Take(points, ((n + k) * width) + first, count);
            _map.AdvanceLanes(x, inputs, p, Vector512.Create(dtS), next);
            for (var i = 0; i < n; i++)
            {
                for (var c = 0; c < count; c++) points[(i * width) + first + c] = next[i][c];
            }
        }

        // Lanes beyond the last point repeat it.
        static Vector512<double> Take(ReadOnlySpan<double> from, int at, int count)
        {
            var lanes = Vector512.Create(from[at + count - 1]);
            for (var c = 0; c < count; c++) lanes = lanes.WithElement(c, from[at + c]);
            return lanes;
        }
    }
}
