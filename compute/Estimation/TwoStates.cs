using System.Runtime.CompilerServices;
using Athanor.Compute.Numerics;

namespace Athanor.Compute.Estimation;

/// <summary>What <see cref="SquareRoot{TVector, TLanes}"/> does, for two states and nothing else estimated, with all numbers in registers.
/// Belief: z₀, z₁, l₀₀, l₁₀, l₁₁.</summary>
internal static class TwoStates<TVector, TLanes>
    where TVector : unmanaged
    where TLanes : struct, ILanes<TVector, double>
{
    /// <summary>The factor of Φ L Lᵀ Φᵀ + diag(q²) by Gram-Schmidt over the two rows of [Φ L, diag q].</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Spread(Span<TVector> belief, ReadOnlySpan<TVector> a, TVector q0, TVector q1)
    {
        TVector l00 = belief[2], l10 = belief[3], l11 = belief[4];
        var m00 = TLanes.Fma(a[1], l10, TLanes.Multiply(a[0], l00));
        var m01 = TLanes.Multiply(a[1], l11);
        var m10 = TLanes.Fma(a[3], l10, TLanes.Multiply(a[2], l00));
        var m11 = TLanes.Multiply(a[3], l11);
        var norm = SquareRoot<TVector, TLanes>.Root(TLanes.Fma(q0, q0, TLanes.Fma(m01, m01, TLanes.Multiply(m00, m00))));
        var zero = TLanes.Create(0.0);
        var inverse = TLanes.IfLess(zero, norm, TLanes.Divide(TLanes.Create(1.0), norm), zero);
        TVector e0 = TLanes.Multiply(m00, inverse), e1 = TLanes.Multiply(m01, inverse), e2 = TLanes.Multiply(q0, inverse);
        var dot = TLanes.Fma(m11, e1, TLanes.Multiply(m10, e0));
        TVector r0 = TLanes.FmaNegated(dot, e0, m10), r1 = TLanes.FmaNegated(dot, e1, m11), r2 = TLanes.Multiply(dot, e2);
        var rest = TLanes.Fma(q1, q1, TLanes.Fma(r2, r2, TLanes.Fma(r1, r1, TLanes.Multiply(r0, r0))));
        (belief[2], belief[3], belief[4]) = (norm, dot, SquareRoot<TVector, TLanes>.Root(rest));
    }

    /// <summary>Takes one value in, unless it is beyond the gate.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Update(
        Span<TVector> belief, TVector h0, TVector h1, TVector offset, TVector r, TVector rootR, TVector gate, TVector value,
        out TVector predicted, out TVector variance, out TVector used)
    {
        TVector l00 = belief[2], l10 = belief[3], l11 = belief[4], zero = TLanes.Create(0.0), one = TLanes.Create(1.0);
        predicted = TLanes.Fma(h1, belief[1], TLanes.Fma(h0, belief[0], offset));
        var f1 = TLanes.Multiply(l11, h1);
        var f0 = TLanes.Fma(l10, h1, TLanes.Multiply(l00, h0));
        var alpha1 = TLanes.Fma(f1, f1, r);
        variance = TLanes.Fma(f0, f0, alpha1);
        // Two roots and two divisions that do not wait for each other.
        TVector root1 = SquareRoot<TVector, TLanes>.Root(alpha1), root0 = SquareRoot<TVector, TLanes>.Root(variance);
        TVector inverse1 = TLanes.Divide(one, root1), inverse0 = TLanes.Divide(one, root0);
        var p1 = TLanes.Multiply(f1, l11);
        var innovation = TLanes.Subtract(value, predicted);
        var over = TLanes.Multiply(inverse0, inverse0);
        var weighted = TLanes.Multiply(innovation, over);
        var square = TLanes.Multiply(innovation, innovation);
        used = TLanes.IfLess(TLanes.Multiply(gate, variance), square, zero, one);
        var half = TLanes.Create(0.5);
        // Column 1, then column 0 with what column 1 has gathered.
        var new11 = TLanes.Multiply(TLanes.Multiply(rootR, inverse1), l11);
        var keep = TLanes.Multiply(root1, inverse0);
        var take = TLanes.Multiply(f0, TLanes.Multiply(inverse1, inverse0));
        var new00 = TLanes.Multiply(keep, l00);
        var new10 = TLanes.FmaNegated(take, p1, TLanes.Multiply(keep, l10));
        TVector gain0 = TLanes.Multiply(f0, l00), gain1 = TLanes.Fma(f0, l10, p1);
        belief[0] = TLanes.IfLess(half, used, TLanes.Fma(gain0, weighted, belief[0]), belief[0]);
        belief[1] = TLanes.IfLess(half, used, TLanes.Fma(gain1, weighted, belief[1]), belief[1]);
        belief[2] = TLanes.IfLess(half, used, new00, l00);
        belief[3] = TLanes.IfLess(half, used, new10, l10);
        belief[4] = TLanes.IfLess(half, used, new11, l11);
        return TLanes.IfLess(half, used, TLanes.Multiply(innovation, weighted), zero);
    }
}
