using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Athanor.Compute.Ode;

/// <content>One step, component by component for small systems and eight components at a time for wide ones. Every combination of stages is
/// a chain of fused multiply-adds in the order of the stages, the same in <see cref="Tsit5Lanes"/>, so that all give the same
/// bits.</content>
public static partial class Tsit5
{
    /// <summary>Components from which on a step works on vectors of components.</summary>
    internal const int Wide = 8;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Step<TModel>(
        in TModel model, int n, double t, double h, ReadOnlySpan<double> y, Span<double> next, Span<double> k, Span<double> u)
        where TModel : struct, IOdeModel
    {
        // References instead of spans: the combinations of stages are most of the work for small n, and bounds checks would be half of it.
        // All spans have length n or a multiple of it by construction. The model is given spans of n made from them, whose length the JIT
        // knows where the model's dimension is a constant.
        ref var y0 = ref MemoryMarshal.GetReference(y);
        ref var k1 = ref MemoryMarshal.GetReference(k);
        ref var k2 = ref Unsafe.Add(ref k1, n);
        ref var k3 = ref Unsafe.Add(ref k2, n);
        ref var k4 = ref Unsafe.Add(ref k3, n);
        ref var k5 = ref Unsafe.Add(ref k4, n);
        ref var k6 = ref Unsafe.Add(ref k5, n);
        ref var k7 = ref Unsafe.Add(ref k6, n);
        ref var v = ref MemoryMarshal.GetReference(u);
        ref var w = ref MemoryMarshal.GetReference(next);
        var stage = MemoryMarshal.CreateReadOnlySpan(ref v, n);
        for (var i = 0; i < n; i++) At(ref v, i) = Fma(h, A21 * At(ref k1, i), At(ref y0, i));
        model.Rhs(Fma(C2, h, t), stage, MemoryMarshal.CreateSpan(ref k2, n));
        for (var i = 0; i < n; i++) At(ref v, i) = Fma(h, Fma(At(ref k2, i), A32, A31 * At(ref k1, i)), At(ref y0, i));
        model.Rhs(Fma(C3, h, t), stage, MemoryMarshal.CreateSpan(ref k3, n));
        for (var i = 0; i < n; i++)
        {
            var sum = Fma(At(ref k3, i), A43, Fma(At(ref k2, i), A42, A41 * At(ref k1, i)));
            At(ref v, i) = Fma(h, sum, At(ref y0, i));
        }
        model.Rhs(Fma(C4, h, t), stage, MemoryMarshal.CreateSpan(ref k4, n));
        for (var i = 0; i < n; i++)
        {
            var sum = Fma(At(ref k4, i), A54, Fma(At(ref k3, i), A53, Fma(At(ref k2, i), A52, A51 * At(ref k1, i))));
            At(ref v, i) = Fma(h, sum, At(ref y0, i));
        }
        model.Rhs(Fma(C5, h, t), stage, MemoryMarshal.CreateSpan(ref k5, n));
        for (var i = 0; i < n; i++)
        {
            var sum = Fma(At(ref k3, i), A63, Fma(At(ref k2, i), A62, A61 * At(ref k1, i)));
            sum = Fma(At(ref k5, i), A65, Fma(At(ref k4, i), A64, sum));
            At(ref v, i) = Fma(h, sum, At(ref y0, i));
        }
        model.Rhs(t + h, stage, MemoryMarshal.CreateSpan(ref k6, n));
        for (var i = 0; i < n; i++)
        {
            var sum = Fma(At(ref k3, i), B3, Fma(At(ref k2, i), B2, B1 * At(ref k1, i)));
            sum = Fma(At(ref k6, i), B6, Fma(At(ref k5, i), B5, Fma(At(ref k4, i), B4, sum)));
            At(ref w, i) = Fma(h, sum, At(ref y0, i));
        }
        model.Rhs(t + h, MemoryMarshal.CreateReadOnlySpan(ref w, n), MemoryMarshal.CreateSpan(ref k7, n));
    }

