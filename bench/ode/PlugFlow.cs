using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Athanor.Compute.Ode;

namespace Athanor.Bench.Ode;

/// <summary>The baselines' plug flow reactor: 50 cells, A -> B of first order, upwind convection, u/dx = 5 1/s, k = 0.2 1/s, inlet 1, empty at
/// the start, 20 s.</summary>
internal readonly struct PlugFlow : IOdeModel
{
    public const int Cells = 50;
    public const double EndSeconds = 20;

    private const double Convection = 5.0, Rate = 0.2;

    public int Dimension => Cells;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Rhs(double t, ReadOnlySpan<double> y, Span<double> dy)
    {
        ref var from = ref MemoryMarshal.GetReference(y);
        ref var to = ref MemoryMarshal.GetReference(dy);
        to = Math.FusedMultiplyAdd(-(Convection + Rate), from, Convection);
        Vector512<double> convection = Vector512.Create(Convection), loss = Vector512.Create(-(Convection + Rate));
        // Seven vectors cover cells 1 to 49; the last overlaps the one before it.
        for (nuint i = 1; i < Cells - 8; i += 8) Cell(ref from, ref to, i, convection, loss);
        Cell(ref from, ref to, Cells - 8, convection, loss);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Cell(ref double from, ref double to, nuint i, Vector512<double> convection, Vector512<double> loss) =>
        Vector512.FusedMultiplyAdd(loss, Vector512.LoadUnsafe(ref from, i), convection * Vector512.LoadUnsafe(ref from, i - 1)).StoreUnsafe(ref to, i);
}
