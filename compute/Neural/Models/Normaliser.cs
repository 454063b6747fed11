using System.Numerics;

namespace Athanor.Compute.Neural.Models;

/// <summary>(x - offset) / scale of chosen states and of all controls: what nets read.</summary>
internal sealed class Normaliser<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly int[] _states;
    private readonly T[] _offset, _inverse, _controlOffset, _controlInverse;

    /// <param name="states">Positions of the states that the net reads.</param>
    /// <param name="controls">Whether it reads the controls.</param>
    public Normaliser(ModelSpecification model, int[] states, bool controls)
    {
        _states = states;
        _offset = [.. states.Select(i => T.CreateTruncating(model.States[i].Offset))];
        _inverse = [.. states.Select(i => T.CreateTruncating(1.0 / model.States[i].Scale))];
        var read = controls ? model.Controls : [];
        _controlOffset = [.. read.Select(c => T.CreateTruncating(c.Offset))];
        _controlInverse = [.. read.Select(c => T.CreateTruncating(1.0 / c.Scale))];
    }

    public int Width => _states.Length + _controlOffset.Length;

    public void Apply(ReadOnlySpan<T> x, ReadOnlySpan<T> u, Span<T> z)
    {
        for (var i = 0; i < _states.Length; i++) z[i] = (x[_states[i]] - _offset[i]) * _inverse[i];
        for (var i = 0; i < _controlOffset.Length; i++) z[_states.Length + i] = (u[i] - _controlOffset[i]) * _controlInverse[i];
    }

    public void ControlVjp(ReadOnlySpan<T> gz, Span<T> gu)
    {
        for (var i = 0; i < _controlOffset.Length; i++) gu[i] += gz[_states.Length + i] * _controlInverse[i];
    }

    public void Vjp(ReadOnlySpan<T> gz, Span<T> gx)
    {
        for (var i = 0; i < _states.Length; i++) gx[_states[i]] += gz[i] * _inverse[i];
    }
}
