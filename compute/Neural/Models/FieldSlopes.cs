using System.Numerics;

namespace Athanor.Compute.Neural.Models;

/// <summary>The right-hand side of a trained model with its exact derivatives by states, controls and the numbers of the physics, one row
/// at a time. Has scratch memory of its own: one per thread.</summary>
internal abstract class FieldSlopes<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>Whether the field never points out of the positive orthant of the positive states.</summary>
    public abstract bool KeepsPositive { get; }

    /// <summary>Names of the numbers of the physics.</summary>
    public abstract IReadOnlyList<string> Constants { get; }

    /// <summary>See <see cref="IModelPhysics{T}.Inverse"/>.</summary>
    public abstract (double C, double Slope) Inverse(double value, int index);

    /// <summary>Writes f(c, x, u).</summary>
    public abstract void Rhs(ReadOnlySpan<T> c, ReadOnlySpan<T> x, ReadOnlySpan<T> u, Span<T> dx);

    /// <summary>Writes f to the bits of <see cref="Rhs"/>, and its derivatives.</summary>
    /// <param name="jx">df/dx, [states, states] row-major.</param>
    /// <param name="ju">df/du, [controls, states]: one row a control.</param>
    /// <param name="jc">df/dc, [constants, states]: one row a constant.</param>
    public abstract void Jacobian(ReadOnlySpan<T> c, ReadOnlySpan<T> x, ReadOnlySpan<T> u, Span<T> dx, Span<T> jx, Span<T> ju, Span<T> jc);
}

internal sealed class FieldSlopes<T, TPhysics> : FieldSlopes<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
    where TPhysics : struct, IModelPhysics<T>
{
    private readonly TPhysics _physics;
    private readonly DenseNet<T> _net;
    private readonly T[] _weights, _z, _n, _rows, _directions, _outputs, _jacobian, _g, _gx, _gu, _gn, _gz, _gc;
    private readonly NetTape<T> _tape;

    public FieldSlopes(TPhysics physics, DenseNet<T> net, ReadOnlySpan<T> weights)
    {
        (_physics, _net, _weights) = (physics, net, weights.ToArray());
        int inputs = net.Inputs, outputs = net.Outputs;
        _tape = net.NewTape(inputs);
        (_z, _n, _gz, _gn) = (new T[inputs], new T[outputs], new T[inputs], new T[outputs]);
        (_rows, _directions) = (new T[inputs * inputs], new T[inputs * inputs]);
        for (var i = 0; i < inputs; i++) _directions[(i * inputs) + i] = T.One;
        (_outputs, _jacobian) = (new T[inputs * outputs], new T[inputs * outputs]);
        (_g, _gx) = (new T[physics.States], new T[physics.States]);
        (_gu, _gc) = (new T[physics.Controls], new T[physics.Constants.Count]);
    }

    public override bool KeepsPositive => _physics.KeepsPositive;

    public override IReadOnlyList<string> Constants => _physics.Constants;

    public override (double C, double Slope) Inverse(double value, int index) => _physics.Inverse(value, index);

    public override void Rhs(ReadOnlySpan<T> c, ReadOnlySpan<T> x, ReadOnlySpan<T> u, Span<T> dx)
    {
        _physics.Features(x, u, _z);
        _net.Forward(_weights, _z, 1, _n, _tape);
        _physics.Field(c, x, u, _n, dx);
    }

    public override void Jacobian(ReadOnlySpan<T> c, ReadOnlySpan<T> x, ReadOnlySpan<T> u, Span<T> dx, Span<T> jx, Span<T> ju, Span<T> jc)
    {
        Rhs(c, x, u, dx);
        int states = dx.Length, inputs = _z.Length, outputs = _n.Length;
        // One row a direction: [inputs, outputs].
        for (var row = 0; row < inputs; row++) _z.CopyTo(_rows, row * inputs);
        _net.Jvp(_weights, _rows, _directions, inputs, _outputs, _jacobian, _tape);
        for (var i = 0; i < states; i++)
        {
            Array.Clear(_g);
            Array.Clear(_gc);
            _g[i] = T.One;
            _physics.FieldVjp(c, x, u, _n, _g, _gx, _gn, _gc);
            for (var z = 0; z < inputs; z++)
            {
                var sum = T.Zero;
                for (var o = 0; o < outputs; o++) sum += _gn[o] * _jacobian[(z * outputs) + o];
                _gz[z] = sum;
            }
            _physics.FeaturesVjp(x, _gz, _gx);
            _gx.CopyTo(jx[(i * states)..]);
            if (ju.Length > 0)
            {
                _physics.ControlVjp(c, x, u, _g, _gu);
                _physics.FeaturesControlVjp(_gz, _gu);
            }
            for (var j = 0; j * states < ju.Length; j++) ju[(j * states) + i] = _gu[j];
            for (var k = 0; k * states < jc.Length; k++) jc[(k * states) + i] = _gc[k];
        }
    }
}
