using System.ComponentModel;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Athanor.Compute.Numerics;

namespace Athanor.Compute.Kinetics.Expressions;

/// <summary>The operations that are no single instruction, scalar and in lanes with the same bits. Called by the interpreter and by
/// generated code (hence public).</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public static class ExpressionFunctions
{
    /// <summary>The exponential as a call, for code that has so many of them that inlining each would only make it long.</summary>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    public static double Exp(double a) => DetMath.Exp(a);

    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    public static Vector512<double> Exp(Vector512<double> a) => DetMath.Exp(a);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static double Root(double a) => a <= 0.0 ? 0.0 : Math.Sqrt(a);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<double> Root(Vector512<double> a) => ZeroUnlessPositive(a, Vector512.Sqrt(a));

    /// <summary>Where a slope of a^n, n below 1, stands for the infinite one at a = 0.</summary>
    private const double LeastBase = 1e-12;

    /// <summary>Below this 1 / a is infinite or nearly so.</summary>
    private const double LeastDivisor = 1e-290;

    /// <summary>a^n / a, given a^n; n times it is the slope of a^n. At a = 0 it is the limit from above: 0 for n above 1, 1 for n = 1; for n
    /// below 1, where there is none, the large value at a = 1e-12 (1e6 for a root), so that neither infinity nor NaN gets into a Jacobian.
    /// Below 0, where the power is 0, it is 0.</summary>
    public static double PowerQuotient(double power, double a, double n)
    {
        if (a >= LeastDivisor) return power / a;
        if (a < 0.0) return power * 0.0;
        if (double.IsNaN(a)) return a;
        return n > 1.0 ? 0.0 : n == 1.0 ? 1.0 : DetMath.Pow(LeastBase, n - 1.0);
    }

    public static Vector512<double> PowerQuotient(Vector512<double> power, Vector512<double> a, Vector512<double> n)
    {
        var quotient = power / a;
        var ordinary = Vector512.GreaterThanOrEqual(a, Vector512.Create(LeastDivisor));
        if (Vector512.ExtractMostSignificantBits(ordinary) == 0xFF) return quotient;
        Vector512<double> zero = Vector512<double>.Zero, one = Vector512<double>.One;
        var limit = Vector512.ConditionalSelect(Vector512.Equals(n, one), one, DetMath.Pow(Vector512.Create(LeastBase), n - one));
        limit = Vector512.ConditionalSelect(Vector512.GreaterThan(n, one), zero, limit);
        var rest = Vector512.ConditionalSelect(Vector512.GreaterThanOrEqual(a, zero), limit, a);
        rest = Vector512.ConditionalSelect(Vector512.LessThan(a, zero), power * zero, rest);
        return Vector512.ConditionalSelect(ordinary, quotient, rest);
    }

    public static double GuardedPower(double a, double n) => a <= 0.0 ? 0.0 : DetMath.Pow(a, n);

    public static Vector512<double> GuardedPower(Vector512<double> a, double n) =>
        ZeroUnlessPositive(a, DetMath.Pow(a, Vector512.Create(n)));

    /// <summary>a^b. For a ≤ 0 and b &gt; 0 it is 0, as in <see cref="GuardedPower(double, double)"/>; for b = 0 it is 1; otherwise 0^b is
    /// infinite and a negative a gives NaN.</summary>
    public static double Power(double a, double b)
    {
        if (b == 0.0) return 1.0;
        return a <= 0.0 && b > 0.0 ? 0.0 : DetMath.Pow(a, b);
    }

    public static Vector512<double> Power(Vector512<double> a, Vector512<double> b)
    {
        var zero = Vector512<double>.Zero;
        var power = DetMath.Pow(a, b);
        var none = Vector512.LessThanOrEqual(a, zero) & Vector512.GreaterThan(b, zero);
        power = Vector512.ConditionalSelect(none, zero, power);
        return Vector512.ConditionalSelect(Vector512.Equals(b, zero), Vector512<double>.One, power);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static double Select(double a, double b, double c) => a < 0.0 ? b : a >= 0.0 ? c : a;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<double> Select(Vector512<double> a, Vector512<double> b, Vector512<double> c)
    {
        var zero = Vector512<double>.Zero;
        var rest = Vector512.ConditionalSelect(Vector512.GreaterThanOrEqual(a, zero), c, a);
        return Vector512.ConditionalSelect(Vector512.LessThan(a, zero), b, rest);
    }

    // a <= 0 is false for NaN, which so passes on.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<double> ZeroUnlessPositive(Vector512<double> a, Vector512<double> value) =>
        Vector512.ConditionalSelect(Vector512.LessThanOrEqual(a, Vector512<double>.Zero), Vector512<double>.Zero, value);
}
