using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using static Athanor.Compute.Ode.Rodas5P;

namespace Athanor.Compute.Ode;

/// <summary>Steps of <see cref="Rodas5P"/> over any implicit system. Up to seven states without a mass matrix the combinations of stages are
/// written out; else they run down vectors of eight states.</summary>
internal static class Rodas5PStepper
{
    private const int Width = 8;

    // Stage values and right sides row by row below the diagonal, for the wide form. Stages 7 and 8 start from the one before.
    internal static ReadOnlySpan<double> A => [A21, A31, A32, A41, A42, A43, A51, A52, A53, A54, A61, A62, A63, A64, A65];

    internal static ReadOnlySpan<double> C =>
    [
        C21, C31, C32, C41, C42, C43, C51, C52, C53, C54, C61, C62, C63, C64, C65, C71, C72, C73, C74, C75, C76,
        C81, C82, C83, C84, C85, C86, C87,
    ];

    internal static ReadOnlySpan<double> Time => [0.0, T2, T3, T4, T5, 1.0, 1.0, 1.0];

    internal static ReadOnlySpan<double> D => [D1, D2, D3, D4, D5, 0.0, 0.0, 0.0];

    public static OdeStatistics Run<TSystem, TObserver>(
        TSystem system, double t0, ReadOnlySpan<double> y0, double end, ReadOnlySpan<double> stops, in OdeOptions options,
        ref TObserver observer)
        where TSystem : struct, IImplicitSystem
        where TObserver : struct, IOdeObserver, allows ref struct
    {
        options.Validate();
        var n = system.Dimension;
        var work = new double[(Stages + 6) * n];
        Span<double> k = work.AsSpan(0, Stages * n);
        Span<double> y = work.AsSpan(Stages * n, n), next = work.AsSpan((Stages + 1) * n, n), f0 = work.AsSpan((Stages + 2) * n, n);
        Span<double> dt = work.AsSpan((Stages + 3) * n, n), f = work.AsSpan((Stages + 4) * n, n);
        Span<double> atol = work.AsSpan((Stages + 5) * n, n);
        Span<double> error = k[((Stages - 1) * n)..];
        options.AbsoluteTo(atol);
        var rtol = options.RelativeTolerance;
        var small = n < Width && system.MassDiagonal is { Length: 0 };
        var autonomous = system.IsAutonomous;
        y0.CopyTo(y);
        var t = t0;
        system.Rhs(t, y, f0);
        if (ErrorNorm.NonFinite(f0) is >= 0 and var bad) throw new NonFiniteException(t, bad);
        var h = options.InitialStep > 0 ? options.InitialStep : ErrorNorm.FirstStep(y, f0, rtol, atol, end - t0);
        h = Math.Min(h, options.MaxStep);
        var control = new PredictiveControl(5);
        var stop = 0;
        int accepted = 0, rejected = 0;
        var fresh = false;
        while (t < end)
        {
            if (accepted + rejected >= options.MaxSteps)
                throw new TooManyStepsException(t, options.MaxSteps, ErrorNorm.Worst(error, y, rtol, atol));
            while (stop < stops.Length && stops[stop] <= t) stop++;
            var target = stop < stops.Length ? stops[stop] : end;
            var wanted = h;
            var last = t + (h * 1.0000000001) >= target;
            if (last) h = target - t;
            else if (t + (1.1 * h) > target) h = 0.5 * (target - t);
            if (!fresh)
            {
                if (accepted > 0) system.Rhs(t, y, f0);
                system.UpdateJacobian(t, y);
                if (!autonomous) system.TimeDerivative(t, y, dt);
                fresh = true;
            }
            var norm = double.NaN;
            if (system.Factor(1.0 / (h * Gamma)))
            {
                if (small)
                {
                    StepSmall(system, t, h, autonomous, y, next, k, f0, f, dt);
                    norm = SmallNorm(error, y, next, rtol, atol, n);
                }
                else
                {
                    StepWide(system, t, h, autonomous, y, next, k, f0, f, dt);
                    norm = ErrorNorm.Of(error, y, next, rtol, atol, n);
                }
            }
            if (norm <= 1.0)
            {
                var t1 = last ? target : t + h;
                accepted++;
                var more = observer.Step(new DenseStep(t, t1, y, next, k, DenseKind.Rodas5P));
                t = t1;
                next.CopyTo(y);
                fresh = false;
                var factor = control.Accepted(h, norm);
                h = Math.Min(last && h < wanted ? Math.Max(h * factor, wanted) : h * factor, options.MaxStep);
                if (!more) break;
            }
            else
            {
                rejected++;
                if (double.IsNaN(norm) && system.NonFiniteJacobian() is { Row: >= 0 } entry)
                    throw new NonFiniteJacobianException(t, entry.Row, entry.Column);
                var tried = h;
                h *= control.Rejected(norm);
                if (ImplicitSolve.TooShort(t, h))
                    throw ImplicitSolve.Stuck(system, t, y, tried, h, norm, ErrorNorm.Worst(error, next, rtol, atol));
            }
        }
        return new OdeStatistics(accepted, rejected, accepted + ((Stages - 1L) * (accepted + rejected)))
        {
            ImplicitSteps = accepted + rejected,
        };
    }

