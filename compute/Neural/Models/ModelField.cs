using System.Numerics;

namespace Athanor.Compute.Neural.Models;

/// <summary>What the backward pass of one evaluation of a field needs.</summary>
internal sealed class FieldTape<T>(int rows, int states, int inputs, int outputs, NetTape<T> net)
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    public readonly T[] X = new T[rows * states];
    public readonly T[] Features = new T[rows * inputs];
    public readonly T[] Outputs = new T[rows * outputs];
    public readonly T[] OutputGradient = new T[rows * outputs];
    public readonly T[] FeatureGradient = new T[rows * inputs];
    public readonly NetTape<T> Net = net;
}

/// <summary>
/// dx/dt = f(c, x, u, net(z(x, u))): a net inside its physics, for rows of trajectories at once. Parameters are the net's, then c.
/// </summary>
/// <remarks>A row's result does not depend on its neighbours; the parameters' gradient is summed over rows in their order, by the net as
/// it says, by the physics one after another.</remarks>
internal sealed class ModelField<T, TPhysics>(TPhysics physics, DenseNet<T> net)
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
    where TPhysics : struct, IModelPhysics<T>
{
    public TPhysics Physics => physics;

    public DenseNet<T> Net => net;

    public int ParameterCount => net.ParameterCount + physics.Constants.Count;

    public FieldTape<T> NewTape(int rows) =>
        new(rows, physics.States, physics.NetInputs, physics.NetOutputs, net.NewTape(rows));

    /// <param name="x">[rows, states]</param>
    /// <param name="u">[rows, controls]</param>
    /// <param name="dx">[rows, states], written.</param>
    public void Evaluate(ReadOnlySpan<T> p, ReadOnlySpan<T> x, ReadOnlySpan<T> u, int rows, Span<T> dx, FieldTape<T> tape)
    {
        int states = physics.States, controls = physics.Controls, inputs = physics.NetInputs, outputs = physics.NetOutputs;
        x[..(rows * states)].CopyTo(tape.X);
        var z = tape.Features.AsSpan(0, rows * inputs);
        for (var r = 0; r < rows; r++)
            physics.Features(x.Slice(r * states, states), u.Slice(r * controls, controls), z.Slice(r * inputs, inputs));
        var n = tape.Outputs.AsSpan(0, rows * outputs);
        net.Forward(p[..net.ParameterCount], z, rows, n, tape.Net);
        var c = p[net.ParameterCount..ParameterCount];
        for (var r = 0; r < rows; r++)
        {
            physics.Field(
                c, x.Slice(r * states, states), u.Slice(r * controls, controls), n.Slice(r * outputs, outputs),
                dx.Slice(r * states, states));
        }
    }

    /// <summary>Of the evaluation that wrote <paramref name="tape"/>.</summary>
    /// <param name="g">[rows, states]</param>
    /// <param name="gx">[rows, states], written.</param>
    /// <param name="gp">[parameters], added to.</param>
    /// <param name="pull">[rows], or empty: so many times the net's outputs are added to their gradient.</param>
    public void Vjp(
        ReadOnlySpan<T> p, FieldTape<T> tape, ReadOnlySpan<T> u, int rows, ReadOnlySpan<T> g, Span<T> gx, Span<T> gp,
        ReadOnlySpan<T> pull = default)
    {
        int states = physics.States, controls = physics.Controls, inputs = physics.NetInputs, outputs = physics.NetOutputs;
        var c = p[net.ParameterCount..ParameterCount];
        var gc = gp[net.ParameterCount..ParameterCount];
        var gn = tape.OutputGradient.AsSpan(0, rows * outputs);
        for (var r = 0; r < rows; r++)
        {
            physics.FieldVjp(
                c, tape.X.AsSpan(r * states, states), u.Slice(r * controls, controls), tape.Outputs.AsSpan(r * outputs, outputs),
                g.Slice(r * states, states), gx.Slice(r * states, states), gn.Slice(r * outputs, outputs), gc);
        }
        for (var i = 0; i < gn.Length && pull.Length > 0; i++) gn[i] += pull[i / outputs] * tape.Outputs[i];
        var gz = tape.FeatureGradient.AsSpan(0, rows * inputs);
        net.Vjp(p[..net.ParameterCount], tape.Net, gn, gz, gp[..net.ParameterCount]);
        for (var r = 0; r < rows; r++)
            physics.FeaturesVjp(tape.X.AsSpan(r * states, states), gz.Slice(r * inputs, inputs), gx.Slice(r * states, states));
    }
}
