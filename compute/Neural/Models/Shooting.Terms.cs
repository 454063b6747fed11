using System.Numerics;

namespace Athanor.Compute.Neural.Models;

/// <summary>
/// Terms of the loss beside the data's. Along a window of S steps with states x_0 … x_S, scales σ and time scale τ:
/// <code>
/// positivity   Σ_k Σ_i min(x_k,i, 0)² / σ_i² / S                                           i over the positive states
/// smoothness   Σ_k Σ_i ((v_k,i - v_k-1,i) / h̄_k)² τ⁴ / σ_i² / (S - 1)                     v_k = (x_k+1 - x_k) / h_k
/// mass, energy Σ_k (w·f(x_k, u) - flux(x_k, u))² τ² / |w σ|² / S                           each balance w, at each step's first stage
/// collocation  Σ_k Σ_i ((y_k+1,i - y_k,i) / Δt - ½ (f_i(y_k, u_k) + f_i(y_k+1, u_k)))² τ² / σ_i² / (intervals · states)   y the data
/// </code>
/// </summary>
internal sealed partial class Shooting<T, TPhysics>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
    where TPhysics : struct, IModelPhysics<T>
{
    /// <summary>Whether there is a term that needs the roll-outs.</summary>
    private bool RollsOut => _options.Weights.Any(static term => term.Weight > 0.0 && term.Name != "collocation");

    private static (ReactorBalances Of, int Index, double Weight)[] Balances(ModelSpecification model, ShootingOptions options)
    {
        if (options.Mass == 0.0 && options.Energy == 0.0) return [];
        var all = new ReactorBalances(new ReactorLayout(model), model.Reactor!.Rises.AsSpan(), model.Reactor.Exchange);
        var zero = new double[model.Controls.Length];
        return
        [
            .. Enumerable.Range(0, all.Count).Select(index =>
            {
                var size = all.Slopes(index, zero, model.States.Length).Value
                    .Select((w, i) => w * w * model.States[i].Scale * model.States[i].Scale).Sum();
                var weight = index < all.MassCount ? options.Mass : options.Energy;
                return (all, index, weight * model.TimeScale * model.TimeScale / size);
            }).Where(static balance => balance.Item3 > 0.0),
        ];
    }

    /// <summary>The balances' terms of one step, whose stages were evaluated from <paramref name="x"/>.</summary>
    private double Broken(ReadOnlySpan<T> x, int active, ShootingScratch<T> s)
    {
        if (_balances.Length == 0) return 0.0;
        var sum = 0.0;
        for (var r = 0; r < active; r++)
        {
            foreach (var (of, index, weight) in _balances)
            {
                var missed = Missed(of, index, x.Slice(r * _states, _states), r, s, out _);
                sum += weight / s.Steps[r] * missed * missed;
            }
        }
        return sum;
    }

    /// <summary>Adds their slopes to the first stage's G and to the sum before the step.</summary>
    private void BrokenSlope(int active, ShootingScratch<T> s)
    {
        for (var r = 0; r < active; r++)
        {
            foreach (var (of, index, weight) in _balances)
            {
                var missed = Missed(of, index, s.Tapes[0].X.AsSpan(r * _states, _states), r, s, out var slopes);
                var slope = 2.0 * weight / s.Steps[r] * missed;
                for (var i = 0; i < _states; i++)
                {
                    s.G[(r * _states) + i] += T.CreateTruncating(slope * slopes.Value[i]);
                    s.Sum[(r * _states) + i] -= T.CreateTruncating(slope * slopes.Flux[i]);
                }
            }
        }
    }

    /// <summary>What the field's change of a balance misses the flows' by.</summary>
    private double Missed(
        ReactorBalances of, int index, ReadOnlySpan<T> x, int row, ShootingScratch<T> s, out (double[] Value, double[] Flux) slopes)
    {
        double[] state = new double[_states], u = new double[_controls];
        for (var i = 0; i < _states; i++) state[i] = double.CreateTruncating(x[i]);
        for (var i = 0; i < _controls; i++) u[i] = double.CreateTruncating(s.U[(row * _controls) + i]);
        slopes = of.Slopes(index, u, _states);
        var k = FirstSlope(s, _tableau).AsSpan(row * _states, _states);
        var missed = -of.Flux(index, state, u);
        for (var i = 0; i < _states; i++) missed += slopes.Value[i] * double.CreateTruncating(k[i]);
        return missed;
    }

    /// <summary>The terms of the states that become known with a step: of the state after it, and of the bend before it.</summary>
    private double Along(int row, int step, ShootingScratch<T> s)
    {
        var sum = 0.0;
        if (_options.Positivity > 0.0)
        {
            foreach (var i in _positive)
            {
                var below = Math.Min(At(s, row, step + 1, i), 0.0) / Scale(i);
                sum += _options.Positivity / s.Steps[row] * below * below;
            }
        }
        if (_options.Smoothness == 0.0 || step == 0) return sum;
        for (var i = 0; i < _states; i++)
        {
            var bend = Bend(s, row, step, i, out _, out _, out _);
            sum += _options.Smoothness / (s.Steps[row] - 1) * bend * bend;
        }
        return sum;
    }

    /// <summary>Adds the slope of all these terms by state number <paramref name="at"/>.</summary>
    private void AlongSlope(int row, int at, ShootingScratch<T> s, Span<T> g)
    {
        if (_options.Positivity > 0.0 && at > 0)
        {
            foreach (var i in _positive)
            {
                var below = Math.Min(At(s, row, at, i), 0.0) / (Scale(i) * Scale(i));
                g[i] += T.CreateTruncating(2.0 * _options.Positivity / s.Steps[row] * below);
            }
        }
        if (_options.Smoothness == 0.0 || s.Steps[row] < 2) return;
        for (var i = 0; i < _states; i++)
        {
            var sum = 0.0;
            // The bend at k knows the states k - 1, k and k + 1.
            for (var k = Math.Max(1, at - 1); k <= Math.Min(s.Steps[row] - 1, at + 1); k++)
            {
                var bend = Bend(s, row, k, i, out var before, out var middle, out var after);
                sum += bend * (k == at ? middle : k < at ? after : before);
            }
            g[i] += T.CreateTruncating(2.0 * _options.Smoothness / (s.Steps[row] - 1) * sum);
        }
    }

    /// <summary>(v_k - v_k-1) / h̄ in scales over squared time scales, and its slopes by the three states.</summary>
    private double Bend(ShootingScratch<T> s, int row, int k, int i, out double before, out double middle, out double after)
    {
        var (h0, h1) = (_plan.Step(s.Windows[row], k - 1).Length, _plan.Step(s.Windows[row], k).Length);
        var unit = _timeScale * _timeScale / Scale(i) / (0.5 * (h0 + h1));
        (before, after) = (unit / h0, unit / h1);
        middle = -(before + after);
        return (before * At(s, row, k - 1, i)) + (middle * At(s, row, k, i)) + (after * At(s, row, k + 1, i));
    }

    private double At(ShootingScratch<T> s, int row, int step, int i) =>
        double.CreateTruncating(s.States[(step * s.Rows * _states) + (row * _states) + i]);

    private double Scale(int i) => double.CreateTruncating(_scale[i]);

    /// <summary>The collocation's term of some windows, 16 intervals at once in the order of windows and intervals.</summary>
    private double Collocate(ReadOnlySpan<T> p, ReadOnlySpan<int> samples, Span<T> gradient, ShootingScratch<T> s)
    {
        var sum = 0.0;
        var pairs = 0;
        foreach (var sample in samples)
        {
            var window = _plan.Windows[sample];
            for (var k = window.First; k < window.First + window.Intervals; k++)
            {
                s.Intervals[pairs++] = (window.Record, k, window.Intervals);
                if (2 * pairs < s.Rows) continue;
                sum += Collocate(p, pairs, gradient, s);
                pairs = 0;
            }
        }
        return pairs > 0 ? sum + Collocate(p, pairs, gradient, s) : sum;
    }

    private double Collocate(ReadOnlySpan<T> p, int pairs, Span<T> gradient, ShootingScratch<T> s)
    {
        var x = s.Stage.AsSpan(0, 2 * pairs * _states);
        for (var pair = 0; pair < pairs; pair++)
        {
            var (record, k, _) = s.Intervals[pair];
            for (var end = 0; end < 2; end++)
            {
                for (var i = 0; i < _states; i++) x[(((2 * pair) + end) * _states) + i] = Measured(record, k + end, i);
                _inputs[record].AsSpan(k * _controls, _controls).CopyTo(s.U.AsSpan(((2 * pair) + end) * _controls));
            }
        }
        _field.Evaluate(p, x, s.U, 2 * pairs, s.K1, s.Tapes[0]);
        var sum = 0.0;
        for (var pair = 0; pair < pairs; pair++)
        {
            var (record, k, intervals) = s.Intervals[pair];
            var times = _plan.Records[record].Times;
            for (var i = 0; i < _states; i++)
            {
                int first = (2 * pair * _states) + i, second = first + _states;
                var change = double.CreateTruncating(x[second] - x[first]) / (times[k + 1] - times[k]);
                var missed = (0.5 * double.CreateTruncating(s.K1[first] + s.K1[second])) - change;
                var weight = _options.Collocation * _timeScale * _timeScale / (Scale(i) * Scale(i) * intervals * _states);
                sum += weight * missed * missed;
                s.G[first] = s.G[second] = T.CreateTruncating(weight * missed);
            }
        }
        var count = 2 * pairs * _states;
        _field.Vjp(p, s.Tapes[0], s.U, 2 * pairs, s.G.AsSpan(0, count), s.Gx.AsSpan(0, count), gradient[.._field.ParameterCount]);
        return sum;
    }
}