    /// <summary>The square of the scaled error: per block of components the mean square, of the blocks the largest.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static double Square(
        int n, int block, double h, ReadOnlySpan<double> y, ReadOnlySpan<double> next, ReadOnlySpan<double> k, double rtol,
        ReadOnlySpan<double> atol)
    {
        ref var y0 = ref MemoryMarshal.GetReference(y);
        ref var y1 = ref MemoryMarshal.GetReference(next);
        ref var k1 = ref MemoryMarshal.GetReference(k);
        ref var tolerance = ref MemoryMarshal.GetReference(atol);
        var largest = 0.0;
        for (var start = 0; start < n; start += block)
        {
            var sum = 0.0;
            for (var i = start; i < start + block; i++)
            {
                ref var k1i = ref At(ref k1, i);
                var e = Fma(At(ref k1i, 2 * n), E3, Fma(At(ref k1i, n), E2, E1 * k1i));
                e = Fma(At(ref k1i, 5 * n), E6, Fma(At(ref k1i, 4 * n), E5, Fma(At(ref k1i, 3 * n), E4, e)));
                e = Fma(At(ref k1i, 6 * n), E7, e);
                double before = Math.Abs(At(ref y0, i)), after = Math.Abs(At(ref y1, i));
                var scaled = h * e / Fma(after > before ? after : before, rtol, At(ref tolerance, i - start));
                sum += scaled * scaled;
            }
            if (!(sum <= largest)) largest = sum;
            if (double.IsNaN(largest)) return double.NaN;
        }
        return largest * (1.0 / block);
    }

    private static void StepWide<TModel>(
        in TModel model, int n, int stride, double t, double h, ReadOnlySpan<double> y, Span<double> next, Span<double> k, Span<double> u)
        where TModel : struct, IOdeModel
    {
        ref var y0 = ref MemoryMarshal.GetReference(y);
        ref var k1 = ref MemoryMarshal.GetReference(k);
        ref var k2 = ref Unsafe.Add(ref k1, stride);
        ref var k3 = ref Unsafe.Add(ref k2, stride);
        ref var k4 = ref Unsafe.Add(ref k3, stride);
        ref var k5 = ref Unsafe.Add(ref k4, stride);
        ref var k6 = ref Unsafe.Add(ref k5, stride);
        ref var k7 = ref Unsafe.Add(ref k6, stride);
        ref var v = ref MemoryMarshal.GetReference(u);
        ref var w = ref MemoryMarshal.GetReference(next);
        var stage = MemoryMarshal.CreateReadOnlySpan(ref v, n);
        var hs = Vector512.Create(h);
        for (nuint i = 0; i < (nuint)stride; i += 8) Fma(hs, A21 * Load(ref k1, i), Load(ref y0, i)).StoreUnsafe(ref v, i);
        model.Rhs(Fma(C2, h, t), stage, MemoryMarshal.CreateSpan(ref k2, n));
        for (nuint i = 0; i < (nuint)stride; i += 8)
            Fma(hs, Fma(Load(ref k2, i), A32, A31 * Load(ref k1, i)), Load(ref y0, i)).StoreUnsafe(ref v, i);
        model.Rhs(Fma(C3, h, t), stage, MemoryMarshal.CreateSpan(ref k3, n));
        for (nuint i = 0; i < (nuint)stride; i += 8)
        {
            var sum = Fma(Load(ref k3, i), A43, Fma(Load(ref k2, i), A42, A41 * Load(ref k1, i)));
            Fma(hs, sum, Load(ref y0, i)).StoreUnsafe(ref v, i);
        }
        model.Rhs(Fma(C4, h, t), stage, MemoryMarshal.CreateSpan(ref k4, n));
        for (nuint i = 0; i < (nuint)stride; i += 8)
        {
            var sum = Fma(Load(ref k3, i), A53, Fma(Load(ref k2, i), A52, A51 * Load(ref k1, i)));
            Fma(hs, Fma(Load(ref k4, i), A54, sum), Load(ref y0, i)).StoreUnsafe(ref v, i);
        }
        model.Rhs(Fma(C5, h, t), stage, MemoryMarshal.CreateSpan(ref k5, n));
        for (nuint i = 0; i < (nuint)stride; i += 8)
        {
            var sum = Fma(Load(ref k3, i), A63, Fma(Load(ref k2, i), A62, A61 * Load(ref k1, i)));
            sum = Fma(Load(ref k5, i), A65, Fma(Load(ref k4, i), A64, sum));
            Fma(hs, sum, Load(ref y0, i)).StoreUnsafe(ref v, i);
        }
        model.Rhs(t + h, stage, MemoryMarshal.CreateSpan(ref k6, n));
        for (nuint i = 0; i < (nuint)stride; i += 8)
        {
            var sum = Fma(Load(ref k3, i), B3, Fma(Load(ref k2, i), B2, B1 * Load(ref k1, i)));
            sum = Fma(Load(ref k6, i), B6, Fma(Load(ref k5, i), B5, Fma(Load(ref k4, i), B4, sum)));
            Fma(hs, sum, Load(ref y0, i)).StoreUnsafe(ref w, i);
        }
        model.Rhs(t + h, MemoryMarshal.CreateReadOnlySpan(ref w, n), MemoryMarshal.CreateSpan(ref k7, n));
    }

    /// <summary><see cref="Square"/> of one block on vectors of components; the padding adds nothing.</summary>
    private static double SquareWide(
        int n, double h, ReadOnlySpan<double> y, ReadOnlySpan<double> next, ReadOnlySpan<double> k, double rtol, ReadOnlySpan<double> atol)
    {
        var stride = y.Length;
        ref var y0 = ref MemoryMarshal.GetReference(y);
        ref var y1 = ref MemoryMarshal.GetReference(next);
        ref var k1 = ref MemoryMarshal.GetReference(k);
        ref var tolerance = ref MemoryMarshal.GetReference(atol);
        var hs = Vector512.Create(h);
        var sums = Vector512<double>.Zero;
        for (nuint i = 0; i < (nuint)stride; i += 8)
        {
            var scaled = hs * Error(ref k1, i, (nuint)stride);
            Vector512<double> before = Vector512.Abs(Load(ref y0, i)), after = Vector512.Abs(Load(ref y1, i));
            var size = Vector512.ConditionalSelect(Vector512.GreaterThan(after, before), after, before);
            scaled /= Fma(size, rtol, Load(ref tolerance, i));
            sums += scaled * scaled;
        }
        return ErrorNorm.Tree(sums) * (1.0 / n);
    }

    private static double SquareOfBlocks(
        int n, int block, double h, ReadOnlySpan<double> y, ReadOnlySpan<double> next, ReadOnlySpan<double> k, Span<double> error, double rtol,
        ReadOnlySpan<double> atol)
    {
        var stride = y.Length;
        ref var e = ref MemoryMarshal.GetReference(error);
        ref var k1 = ref MemoryMarshal.GetReference(k);
        for (nuint i = 0; i < (nuint)stride; i += 8) (Vector512.Create(h) * Error(ref k1, i, (nuint)stride)).StoreUnsafe(ref e, i);
        var norm = ErrorNorm.Of(error[..n], y, next, rtol, atol, block);
        return norm * norm;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<double> Error(ref double k1, nuint i, nuint stride)
    {
        var sum = Fma(Load(ref k1, i + (2 * stride)), E3, Fma(Load(ref k1, i + stride), E2, E1 * Load(ref k1, i)));
        sum = Fma(Load(ref k1, i + (4 * stride)), E5, Fma(Load(ref k1, i + (3 * stride)), E4, sum));
        return Fma(Load(ref k1, i + (6 * stride)), E7, Fma(Load(ref k1, i + (5 * stride)), E6, sum));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<double> Load(ref double first, nuint i) => Vector512.LoadUnsafe(ref first, i);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static double Fma(double a, double b, double c) => Math.FusedMultiplyAdd(a, b, c);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<double> Fma(Vector512<double> a, double b, Vector512<double> c) =>
        Vector512.FusedMultiplyAdd(a, Vector512.Create(b), c);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<double> Fma(Vector512<double> a, Vector512<double> b, Vector512<double> c) =>
        Vector512.FusedMultiplyAdd(a, b, c);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ref double At(ref double first, int i) => ref Unsafe.Add(ref first, i);
}
