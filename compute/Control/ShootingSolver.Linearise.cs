using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Athanor.Compute.Control;

internal sealed partial class ShootingSolver<TMap>
{
    /// <summary>Derivatives, ends and defects of all intervals of the plan.</summary>
    private void Linearise()
    {
        int n = _problem.States, all = _problem.AllInputs, stages = _problem.Stages, size = n * (n + all);
        if (_map.HasLanes)
        {
            Load(_p, _problem.Parameters);
            for (var first = 0; first < stages; first += Lanes)
            {
                var dt = LoadIntervals(X, U, first);
                _map.LineariseLanes(_x, _u, _p, dt, _next, _a, _b, default);
                ReadOnlySpan<double> next = MemoryMarshal.Cast<Vector512<double>, double>(_next);
                ReadOnlySpan<double> a = MemoryMarshal.Cast<Vector512<double>, double>(_a);
                ReadOnlySpan<double> b = MemoryMarshal.Cast<Vector512<double>, double>(_b);
                for (int k = first, lane = 0; k < stages && lane < Lanes; k++, lane++)
                {
                    var j = _jacobians.AsSpan(k * size, size);
                    for (var i = 0; i < n; i++) _ends[(k * n) + i] = next[(i * Lanes) + lane];
                    for (var i = 0; i < n * n; i++) j[i] = a[(i * Lanes) + lane];
                    for (var i = 0; i < n * all; i++) j[(n * n) + i] = b[(i * Lanes) + lane];
                }
            }
        }
        else
        {
            Span<double> inputs = stackalloc double[all];
            for (var k = 0; k < stages; k++)
            {
                InputsOf(U, k, inputs);
                _map.Linearise(
                    X.AsSpan(k * n, n), inputs, _problem.Parameters, _problem.IntervalS[k], _ends.AsSpan(k * n, n),
                    _jacobians.AsSpan(k * size, n * n), _jacobians.AsSpan((k * size) + (n * n), n * all), default);
            }
        }
        for (var k = 0; k < stages; k++)
        {
            for (var i = 0; i < n; i++)
            {
                ref var end = ref _ends[(k * n) + i];
                end += _problem.Disturbance[i];
                _defects[(k * n) + i] = (end - X[((k + 1) * n) + i]) / _problem.StateScale[i];
            }
        }
    }

    /// <summary>The quadratic program about the linearised plan, in scaled variables; the plan is its guess.</summary>
    private void WriteQp()
    {
        int n = _problem.States, m = _problem.Inputs, all = _problem.AllInputs, size = n * (n + all);
        double[] sx = _problem.StateScale, su = _problem.InputScale, ox = _problem.StateOrigin, ou = _problem.InputOrigin;
        for (var k = 0; k <= _problem.Stages; k++)
        {
            var point = Qp.Point(k);
            for (var i = 0; i < n; i++) point[m + i] = (X[(k * n) + i] - ox[i]) / sx[i];
            for (var i = 0; i < m && k < _problem.Stages; i++) point[i] = (U[(k * m) + i] - ou[i]) / su[i];
            for (var i = 0; i < m && _problem.HasMoves; i++)
                point[m + n + i] = k > 0 ? Qp.Point(k - 1)[i] : (_problem.Held[_problem.Moved[i]] - ou[i]) / su[i];
        }
        for (var k = 0; k < _problem.Stages; k++)
        {
            ReadOnlySpan<double> a = _jacobians.AsSpan(k * size, n * n), b = _jacobians.AsSpan((k * size) + (n * n), n * all);
            var point = Qp.Point(k);
            var offset = Qp.Offset(k);
            for (var i = 0; i < n; i++)
            {
                var row = Qp.Dynamics(k, i);
                var inverse = 1.0 / sx[i];
                var rest = (_ends[(k * n) + i] - ox[i]) * inverse;
                for (var j = 0; j < m; j++)
                {
                    row[j] = b[(i * all) + _problem.Moved[j]] * su[j] * inverse;
                    rest = Math.FusedMultiplyAdd(-row[j], point[j], rest);
                }
                for (var j = 0; j < n; j++)
                {
                    row[m + j] = a[(i * n) + j] * sx[j] * inverse;
                    rest = Math.FusedMultiplyAdd(-row[m + j], point[m + j], rest);
                }
                offset[i] = rest;
            }
        }
        Qp.DynamicsWritten();
        _problem.WriteBounds(Qp);
        if (_economic is null) return;
        WriteEconomic(_economic);
    }

    /// <summary>Inputs of the model over interval k.</summary>
    private void InputsOf(ReadOnlySpan<double> u, int k, Span<double> inputs)
    {
        _problem.Held.CopyTo(inputs);
        for (var i = 0; i < _problem.Inputs; i++) inputs[_problem.Moved[i]] = u[(k * _problem.Inputs) + i];
    }

    private Vector512<double> LoadIntervals(double[] x, double[] u, int first)
    {
        int n = _problem.States, m = _problem.Inputs, last = _problem.Stages - 1;
        var xs = MemoryMarshal.Cast<Vector512<double>, double>(_x.AsSpan());
        var us = MemoryMarshal.Cast<Vector512<double>, double>(_u.AsSpan());
        Span<double> dt = stackalloc double[Lanes];
        Load(_u, _problem.Held);
        for (var lane = 0; lane < Lanes; lane++)
        {
            // Lanes past the end repeat the last interval.
            var k = Math.Min(first + lane, last);
            for (var i = 0; i < n; i++) xs[(i * Lanes) + lane] = x[(k * n) + i];
            for (var i = 0; i < m; i++) us[(_problem.Moved[i] * Lanes) + lane] = u[(k * m) + i];
            dt[lane] = _problem.IntervalS[k];
        }
        return Vector512.Create<double>(dt);
    }

    private static void Load(Vector512<double>[] to, double[] from)
    {
        for (var i = 0; i < from.Length; i++) to[i] = Vector512.Create(from[i]);
    }
}
