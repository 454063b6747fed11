using System.Numerics;
using Athanor.Compute.Numerics;

namespace Athanor.Compute.Neural.Models;

/// <summary>
/// A stable unit of unknown inside: every state returns to its mean with a time constant of its own, and a learned residual moves it,
/// dx_i/dt = (offset_i - x_i + scale_i · net_i(x, u)) / τ_i. The first states are measured, the others are lags (walls, sensors) that
/// nobody sees; the τ are trained.
/// </summary>
internal readonly struct LagPhysics<T> : IModelPhysics<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly Normaliser<T> _normaliser;
    private readonly T[] _offset, _scale, _rate;
    private readonly string[] _names;
    private readonly int _controls;

    public LagPhysics(ModelSpecification model)
    {
        _normaliser = new Normaliser<T>(model, [.. Enumerable.Range(0, model.States.Length)], true);
        _offset = [.. model.States.Select(s => T.CreateTruncating(s.Offset))];
        _scale = [.. model.States.Select(s => T.CreateTruncating(s.Scale))];
        _rate = [.. model.Lags.Select(lag => T.CreateTruncating(1.0 / lag))];
        _names = [.. model.States.Select(s => "lag-" + s.Name)];
        _controls = model.Controls.Length;
    }

    public int States => _rate.Length;

    public int Controls => _controls;

    public int NetInputs => _normaliser.Width;

    public int NetOutputs => _rate.Length;

    public bool KeepsPositive => false;

    public IReadOnlyList<string> Constants => _names;

    /// <summary>c_i = ln(1/τ_i) relative to the first guess.</summary>
    public void InitializeConstants(ModelSpecification model, IReadOnlyList<ProcessRecord> training, Span<T> c) => c.Clear();

    public void Features(ReadOnlySpan<T> x, ReadOnlySpan<T> u, Span<T> z) => _normaliser.Apply(x, u, z);

    public void FeaturesVjp(ReadOnlySpan<T> x, ReadOnlySpan<T> gz, Span<T> gx) => _normaliser.Vjp(gz, gx);

    public void Field(ReadOnlySpan<T> c, ReadOnlySpan<T> x, ReadOnlySpan<T> u, ReadOnlySpan<T> n, Span<T> dx)
    {
        for (var i = 0; i < dx.Length; i++)
            dx[i] = _rate[i] * Elementary<T>.Exp(c[i]) * (_offset[i] - x[i] + (_scale[i] * n[i]));
    }

    public void FieldVjp(
        ReadOnlySpan<T> c, ReadOnlySpan<T> x, ReadOnlySpan<T> u, ReadOnlySpan<T> n, ReadOnlySpan<T> g, Span<T> gx, Span<T> gn, Span<T> gc)
    {
        for (var i = 0; i < g.Length; i++)
        {
            var rate = _rate[i] * Elementary<T>.Exp(c[i]);
            gx[i] = -rate * g[i];
            gn[i] = rate * _scale[i] * g[i];
            gc[i] += rate * (_offset[i] - x[i] + (_scale[i] * n[i])) * g[i];
        }
    }

    public void ControlVjp(ReadOnlySpan<T> c, ReadOnlySpan<T> x, ReadOnlySpan<T> u, ReadOnlySpan<T> g, Span<T> gu) => gu.Clear();

    public void FeaturesControlVjp(ReadOnlySpan<T> gz, Span<T> gu) => _normaliser.ControlVjp(gz, gu);

    public (double C, double Slope) Inverse(double value, int index) =>
        (-DetMath.Log(value * double.CreateTruncating(_rate[index])), -1.0 / value);

    public double Constant(ReadOnlySpan<T> c, int index) =>
        1.0 / double.CreateTruncating(_rate[index] * Elementary<T>.Exp(c[index]));
}
