using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Athanor.Bench.Neural;

/// <summary>What the machine's multipliers can do: fused multiply-adds on registers, sixteen at a time.</summary>
internal static class Limit
{
    private const int Rounds = 20_000;
    private static readonly float[] Sink = new float[256];

    public static double Gflop => Rounds * 16.0 * Vector512<float>.Count * 2 * 1e-9;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Spin(int worker)
    {
        var (x, c) = (Vector512.Create(0.999f), Vector512.Create(1e-3f));
        Vector512<float> a0 = c, a1 = c, a2 = c, a3 = c, a4 = c, a5 = c, a6 = c, a7 = c;
        Vector512<float> b0 = c, b1 = c, b2 = c, b3 = c, b4 = c, b5 = c, b6 = c, b7 = c;
        for (var i = 0; i < Rounds; i++)
        {
            a0 = Vector512.FusedMultiplyAdd(a0, x, c);
            a1 = Vector512.FusedMultiplyAdd(a1, x, c);
            a2 = Vector512.FusedMultiplyAdd(a2, x, c);
            a3 = Vector512.FusedMultiplyAdd(a3, x, c);
            a4 = Vector512.FusedMultiplyAdd(a4, x, c);
            a5 = Vector512.FusedMultiplyAdd(a5, x, c);
            a6 = Vector512.FusedMultiplyAdd(a6, x, c);
            a7 = Vector512.FusedMultiplyAdd(a7, x, c);
            b0 = Vector512.FusedMultiplyAdd(b0, x, c);
            b1 = Vector512.FusedMultiplyAdd(b1, x, c);
            b2 = Vector512.FusedMultiplyAdd(b2, x, c);
            b3 = Vector512.FusedMultiplyAdd(b3, x, c);
            b4 = Vector512.FusedMultiplyAdd(b4, x, c);
            b5 = Vector512.FusedMultiplyAdd(b5, x, c);
            b6 = Vector512.FusedMultiplyAdd(b6, x, c);
            b7 = Vector512.FusedMultiplyAdd(b7, x, c);
        }
        var sum = a0 + a1 + a2 + a3 + a4 + a5 + a6 + a7 + b0 + b1 + b2 + b3 + b4 + b5 + b6 + b7;
        Sink[64 * worker] = Vector512.Sum(sum);
    }
}
