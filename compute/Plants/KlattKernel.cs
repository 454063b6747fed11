using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Athanor.Compute.Benchmarks;
using Athanor.Compute.Numerics;

namespace Athanor.Compute.Plants;

/// <summary>The equations of <see cref="KlattEngell"/>.</summary>
internal readonly struct KlattKernel : IFusedKernel
{
    private const double Activation1K = 9758.3, Activation3K = 8560.0, ZeroC = 273.15;
    private const double PerCapacity = 1.0 / (0.9342 * 3.01), PerTankCapacity = PerCapacity / 10.0, PerCoolantCapacity = 1.0 / 10.0;
    private const double Heat1 = 4.2 * PerCapacity, Heat2 = -11.0 * PerCapacity, Heat3 = -41.85 * PerCapacity;

    public static void Rhs<TVector, TLanes>(ReadOnlySpan<TVector> y, ReadOnlySpan<TVector> p, Span<TVector> dy)
        where TVector : unmanaged
        where TLanes : struct, ILanes<TVector, double>
    {
        Rates<TVector, TLanes>(y, p, out _, out _, out _, out _, out var r1, out var r2, out var r3);
        Balances<TVector, TLanes>(y, p, r1, r2, r3, dy);
    }

    public static void Tangent<TVector, TLanes>(
        ReadOnlySpan<TVector> y, ReadOnlySpan<TVector> p, ReadOnlySpan<int> columns, Span<TVector> dy, Span<TVector> jacobian,
        Span<TVector> derivatives)
        where TVector : unmanaged
        where TLanes : struct, ILanes<TVector, double>
    {
        Rates<TVector, TLanes>(y, p, out var inverse, out var exp1, out var k1, out var k3, out var r1, out var r2, out var r3);
        Balances<TVector, TLanes>(y, p, r1, r2, r3, dy);
        TVector zero = TLanes.Create(0.0), square = TLanes.Multiply(inverse, inverse), q = p[0];
        TVector e1 = TLanes.Multiply(TLanes.Create(Activation1K), square), e3 = TLanes.Multiply(TLanes.Create(Activation3K), square);
        TVector r1T = TLanes.Multiply(r1, e1), r2T = TLanes.Multiply(r2, e1), r3T = TLanes.Multiply(r3, e3);
        var r3A = TLanes.Multiply(TLanes.Multiply(TLanes.Create(2.0), k3), y[0]);
        TVector wall = TLanes.Multiply(p[6], TLanes.Create(PerTankCapacity));
        TVector jacket = TLanes.Multiply(p[6], TLanes.Create(PerCoolantCapacity));
        jacobian[..16].Clear();
        jacobian[0] = TLanes.Subtract(zero, TLanes.Add(TLanes.Add(q, k1), r3A));
        jacobian[2] = TLanes.Subtract(zero, TLanes.Add(r1T, r3T));
        jacobian[4] = k1;
        jacobian[5] = TLanes.Subtract(zero, TLanes.Add(q, k1));
        jacobian[6] = TLanes.Subtract(r1T, r2T);
        jacobian[8] = TLanes.Subtract(zero, Heat<TVector, TLanes>(k1, zero, r3A));
        jacobian[9] = TLanes.Multiply(TLanes.Create(-Heat2), k1);
        jacobian[10] = TLanes.Subtract(zero, TLanes.Add(TLanes.Add(q, Heat<TVector, TLanes>(r1T, r2T, r3T)), wall));
        jacobian[11] = wall;
        jacobian[14] = jacket;
        jacobian[15] = TLanes.Subtract(zero, jacket);
        for (var c = 0; c < columns.Length; c++)
        {
            var d = derivatives.Slice(4 * c, 4);
            d.Clear();
            switch (columns[c])
            {
                case 0:
                    d[0] = TLanes.Subtract(p[2], y[0]);
                    d[1] = TLanes.Subtract(zero, y[1]);
                    d[2] = TLanes.Subtract(p[3], y[2]);
                    break;
                case 1:
                    d[3] = TLanes.Create(PerCoolantCapacity);
                    break;
                case 2:
                    d[0] = q;
                    break;
                case 3:
                    d[2] = q;
                    break;
                case 4:
                    TVector u1 = TLanes.Multiply(exp1, y[0]), u2 = TLanes.Multiply(exp1, y[1]);
                    d[0] = TLanes.Subtract(zero, u1);
                    d[1] = TLanes.Subtract(u1, u2);
                    d[2] = TLanes.Subtract(zero, Heat<TVector, TLanes>(u1, u2, zero));
                    break;
                case 5:
                    var u3 = TLanes.Divide(r3, p[5]);
                    d[0] = TLanes.Subtract(zero, u3);
                    d[2] = TLanes.Multiply(TLanes.Create(-Heat3), u3);
                    break;
                default:
                    var difference = TLanes.Subtract(y[3], y[2]);
                    d[2] = TLanes.Multiply(TLanes.Create(PerTankCapacity), difference);
                    d[3] = TLanes.Subtract(zero, TLanes.Multiply(TLanes.Create(PerCoolantCapacity), difference));
                    break;
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Rates<TVector, TLanes>(
        ReadOnlySpan<TVector> y, ReadOnlySpan<TVector> p, out TVector inverse, out TVector exp1, out TVector k1, out TVector k3,
        out TVector r1,
        out TVector r2, out TVector r3)
        where TVector : unmanaged
        where TLanes : struct, ILanes<TVector, double>
    {
        inverse = TLanes.Divide(TLanes.Create(1.0), TLanes.Add(y[2], TLanes.Create(ZeroC)));
        exp1 = Exp<TVector>(TLanes.Multiply(TLanes.Create(-Activation1K), inverse));
        k1 = TLanes.Multiply(p[4], exp1);
        k3 = TLanes.Multiply(p[5], Exp<TVector>(TLanes.Multiply(TLanes.Create(-Activation3K), inverse)));
        (r1, r2, r3) = (TLanes.Multiply(k1, y[0]), TLanes.Multiply(k1, y[1]), TLanes.Multiply(TLanes.Multiply(k3, y[0]), y[0]));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Balances<TVector, TLanes>(
        ReadOnlySpan<TVector> y, ReadOnlySpan<TVector> p, TVector r1, TVector r2, TVector r3, Span<TVector> dy)
        where TVector : unmanaged
        where TLanes : struct, ILanes<TVector, double>
    {
        var heat = TLanes.Multiply(p[6], TLanes.Subtract(y[2], y[3]));
        dy[0] = TLanes.Fma(p[0], TLanes.Subtract(p[2], y[0]), TLanes.Subtract(TLanes.Create(0.0), TLanes.Add(r1, r3)));
        dy[1] = TLanes.FmaNegated(p[0], y[1], TLanes.Subtract(r1, r2));
        var warmed = TLanes.Fma(p[0], TLanes.Subtract(p[3], y[2]), TLanes.Subtract(TLanes.Create(0.0), Heat<TVector, TLanes>(r1, r2, r3)));
        dy[2] = TLanes.FmaNegated(heat, TLanes.Create(PerTankCapacity), warmed);
        dy[3] = TLanes.Multiply(TLanes.Add(p[1], heat), TLanes.Create(PerCoolantCapacity));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector Heat<TVector, TLanes>(TVector r1, TVector r2, TVector r3)
        where TVector : unmanaged
        where TLanes : struct, ILanes<TVector, double> => TLanes.Fma(
            TLanes.Create(Heat3), r3, TLanes.Fma(TLanes.Create(Heat2), r2, TLanes.Multiply(TLanes.Create(Heat1), r1)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector Exp<TVector>(TVector x) => typeof(TVector) == typeof(double)
        ? Unsafe.BitCast<double, TVector>(DetMath.Exp(Unsafe.BitCast<TVector, double>(x)))
        : Unsafe.BitCast<Vector512<double>, TVector>(DetMath.Exp(Unsafe.BitCast<TVector, Vector512<double>>(x)));
}
