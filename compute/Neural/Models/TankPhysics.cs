using System.Numerics;
using Athanor.Compute.Numerics;

namespace Athanor.Compute.Neural.Models;

/// <summary>
/// Two tanks one above the other, water pumped into the upper one (M. Schoukens, P. Mattsson, T. Wigren, J.-P. Noël, Cascaded tanks
/// benchmark, 2016): Torricelli's law for the outlets, an overflow of the upper tank that partly falls into the lower one, an overflow of
/// the lower one, and a learned residual on each balance.
/// <code>
/// dx1/dt = k4 u - k1 √x1 - o1 + s g(x1) net1           o_i = κ w softplus((x_i - m_i) / w)
/// dx2/dt = k2 √x1 - k3 √x2 + φ o1 - o2 + s g(x2) net2   g(x) = x² / (x² + ¼)
/// </code>
/// An empty tank gives nothing away, so no level falls below 0 (but for the overflow's tail of 1e-22).
/// Levels as the lower tank's sensor gives them, in V. All numbers are trained, from a guess that only knows the time scale.
/// </summary>
/// <remarks>Exports write these formulas down a second time (<see cref="Exchange.Onnx.OnnxPhysics"/>); OnnxDynamicsTests holds the two
/// together.</remarks>
internal readonly struct TankPhysics<T> : IModelPhysics<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private static readonly string[] Names = ["k1", "k2", "k3", "k4", "m1", "m2", "kappa", "phi"];

    internal const double Epsilon = 0.05, Width = 0.2;

    private readonly Normaliser<T> _normaliser;
    private readonly T _valve, _pump, _full, _overflow, _residual;

    public TankPhysics(ModelSpecification model)
    {
        if (model.States.Length != 2 || model.Controls.Length != 1)
            throw new Training.TrainingException("cascaded-tanks has two states (the upper tank's level, the lower one's) and one control");
        _normaliser = new Normaliser<T>(model, [0, 1], true);
        // At rest at the mean level under the mean pump voltage, with the given time scale: x / (2 k √x) = time.
        var (level, pump) = (model.States[1].Offset, model.Controls[0].Offset);
        var valve = Math.Sqrt(level) / model.TimeScale;
        _valve = T.CreateTruncating(valve);
        _pump = T.CreateTruncating(valve * Math.Sqrt(level) / pump);
        _full = T.CreateTruncating(level + (2.5 * model.States[1].Scale));
        _overflow = T.CreateTruncating(1.0 / (0.2 * model.TimeScale));
        _residual = T.CreateTruncating(0.2 * model.States[1].Scale / model.TimeScale);
    }

    public int States => 2;

    public int Controls => 1;

    public int NetInputs => 3;

    public int NetOutputs => 2;

    public bool KeepsPositive => true;

    public IReadOnlyList<string> Constants => Names;

    public void InitializeConstants(ModelSpecification model, IReadOnlyList<ProcessRecord> training, Span<T> c) => c.Clear();

    public void Features(ReadOnlySpan<T> x, ReadOnlySpan<T> u, Span<T> z) => _normaliser.Apply(x, u, z);

    public void FeaturesVjp(ReadOnlySpan<T> x, ReadOnlySpan<T> gz, Span<T> gx) => _normaliser.Vjp(gz, gx);

    public void Field(ReadOnlySpan<T> c, ReadOnlySpan<T> x, ReadOnlySpan<T> u, ReadOnlySpan<T> n, Span<T> dx)
    {
        var upper = Elementary<T>.SoftRoot(x[0], Elementary<T>.Of(Epsilon), out _);
        var lower = Elementary<T>.SoftRoot(x[1], Elementary<T>.Of(Epsilon), out _);
        var width = Elementary<T>.Of(Width);
        var over = _overflow * Elementary<T>.Exp(c[6]) * width;
        var spill1 = over * Elementary<T>.Softplus((x[0] - (_full * Elementary<T>.Exp(c[4]))) / width, out _);
        var spill2 = over * Elementary<T>.Softplus((x[1] - (_full * Elementary<T>.Exp(c[5]))) / width, out _);
        var caught = T.One / (T.One + Elementary<T>.Exp(-c[7]));
        dx[0] = (_pump * Elementary<T>.Exp(c[3]) * u[0]) - (_valve * Elementary<T>.Exp(c[0]) * upper) - spill1
            + (_residual * Gate(x[0], out _) * n[0]);
        dx[1] = (_valve * ((Elementary<T>.Exp(c[1]) * upper) - (Elementary<T>.Exp(c[2]) * lower))) + (caught * spill1) - spill2
            + (_residual * Gate(x[1], out _) * n[1]);
    }

    public void FieldVjp(
        ReadOnlySpan<T> c, ReadOnlySpan<T> x, ReadOnlySpan<T> u, ReadOnlySpan<T> n, ReadOnlySpan<T> g, Span<T> gx, Span<T> gn, Span<T> gc)
    {
        var upper = Elementary<T>.SoftRoot(x[0], Elementary<T>.Of(Epsilon), out var upperSlope);
        var lower = Elementary<T>.SoftRoot(x[1], Elementary<T>.Of(Epsilon), out var lowerSlope);
        var width = Elementary<T>.Of(Width);
        var over = _overflow * Elementary<T>.Exp(c[6]) * width;
        T m1 = _full * Elementary<T>.Exp(c[4]), m2 = _full * Elementary<T>.Exp(c[5]);
        var spill1 = over * Elementary<T>.Softplus((x[0] - m1) / width, out var slope1);
        var spill2 = over * Elementary<T>.Softplus((x[1] - m2) / width, out var slope2);
        slope1 *= over / width;
        slope2 *= over / width;
        var caught = T.One / (T.One + Elementary<T>.Exp(-c[7]));
        T k1 = _valve * Elementary<T>.Exp(c[0]), k2 = _valve * Elementary<T>.Exp(c[1]), k3 = _valve * Elementary<T>.Exp(c[2]);
        var g1 = (caught * g[1]) - g[0]; // to the upper tank's overflow
        gx[0] = (upperSlope * ((k2 * g[1]) - (k1 * g[0]))) + (slope1 * g1);
        gx[1] = -((k3 * lowerSlope) + slope2) * g[1];
        for (var i = 0; i < 2; i++)
        {
            gn[i] = _residual * Gate(x[i], out var slope) * g[i];
            gx[i] += _residual * slope * n[i] * g[i];
        }
        gc[0] -= k1 * upper * g[0];
        gc[1] += k2 * upper * g[1];
        gc[2] -= k3 * lower * g[1];
        gc[3] += _pump * Elementary<T>.Exp(c[3]) * u[0] * g[0];
        gc[4] -= slope1 * m1 * g1;
        gc[5] += slope2 * m2 * g[1];
        gc[6] += (spill1 * g1) - (spill2 * g[1]);
        gc[7] += caught * (T.One - caught) * spill1 * g[1];
    }

    /// <summary>x² / (x² + ¼): nothing at 0, nearly all at the levels that are measured.</summary>
    private static T Gate(T x, out T slope)
    {
        var (square, quarter) = (x * x, Elementary<T>.Of(0.25));
        var below = T.One / (square + quarter);
        slope = Elementary<T>.Of(0.5) * x * below * below;
        return square * below;
    }

    public void ControlVjp(ReadOnlySpan<T> c, ReadOnlySpan<T> x, ReadOnlySpan<T> u, ReadOnlySpan<T> g, Span<T> gu) =>
        gu[0] = _pump * Elementary<T>.Exp(c[3]) * g[0];

    public void FeaturesControlVjp(ReadOnlySpan<T> gz, Span<T> gu) => _normaliser.ControlVjp(gz, gu);

    public (double C, double Slope) Inverse(double value, int index)
    {
        if (index == 7) return (DetMath.Log(value / (1.0 - value)), 1.0 / (value * (1.0 - value)));
        var guess = double.CreateTruncating(index switch
        {
            < 3 => _valve,
            3 => _pump,
            < 6 => _full,
            _ => _overflow,
        });
        return (DetMath.Log(value / guess), 1.0 / value);
    }

    public double Constant(ReadOnlySpan<T> c, int index) => double.CreateTruncating(index switch
    {
        < 3 => _valve * Elementary<T>.Exp(c[index]),
        3 => _pump * Elementary<T>.Exp(c[3]),
        < 6 => _full * Elementary<T>.Exp(c[index]),
        6 => _overflow * Elementary<T>.Exp(c[6]),
        _ => T.One / (T.One + Elementary<T>.Exp(-c[7])),
    });
}
