using System.Numerics;

namespace Athanor.Compute.Neural.Models;

/// <summary>One step of the method and its transpose. The classical method is written out; any other follows its tableau.</summary>
internal sealed partial class Shooting<T, TPhysics>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
    where TPhysics : struct, IModelPhysics<T>
{
    private int StageCount => _tableau?.Stages ?? 4;

    private static T[] FirstSlope(ShootingScratch<T> s, Tableau? tableau) => tableau is null ? s.K1 : s.K[0];

    private void Stages(ReadOnlySpan<T> p, ReadOnlySpan<T> x, int active, ShootingScratch<T> s)
    {
        var half = T.CreateTruncating(0.5);
        var count = active * _states;
        var stage = s.Stage.AsSpan(0, count);
        if (_tableau is not null)
        {
            for (var k = 0; k < _tableau.Stages; k++)
            {
                Combine(_tableau.A[k], x, stage, active, s);
                _field.Evaluate(p, stage, s.U, active, s.K[k], s.Tapes[k]);
            }
            return;
        }
        _field.Evaluate(p, x, s.U, active, s.K1, s.Tapes[0]);
        for (var i = 0; i < count; i++) stage[i] = x[i] + (half * s.H[i / _states] * s.K1[i]);
        _field.Evaluate(p, stage, s.U, active, s.K2, s.Tapes[1]);
        for (var i = 0; i < count; i++) stage[i] = x[i] + (half * s.H[i / _states] * s.K2[i]);
        _field.Evaluate(p, stage, s.U, active, s.K3, s.Tapes[2]);
        for (var i = 0; i < count; i++) stage[i] = x[i] + (s.H[i / _states] * s.K3[i]);
        _field.Evaluate(p, stage, s.U, active, s.K4, s.Tapes[3]);
    }

    /// <summary>Writes the states after the step whose stages were evaluated.</summary>
    private void Advance(ReadOnlySpan<T> x, Span<T> next, int active, ShootingScratch<T> s)
    {
        if (_tableau is not null)
        {
            Combine(_tableau.B, x, next, active, s);
            return;
        }
        T third = T.CreateTruncating(1.0 / 3.0), sixth = T.CreateTruncating(1.0 / 6.0);
        for (var r = 0; r < active; r++)
        {
            T h6 = s.H[r] * sixth, h3 = s.H[r] * third;
            for (var i = r * _states; i < (r + 1) * _states; i++)
                next[i] = x[i] + (h6 * (s.K1[i] + s.K4[i])) + (h3 * (s.K2[i] + s.K3[i]));
        }
    }

    /// <summary>x + h Σ weight_j k_j.</summary>
    private void Combine(double[] weights, ReadOnlySpan<T> x, Span<T> to, int active, ShootingScratch<T> s)
    {
        x.CopyTo(to);
        for (var j = 0; j < weights.Length; j++)
        {
            var weight = T.CreateTruncating(weights[j]);
            var k = s.K[j];
            for (var i = 0; i < active * _states; i++) to[i] += weight * s.H[i / _states] * k[i];
        }
    }

    /// <summary>The transposed step: from the adjoint after it to the sum that becomes the one before it.</summary>
    private void PullBack(ReadOnlySpan<T> p, int active, Span<T> gp, ShootingScratch<T> s)
    {
        var (count, g) = (active * _states, s.Adjoint);
        T half = T.CreateTruncating(0.5), third = T.CreateTruncating(1.0 / 3.0), sixth = T.CreateTruncating(1.0 / 6.0);
        if (_tableau is not null)
        {
            for (var k = _tableau.Stages - 1; k >= 0; k--)
            {
                var share = T.CreateTruncating(_tableau.B[k]);
                for (var i = 0; i < count; i++) s.G[i] = share * g[i];
                for (var j = k + 1; j < _tableau.Stages; j++)
                {
                    var weight = T.CreateTruncating(_tableau.A[j][k]);
                    for (var i = 0; i < count; i++) s.G[i] += weight * s.Back[j][i];
                }
                for (var i = 0; i < count; i++) s.G[i] *= s.H[i / _states];
                Pull(p, k, active, gp, s);
                s.Gx.AsSpan(0, count).CopyTo(s.Back[k]);
            }
            return;
        }
        // x' = x + h (k1 + 2 k2 + 2 k3 + k4) / 6, transposed.
        for (var i = 0; i < count; i++) s.G[i] = s.H[i / _states] * sixth * g[i];
        Pull(p, 3, active, gp, s);
        for (var i = 0; i < count; i++) s.G[i] = s.H[i / _states] * ((third * g[i]) + s.Gx[i]);
        Pull(p, 2, active, gp, s);
        for (var i = 0; i < count; i++) s.G[i] = s.H[i / _states] * ((third * g[i]) + (half * s.Gx[i]));
        Pull(p, 1, active, gp, s);
        for (var i = 0; i < count; i++) s.G[i] = s.H[i / _states] * ((sixth * g[i]) + (half * s.Gx[i]));
        Pull(p, 0, active, gp, s);
    }

    /// <summary>Gx = Jᵀ G of a stage, added to the sum that becomes the adjoint before the step.</summary>
    private void Pull(ReadOnlySpan<T> p, int stage, int active, Span<T> gp, ShootingScratch<T> s)
    {
        var count = active * _states;
        // What is to be spared, and what the balances ask for, is counted at the first stage alone.
        var pull = stage == 0 && _residual > 0.0 ? s.Pull : [];
        if (stage == 0) BrokenSlope(active, s);
        _field.Vjp(p, s.Tapes[stage], s.U, active, s.G.AsSpan(0, count), s.Gx.AsSpan(0, count), gp, pull);
        for (var i = 0; i < count; i++) s.Sum[i] += s.Gx[i];
    }
}
