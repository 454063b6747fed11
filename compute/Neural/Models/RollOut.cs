using System.Numerics;

namespace Athanor.Compute.Neural.Models;

/// <summary>A right-hand side of one row.</summary>
internal delegate void Slope<T>(ReadOnlySpan<T> x, ReadOnlySpan<T> u, Span<T> dx);

/// <summary>
/// A free run by a Runge-Kutta method of fixed steps that watches itself: every stage and step is looked at for negative concentrations and
/// for drift of the balances. With the guard on, a step with a negative stage is taken in two halves (down to 2^-16 of its length), which
/// for a field that does not point out of the positive orthant ends after a few.
/// </summary>
internal sealed class RollOut<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private const int MostHalvings = 16;

    private readonly Slope<T> _slope;
    private readonly double[] _scale;
    private readonly bool[] _positive;
    private readonly bool _guard;
    private readonly Tableau? _tableau;
    private readonly double[] _shares;
    private readonly ReactorBalances? _balances;
    private readonly T[][] _k, _x;
    private readonly T[] _next, _u;
    private readonly double[] _wide, _controls, _expected, _moved, _size;
    private long _looked, _negative, _refused;
    private double _lowest = double.PositiveInfinity;

    public RollOut(
        Slope<T> slope, double[] scale, bool[] positive, bool guard, ReactorBalances? balances, int controls,
        FixedStepMethod method = FixedStepMethod.Rk4)
    {
        (_slope, _scale, _positive, _guard, _balances) = (slope, scale, positive, guard, balances);
        var n = scale.Length;
        // The classical method is written out.
        _tableau = method == FixedStepMethod.Rk4 ? null : Tableau.Of(method);
        _shares = _tableau?.B ?? [1.0 / 6.0, 1.0 / 3.0, 1.0 / 3.0, 1.0 / 6.0];
        _k = [.. _shares.Select(_ => new T[n])];
        _x = [.. _shares.Select(_ => new T[n])];
        _next = new T[n];
        _u = new T[controls];
        _controls = new double[controls];
        _wide = new double[n];
        _expected = new double[balances?.Count ?? 0];
        _moved = new double[_expected.Length];
        _size = new double[_expected.Length];
    }

    public Prediction Run(ReadOnlySpan<double> start, ProcessRecord record, int[] substeps)
    {
        var n = _scale.Length;
        var values = new double[record.Rows * n];
        values.AsSpan().Fill(double.NaN);
        start.CopyTo(values);
        var x = new T[n];
        for (var i = 0; i < n; i++) x[i] = T.CreateTruncating(start[i]);
        double massDrift = double.NaN, energyDrift = double.NaN;
        for (var b = 0; b < _expected.Length; b++)
        {
            _expected[b] = _balances!.Value(b, start);
            _size[b] = Math.Abs(_expected[b]);
            if (b < _balances.MassCount) massDrift = 0.0;
            else energyDrift = 0.0;
        }
        for (var k = 0; k + 1 < record.Rows; k++)
        {
            var controls = _controls.Length;
            record.Controls.AsSpan(k * controls, controls).CopyTo(_controls);
            for (var i = 0; i < controls; i++) _u[i] = T.CreateTruncating(_controls[i]);
            var h = (record.Times[k + 1] - record.Times[k]) / substeps[k];
            for (var step = 0; step < substeps[k]; step++)
            {
                Step(x, h, _guard && Inside(x) ? MostHalvings : 0);
                for (var b = 0; b < _expected.Length; b++)
                {
                    Widen(x);
                    var value = _balances!.Value(b, _wide);
                    _size[b] = Math.Max(_size[b], Math.Max(Math.Abs(value), 1e-300));
                    var drift = Math.Abs(value - _expected[b]) / _size[b];
                    if (b < _balances.MassCount) massDrift = Math.Max(massDrift, drift);
                    else energyDrift = Math.Max(energyDrift, drift);
                }
            }
            if (!Finite(x)) break;
            for (var i = 0; i < n; i++) values[((k + 1) * n) + i] = double.CreateTruncating(x[i]);
        }
        return new Prediction(values, n, new Violations(_looked, _negative, _lowest, massDrift, energyDrift, _refused));
    }

    private void Step(T[] x, double length, int halvings)
    {
        if (!Finite(x)) return;
        if (_tableau is null) Classical(x, length);
        else Stages(_tableau, x, length);
        if (halvings > 0 && !(StagesInside() && Inside(_next)))
        {
            _refused++;
            Step(x, 0.5 * length, halvings - 1);
            Step(x, 0.5 * length, halvings - 1);
            return;
        }
        for (var stage = 1; stage < _x.Length; stage++) Look(_x[stage]);
        Look(_next);
        for (var b = 0; b < _expected.Length; b++)
        {
            _moved[b] = 0.0;
            for (var stage = 0; stage < _x.Length; stage++)
            {
                Widen(_x[stage]);
                _moved[b] += _shares[stage] * _balances!.Flux(b, _wide, _controls);
            }
            _expected[b] += length * _moved[b];
        }
        _next.CopyTo(x, 0);
    }

    private void Classical(T[] x, double length)
    {
        var h = T.CreateTruncating(length);
        var half = T.CreateTruncating(0.5) * h;
        var n = x.Length;
        x.CopyTo(_x[0], 0);
        _slope(_x[0], _u, _k[0]);
        for (var i = 0; i < n; i++) _x[1][i] = x[i] + (half * _k[0][i]);
        _slope(_x[1], _u, _k[1]);
        for (var i = 0; i < n; i++) _x[2][i] = x[i] + (half * _k[1][i]);
        _slope(_x[2], _u, _k[2]);
        for (var i = 0; i < n; i++) _x[3][i] = x[i] + (h * _k[2][i]);
        _slope(_x[3], _u, _k[3]);
        T sixth = h * T.CreateTruncating(1.0 / 6.0), third = h * T.CreateTruncating(1.0 / 3.0);
        for (var i = 0; i < n; i++) _next[i] = x[i] + (sixth * (_k[0][i] + _k[3][i])) + (third * (_k[1][i] + _k[2][i]));
    }

    private void Stages(Tableau tableau, T[] x, double length)
    {
        for (var stage = 0; stage < tableau.Stages; stage++)
        {
            Combine(x, tableau.A[stage], length, _x[stage]);
            _slope(_x[stage], _u, _k[stage]);
        }
        Combine(x, tableau.B, length, _next);
    }

    /// <summary>x + h Σ weight_j k_j, over as many stages as there are weights.</summary>
    private void Combine(T[] x, double[] weights, double length, T[] to)
    {
        x.CopyTo(to, 0);
        for (var j = 0; j < weights.Length; j++)
        {
            var share = T.CreateTruncating(length * weights[j]);
            for (var i = 0; i < x.Length; i++) to[i] += share * _k[j][i];
        }
    }

    private void Widen(T[] x)
    {
        for (var i = 0; i < x.Length; i++) _wide[i] = double.CreateTruncating(x[i]);
    }

    private bool StagesInside()
    {
        for (var stage = 1; stage < _x.Length; stage++)
        {
            if (!Inside(_x[stage])) return false;
        }
        return true;
    }

    private bool Inside(T[] x)
    {
        for (var i = 0; i < x.Length; i++)
        {
            // Not finite counts as outside too: an unstable step is too long.
            if ((_positive[i] && !(x[i] >= T.Zero)) || !T.IsFinite(x[i])) return false;
        }
        return true;
    }

    private void Look(T[] x)
    {
        _looked++;
        var negative = false;
        for (var i = 0; i < x.Length; i++)
        {
            if (!_positive[i]) continue;
            negative |= x[i] < T.Zero;
            _lowest = Math.Min(_lowest, double.CreateTruncating(x[i]) / _scale[i]);
        }
        if (negative) _negative++;
    }

    private static bool Finite(T[] x)
    {
        foreach (var value in x)
        {
            if (!T.IsFinite(value)) return false;
        }
        return true;
    }
}