    /// <summary><see cref="ErrorNorm.Of"/> for one small block.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static double SmallNorm(Span<double> error, Span<double> y, Span<double> next, double rtol, Span<double> atol, int n)
    {
        ref var e = ref MemoryMarshal.GetReference(error);
        ref var before = ref MemoryMarshal.GetReference(y);
        ref var after = ref MemoryMarshal.GetReference(next);
        ref var a = ref MemoryMarshal.GetReference(atol);
        var sum = 0.0;
        for (var i = 0; i < n; i++)
        {
            var scaled = At(ref e, i) / Fma(rtol, Math.Max(Math.Abs(At(ref before, i)), Math.Abs(At(ref after, i))), At(ref a, i));
            sum = Fma(scaled, scaled, sum);
        }
        return Math.Sqrt(sum / n);
    }

    /// <summary>References instead of spans: all have length n or a multiple of it by construction. Sums end with the newest stage, so that
    /// the others are ready before it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StepSmall<TSystem>(
        in TSystem system, double t, double h, bool autonomous, Span<double> y, Span<double> next, Span<double> k, Span<double> f0,
        Span<double> f, Span<double> dt)
        where TSystem : struct, IImplicitSystem
    {
        var n = system.Dimension;
        var ih = 1.0 / h;
        ref var y0 = ref MemoryMarshal.GetReference(y);
        ref var u = ref MemoryMarshal.GetReference(next);
        ref var r = ref MemoryMarshal.GetReference(f);
        ref var g = ref MemoryMarshal.GetReference(dt);
        ref var k1 = ref MemoryMarshal.GetReference(k);
        ref var k2 = ref Unsafe.Add(ref k1, n);
        ref var k3 = ref Unsafe.Add(ref k2, n);
        ref var k4 = ref Unsafe.Add(ref k3, n);
        ref var k5 = ref Unsafe.Add(ref k4, n);
        ref var k6 = ref Unsafe.Add(ref k5, n);
        ref var k7 = ref Unsafe.Add(ref k6, n);
        ref var k8 = ref Unsafe.Add(ref k7, n);
        for (var i = 0; i < n; i++) At(ref k1, i) = f0[i];
        if (!autonomous) AddTime(ref k1, ref g, h * D1, n);
        system.Solve(k[..n]);

        for (var i = 0; i < n; i++) At(ref u, i) = Fma(A21, At(ref k1, i), At(ref y0, i));
        system.Rhs(t + (T2 * h), next, f);
        for (var i = 0; i < n; i++) At(ref k2, i) = Fma(ih, C21 * At(ref k1, i), At(ref r, i));
        if (!autonomous) AddTime(ref k2, ref g, h * D2, n);
        system.Solve(k.Slice(n, n));

        for (var i = 0; i < n; i++) At(ref u, i) = Fma(A32, At(ref k2, i), Fma(A31, At(ref k1, i), At(ref y0, i)));
        system.Rhs(t + (T3 * h), next, f);
        for (var i = 0; i < n; i++) At(ref k3, i) = Fma(ih, Fma(C32, At(ref k2, i), C31 * At(ref k1, i)), At(ref r, i));
        if (!autonomous) AddTime(ref k3, ref g, h * D3, n);
        system.Solve(k.Slice(2 * n, n));

        for (var i = 0; i < n; i++)
            At(ref u, i) = Fma(A43, At(ref k3, i), Fma(A42, At(ref k2, i), Fma(A41, At(ref k1, i), At(ref y0, i))));
        system.Rhs(t + (T4 * h), next, f);
        for (var i = 0; i < n; i++)
        {
            var sum = Fma(C43, At(ref k3, i), Fma(C42, At(ref k2, i), C41 * At(ref k1, i)));
            At(ref k4, i) = Fma(ih, sum, At(ref r, i));
        }
        if (!autonomous) AddTime(ref k4, ref g, h * D4, n);
        system.Solve(k.Slice(3 * n, n));

        for (var i = 0; i < n; i++)
        {
            var sum = Fma(A53, At(ref k3, i), Fma(A52, At(ref k2, i), Fma(A51, At(ref k1, i), At(ref y0, i))));
            At(ref u, i) = Fma(A54, At(ref k4, i), sum);
        }
        system.Rhs(t + (T5 * h), next, f);
        for (var i = 0; i < n; i++)
        {
            var sum = Fma(C54, At(ref k4, i), Fma(C53, At(ref k3, i), Fma(C52, At(ref k2, i), C51 * At(ref k1, i))));
            At(ref k5, i) = Fma(ih, sum, At(ref r, i));
        }
        if (!autonomous) AddTime(ref k5, ref g, h * D5, n);
        system.Solve(k.Slice(4 * n, n));

        for (var i = 0; i < n; i++)
        {
            var sum = Fma(A63, At(ref k3, i), Fma(A62, At(ref k2, i), Fma(A61, At(ref k1, i), At(ref y0, i))));
            At(ref u, i) = Fma(A65, At(ref k5, i), Fma(A64, At(ref k4, i), sum));
        }
        system.Rhs(t + h, next, f);
        for (var i = 0; i < n; i++)
        {
            var sum = Fma(C64, At(ref k4, i), Fma(C63, At(ref k3, i), Fma(C62, At(ref k2, i), C61 * At(ref k1, i))));
            At(ref k6, i) = Fma(ih, Fma(C65, At(ref k5, i), sum), At(ref r, i));
        }
        system.Solve(k.Slice(5 * n, n));

        for (var i = 0; i < n; i++) At(ref u, i) += At(ref k6, i);
        system.Rhs(t + h, next, f);
        for (var i = 0; i < n; i++)
        {
            var sum = Fma(C74, At(ref k4, i), Fma(C73, At(ref k3, i), Fma(C72, At(ref k2, i), C71 * At(ref k1, i))));
            At(ref k7, i) = Fma(ih, Fma(C76, At(ref k6, i), Fma(C75, At(ref k5, i), sum)), At(ref r, i));
        }
        system.Solve(k.Slice(6 * n, n));

        for (var i = 0; i < n; i++) At(ref u, i) += At(ref k7, i);
        system.Rhs(t + h, next, f);
        for (var i = 0; i < n; i++)
        {
            var sum = Fma(C84, At(ref k4, i), Fma(C83, At(ref k3, i), Fma(C82, At(ref k2, i), C81 * At(ref k1, i))));
            At(ref k8, i) = Fma(ih, Fma(C87, At(ref k7, i), Fma(C86, At(ref k6, i), Fma(C85, At(ref k5, i), sum))), At(ref r, i));
        }
        system.Solve(k.Slice(7 * n, n));
        for (var i = 0; i < n; i++) At(ref u, i) += At(ref k8, i);
    }

    private static void StepWide<TSystem>(
        in TSystem system, double t, double h, bool autonomous, Span<double> y, Span<double> next, Span<double> k, Span<double> f0,
        Span<double> f, Span<double> dt)
        where TSystem : struct, IImplicitSystem
    {
        var n = system.Dimension;
        var ih = 1.0 / h;
        var massless = system.MassDiagonal is { Length: 0 };
        Span<double> product = massless ? [] : n <= 64 ? stackalloc double[n] : new double[n];
        for (var s = 0; s < Stages; s++)
        {
            var stage = k.Slice(s * n, n);
            if (s is > 0 and < 6) Combine(A, s, y, k, next);
            else if (s >= 6) Add(k.Slice((s - 1) * n, n), 1.0, next);
            if (s == 0)
            {
                f0.CopyTo(stage);
            }
            else
            {
                Combine(C, s, [], k, stage);
                system.Rhs(t + (Time[s] * h), s == 0 ? y : next, f);
                if (!massless)
                {
                    system.MultiplyMass(stage, product);
                    product.CopyTo(stage);
                }
                Scale(ih, stage, f);
            }
            if (!autonomous && D[s] != 0.0) Add(dt, h * D[s], stage);
            system.Solve(stage);
        }
        Add(k[((Stages - 1) * n)..], 1.0, next);
    }

    /// <summary>result = start + sum_j table[row][j] k_j; without a start from zero.</summary>
    private static void Combine(ReadOnlySpan<double> table, int row, ReadOnlySpan<double> start, Span<double> k, Span<double> result)
    {
        var n = result.Length;
        ref var c = ref MemoryMarshal.GetReference(table.Slice(row * (row - 1) / 2, row));
        ref var stages = ref MemoryMarshal.GetReference(k);
        ref var from = ref MemoryMarshal.GetReference(start);
        ref var to = ref MemoryMarshal.GetReference(result);
        var i = 0;
        for (; i <= n - Width; i += Width)
        {
            var sum = start.IsEmpty ? Vector512<double>.Zero : Vector512.LoadUnsafe(ref from, (nuint)i);
            for (var j = 0; j < row; j++)
                sum = Vector512.FusedMultiplyAdd(Vector512.Create(At(ref c, j)), Vector512.LoadUnsafe(ref stages, (nuint)((j * n) + i)), sum);
            sum.StoreUnsafe(ref to, (nuint)i);
        }
        for (; i < n; i++)
        {
            var sum = start.IsEmpty ? 0.0 : At(ref from, i);
            for (var j = 0; j < row; j++) sum = Fma(At(ref c, j), At(ref stages, (j * n) + i), sum);
            At(ref to, i) = sum;
        }
    }

    /// <summary>to += factor what.</summary>
    private static void Add(ReadOnlySpan<double> what, double factor, Span<double> to)
    {
        for (var i = 0; i < to.Length; i++) to[i] = Fma(factor, what[i], to[i]);
    }

    /// <summary>x = plus + factor x.</summary>
    private static void Scale(double factor, Span<double> x, ReadOnlySpan<double> plus)
    {
        for (var i = 0; i < x.Length; i++) x[i] = Fma(factor, x[i], plus[i]);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddTime(ref double stage, ref double dt, double factor, int n)
    {
        for (var i = 0; i < n; i++) At(ref stage, i) = Fma(factor, At(ref dt, i), At(ref stage, i));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static double Fma(double a, double b, double c) => Math.FusedMultiplyAdd(a, b, c);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ref double At(ref double first, int i) => ref Unsafe.Add(ref first, i);
}
