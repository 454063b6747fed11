using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Athanor.Compute.Ode;

/// <summary>
/// The explicit Runge-Kutta pair of order 5(4) of Ch. Tsitouras, "Runge-Kutta pairs of order 5(4) satisfying only the first column
/// simplifying assumption", Computers and Mathematics with Applications 62 (2011), with its continuous extension of order 4. First same as
/// last: six evaluations of the right-hand side a step. For problems that are not stiff.
/// </summary>
public static class Tsit5
{
    internal const int Stages = 7;

    // Coefficients a_ij of stages 2..6, of the solution (b, stage 7) and of the error estimate (b - b^).
    internal const double A21 = 0.161;
    internal const double A31 = -0.008480655492356989, A32 = 0.335480655492357;
    internal const double A41 = 2.8971530571054935, A42 = -6.359448489975075, A43 = 4.3622954328695815;
    internal const double A51 = 5.325864828439257, A52 = -11.748883564062828, A53 = 7.4955393428898365, A54 = -0.09249506636175525;
    internal const double A61 = 5.86145544294642, A62 = -12.92096931784711, A63 = 8.159367898576159, A64 = -0.071584973281401;
    internal const double A65 = -0.028269050394068383;
    internal const double B1 = 0.09646076681806523, B2 = 0.01, B3 = 0.4798896504144996, B4 = 1.379008574103742, B5 = -3.290069515436081;
    internal const double B6 = 2.324710524099774;
    internal const double E1 = -0.00178001105222577714, E2 = -0.0008164344596567469, E3 = 0.007880878010261995, E4 = -0.1447110071732629;
    internal const double E5 = 0.5823571654525552, E6 = -0.45808210592918697, E7 = 0.015151515151515152;
    internal const double C2 = 0.161, C3 = 0.327, C4 = 0.9, C5 = 0.9800255409045097;

    /// <summary>Solves from (t0, y0) to the last of <paramref name="times"/>.</summary>
    /// <param name="times">Output times, not falling, none before t0.</param>
    /// <param name="output">Solution at the times, shape (times, n) row-major.</param>
    /// <exception cref="OdeException">The solve could not go on; the message names time and component.</exception>
    public static OdeStatistics Solve<TModel>(
        in TModel model, double t0, ReadOnlySpan<double> y0, ReadOnlySpan<double> times, Span<double> output, in OdeOptions options)
        where TModel : struct, IOdeModel
    {
        OutputWriter.Check(t0, y0, times, output, model.Dimension);
        var writer = new OutputWriter(times, output, model.Dimension);
        writer.Start(t0, y0);
        return Run(model, model.Dimension, t0, y0, times[^1], options.HitOutputTimes ? times : [], options, ref writer);
    }

    /// <summary>Solves from (t0, y0) to <paramref name="end"/>, showing every accepted step to the observer.</summary>
    public static OdeStatistics Observe<TModel, TObserver>(
        in TModel model, double t0, ReadOnlySpan<double> y0, double end, in OdeOptions options, ref TObserver observer)
        where TModel : struct, IOdeModel
        where TObserver : struct, IOdeObserver, allows ref struct
    {
        OutputWriter.Check(t0, y0, [end], new double[model.Dimension], model.Dimension);
        return Run(model, model.Dimension, t0, y0, end, [], options, ref observer);
    }

