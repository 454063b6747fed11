using System.Numerics;
using System.Runtime.InteropServices;
using Athanor.Compute.Neural;
using Athanor.Compute.Numerics;

namespace Athanor.Compute.Tests.Neural;

/// <summary>What networks and fields give, for comparison between processes with other instruction sets.</summary>
internal static class NeuralSamples
{
    public static IEnumerable<(string Name, byte[] Bytes)> All()
    {
        foreach (var activation in Enum.GetValues<Activation>())
        {
            yield return ($"float {activation}", Net(new DenseNet<float>([3, 37, 18, 5], activation)));
            yield return ($"double {activation}", Net(new DenseNet<double>([3, 37, 18, 5], activation)));
        }
        foreach (var method in Enum.GetValues<FixedStepMethod>())
        {
            var memory = method == FixedStepMethod.Rk4 ? StageMemory.Stored : StageMemory.Checkpointed;
            var single = new DenseNet<float>([5, 22, 17, 3], Activation.Tanh);
            yield return ($"float {method}", Field(new NeuralField<float>(single, method, memory), team: null));
            var wide = new DenseNet<double>([5, 22, 17, 3], Activation.Silu);
            yield return ($"double {method}", Field(new NeuralField<double>(wide, method, memory), team: null));
        }
    }

    /// <summary>Outputs, three derivatives, a packed row.</summary>
    public static byte[] Net<T>(DenseNet<T> net)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        const int rows = 43;
        var random = new Philox(77);
        T[] p = Draw<T>(net.ParameterCount, 0.4, ref random), x = Draw<T>(rows * net.Inputs, 2, ref random);
        T[] dx = Draw<T>(x.Length, 1, ref random), gy = Draw<T>(rows * net.Outputs, 1, ref random);
        T[] y = new T[gy.Length], gx = new T[x.Length], gp = new T[p.Length], dy = new T[gy.Length], one = new T[net.Outputs];
        var tape = net.NewTape(rows);
        net.Forward(p, x, rows, y, tape);
        net.Vjp(p, tape, gy, gx, gp);
        net.Jvp(p, x, dx, rows, y, dy);
        net.Pack(p).Forward(x.AsSpan(0, net.Inputs), one);
        return Bytes(y, gx, gp, dy, one);
    }

    /// <summary>Loss, trajectories, and the gradients with respect to everything.</summary>
    public static byte[] Field<T>(NeuralField<T> field, ComputeTeam? team)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        const int rows = 52, steps = 4;
        var random = new Philox(78);
        var net = field.Net;
        T[] p = Draw<T>(net.ParameterCount, 0.4, ref random), y0 = Draw<T>(rows * field.States, 1, ref random);
        T[] u = Draw<T>(rows * steps * field.Controls, 1, ref random), h = Draw<T>(steps, 0.2, ref random);
        T[] targets = Draw<T>(rows * (steps + 1) * field.States, 1, ref random);
        T[] y = new T[targets.Length], gp = new T[p.Length], gy0 = new T[y0.Length], gu = new T[u.Length];
        var loss = field.Fit(p, y0, u, h, rows, targets, [], gp, gy0, gu, field.NewFitTape(rows, steps, team));
        field.Solve(p, y0, u, h, rows, y, field.NewFitTape(rows, steps, team));
        return Bytes([T.CreateTruncating(loss)], y, gp, gy0, gu);
    }

    public static T[] Draw<T>(int count, double bound, ref Philox random)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var values = new T[count];
        foreach (ref var value in values.AsSpan()) value = T.CreateTruncating((float)random.NextDouble(-bound, bound));
        return values;
    }

    private static byte[] Bytes<T>(params T[][] parts)
        where T : unmanaged => [.. parts.SelectMany(static part => MemoryMarshal.AsBytes<T>(part).ToArray())];
}
