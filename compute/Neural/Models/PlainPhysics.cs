using System.Numerics;

namespace Athanor.Compute.Neural.Models;

/// <summary>No physics: dx/dt = scale / timeScale · net(states, controls) (R. Chen, Y. Rubanova, J. Bettencourt, D. Duvenaud, NeurIPS 2018;
/// with states that nobody measures: E. Dupont, A. Doucet, Y. Teh, NeurIPS 2019).</summary>
internal readonly struct PlainPhysics<T> : IModelPhysics<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly Normaliser<T> _normaliser;
    private readonly T[] _rate;
    private readonly int _controls;

    public PlainPhysics(ModelSpecification model)
    {
        _normaliser = new Normaliser<T>(model, [.. Enumerable.Range(0, model.States.Length)], true);
        _rate = [.. model.States.Select(s => T.CreateTruncating(s.Scale / model.TimeScale))];
        _controls = model.Controls.Length;
    }

    public int States => _rate.Length;

    public int Controls => _controls;

    public int NetInputs => _normaliser.Width;

    public int NetOutputs => _rate.Length;

    public bool KeepsPositive => false;

    public IReadOnlyList<string> Constants => [];

    public void InitializeConstants(ModelSpecification model, IReadOnlyList<ProcessRecord> training, Span<T> c)
    {
    }

    public void Features(ReadOnlySpan<T> x, ReadOnlySpan<T> u, Span<T> z) => _normaliser.Apply(x, u, z);

    public void FeaturesVjp(ReadOnlySpan<T> x, ReadOnlySpan<T> gz, Span<T> gx) => _normaliser.Vjp(gz, gx);

    public void Field(ReadOnlySpan<T> c, ReadOnlySpan<T> x, ReadOnlySpan<T> u, ReadOnlySpan<T> n, Span<T> dx)
    {
        for (var i = 0; i < dx.Length; i++) dx[i] = _rate[i] * n[i];
    }

    public void FieldVjp(
        ReadOnlySpan<T> c, ReadOnlySpan<T> x, ReadOnlySpan<T> u, ReadOnlySpan<T> n, ReadOnlySpan<T> g, Span<T> gx, Span<T> gn, Span<T> gc)
    {
        gx.Clear();
        for (var i = 0; i < g.Length; i++) gn[i] = _rate[i] * g[i];
    }

    public void ControlVjp(ReadOnlySpan<T> c, ReadOnlySpan<T> x, ReadOnlySpan<T> u, ReadOnlySpan<T> g, Span<T> gu) => gu.Clear();

    public void FeaturesControlVjp(ReadOnlySpan<T> gz, Span<T> gu) => _normaliser.ControlVjp(gz, gu);

    public (double C, double Slope) Inverse(double value, int index) => throw new ArgumentOutOfRangeException(nameof(index));

    public double Constant(ReadOnlySpan<T> c, int index) => throw new ArgumentOutOfRangeException(nameof(index));
}