    /// <param name="block">Components whose error is measured together (see <see cref="ErrorNorm"/>).</param>
    /// <param name="stops">Times to step onto exactly.</param>
    internal static OdeStatistics Run<TModel, TObserver>(
        TModel model, int block, double t0, ReadOnlySpan<double> y0, double end, ReadOnlySpan<double> stops, in OdeOptions options,
        ref TObserver observer)
        where TModel : struct, IOdeModel
        where TObserver : struct, IOdeObserver, allows ref struct
    {
        options.Validate();
        var n = model.Dimension;
        var work = new double[((Stages + 4) * n) + block];
        Span<double> k = work.AsSpan(0, Stages * n);
        Span<double> y = work.AsSpan(Stages * n, n), next = work.AsSpan((Stages + 1) * n, n);
        Span<double> u = work.AsSpan((Stages + 2) * n, n), error = work.AsSpan((Stages + 3) * n, n);
        var rtol = options.RelativeTolerance;
        Span<double> atol = work.AsSpan((Stages + 4) * n, block);
        options.AbsoluteTo(atol);
        y0.CopyTo(y);
        var t = t0;
        model.Rhs(t, y, k[..n]);
        if (ErrorNorm.NonFinite(k[..n]) is >= 0 and var bad) throw new NonFiniteException(t, bad);
        var h = options.InitialStep > 0 ? options.InitialStep : ErrorNorm.FirstStep(y, k[..n], rtol, atol, end - t0);
        h = Math.Min(h, options.MaxStep);
        var control = new StepControl(5);
        var stop = 0;
        int accepted = 0, rejected = 0;
        while (t < end)
        {
            if (accepted + rejected >= options.MaxSteps)
                throw new TooManyStepsException(t, options.MaxSteps, ErrorNorm.Worst(error, y, rtol, atol));
            while (stop < stops.Length && stops[stop] <= t) stop++;
            var target = stop < stops.Length ? stops[stop] : end;
            var wanted = h;
            // A step that would leave less than a tenth of itself is split evenly or stretched, so that no sliver remains.
            var last = t + (h * 1.0000000001) >= target;
            if (last) h = target - t;
            else if (t + (1.1 * h) > target) h = 0.5 * (target - t);
            Step(model, t, h, y, next, k, u, error);
            var norm = ErrorNorm.Of(error, y, next, rtol, atol, block);
            if (norm <= 1.0)
            {
                var t1 = last ? target : t + h;
                accepted++;
                var more = observer.Step(new DenseStep(t, t1, y, next, k, DenseKind.Tsit5));
                t = t1;
                next.CopyTo(y);
                k[(6 * n)..].CopyTo(k);
                var factor = control.Accepted(norm);
                // Having stopped short only to hit a stop says nothing about the step that the tolerance allows.
                h = Math.Min(last && h < wanted ? Math.Max(h * factor, wanted) : h * factor, options.MaxStep);
                if (!more) break;
            }
            else
            {
                rejected++;
                h *= control.Rejected(norm);
                if (!(h > 16 * double.Epsilon) || t + h <= t + (Math.BitIncrement(Math.Abs(t)) - Math.Abs(t)) * 8)
                {
                    var worst = ErrorNorm.Worst(error, next, rtol, atol);
                    throw norm < double.PositiveInfinity ? new StepSizeTooSmallException(t, h, worst) : new NonFiniteException(t, worst);
                }
            }
        }
        return new OdeStatistics(accepted, rejected, 1 + (6L * (accepted + rejected)));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Step<TModel>(
        in TModel model, double t, double h, ReadOnlySpan<double> y, Span<double> next, Span<double> k, Span<double> u, Span<double> error)
        where TModel : struct, IOdeModel
    {
        // References instead of spans: the combinations of stages are most of the work for small n, and bounds checks would be half of it.
        // All spans have length n or a multiple of it by construction.
        var n = y.Length;
        ref var y0 = ref MemoryMarshal.GetReference(y);
        ref var k1 = ref MemoryMarshal.GetReference(k);
        ref var k2 = ref Unsafe.Add(ref k1, n);
        ref var k3 = ref Unsafe.Add(ref k2, n);
        ref var k4 = ref Unsafe.Add(ref k3, n);
        ref var k5 = ref Unsafe.Add(ref k4, n);
        ref var k6 = ref Unsafe.Add(ref k5, n);
        ref var k7 = ref Unsafe.Add(ref k6, n);
        ref var v = ref MemoryMarshal.GetReference(u);
        for (var i = 0; i < n; i++) At(ref v, i) = At(ref y0, i) + (h * (A21 * At(ref k1, i)));
        model.Rhs(t + (C2 * h), u, k.Slice(n, n));
        for (var i = 0; i < n; i++) At(ref v, i) = At(ref y0, i) + (h * ((A31 * At(ref k1, i)) + (A32 * At(ref k2, i))));
        model.Rhs(t + (C3 * h), u, k.Slice(2 * n, n));
        for (var i = 0; i < n; i++)
            At(ref v, i) = At(ref y0, i) + (h * ((A41 * At(ref k1, i)) + (A42 * At(ref k2, i)) + (A43 * At(ref k3, i))));
        model.Rhs(t + (C4 * h), u, k.Slice(3 * n, n));
        for (var i = 0; i < n; i++)
        {
            At(ref v, i) = At(ref y0, i)
                + (h * ((A51 * At(ref k1, i)) + (A52 * At(ref k2, i)) + (A53 * At(ref k3, i)) + (A54 * At(ref k4, i))));
        }
        model.Rhs(t + (C5 * h), u, k.Slice(4 * n, n));
        for (var i = 0; i < n; i++)
        {
            var sum = (A61 * At(ref k1, i)) + (A62 * At(ref k2, i)) + (A63 * At(ref k3, i)) + (A64 * At(ref k4, i)) + (A65 * At(ref k5, i));
            At(ref v, i) = At(ref y0, i) + (h * sum);
        }
        model.Rhs(t + h, u, k.Slice(5 * n, n));
        ref var w = ref MemoryMarshal.GetReference(next);
        for (var i = 0; i < n; i++)
        {
            var sum = (B1 * At(ref k1, i)) + (B2 * At(ref k2, i)) + (B3 * At(ref k3, i)) + (B4 * At(ref k4, i)) + (B5 * At(ref k5, i))
                + (B6 * At(ref k6, i));
            At(ref w, i) = At(ref y0, i) + (h * sum);
        }
        model.Rhs(t + h, next, k.Slice(6 * n, n));
        ref var e = ref MemoryMarshal.GetReference(error);
        for (var i = 0; i < n; i++)
        {
            var sum = (E1 * At(ref k1, i)) + (E2 * At(ref k2, i)) + (E3 * At(ref k3, i)) + (E4 * At(ref k4, i)) + (E5 * At(ref k5, i))
                + (E6 * At(ref k6, i)) + (E7 * At(ref k7, i));
            At(ref e, i) = h * sum;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ref double At(ref double first, int i) => ref Unsafe.Add(ref first, i);

    /// <summary>The continuous extension of order 4 (eq. 3.1 of the paper), theta in [0, 1].</summary>
    internal static void Interpolate(double theta, double h, ReadOnlySpan<double> y0, ReadOnlySpan<double> k, Span<double> y)
    {
        var n = y0.Length;
        Span<double> b = stackalloc double[Stages];
        Weights(theta, b);
        for (var i = 0; i < n; i++)
        {
            var sum = 0.0;
            for (var s = 0; s < Stages; s++) sum += b[s] * k[(s * n) + i];
            y[i] = y0[i] + (h * sum);
        }
    }

    internal static void Weights(double theta, Span<double> b)
    {
        var q = theta * theta;
        b[0] = -1.0530884977290216 * theta * (theta - 1.3299890189751412) * (q - (1.4364028541716351 * theta) + 0.7139816917074209);
        b[1] = 0.1017 * q * (q - (2.1966568338249754 * theta) + 1.2949852507374631);
        b[2] = 2.490627285651252793 * q * (q - (2.38535645472061657 * theta) + 1.57803468208092486);
        b[3] = -16.54810288924490272 * (theta - 1.21712927295533244) * (theta - 0.61620406037800089) * q;
        b[4] = 47.37952196281928122 * (theta - 1.203071208372362603) * (theta - 0.658047292653547382) * q;
        b[5] = -34.87065786149660974 * (theta - 1.2) * (theta - 0.666666666666666667) * q;
        b[6] = 2.5 * (theta - 1.0) * (theta - 0.6) * q;
    }
}
