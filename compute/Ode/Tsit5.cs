using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Athanor.Compute.Ode;

/// <summary>
/// The explicit Runge-Kutta pair of order 5(4) of Ch. Tsitouras, "Runge-Kutta pairs of order 5(4) satisfying only the first column
/// simplifying assumption", Computers and Mathematics with Applications 62 (2011), with its continuous extension of order 4. First same as
/// last: six evaluations of the right-hand side a step. For problems that are not stiff.
/// </summary>
public static partial class Tsit5
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
        var t = t0;
        var y = y0.ToArray();
        var watch = new StiffnessWatch();
        return Run(model, block, ref t, y, end, stops, options, ref observer, ref watch);
    }

    /// <summary>Goes on from (t, y), which hold the point that was reached when it returns: the end, where the observer ended the solve, or
    /// where the watch found the problem stiff and was told to end there.</summary>
    internal static OdeStatistics Run<TModel, TObserver>(
        TModel model, int block, ref double t, Span<double> y, double end, ReadOnlySpan<double> stops, in OdeOptions options,
        ref TObserver observer, ref StiffnessWatch watch)
        where TModel : struct, IOdeModel
        where TObserver : struct, IOdeObserver, allows ref struct
    {
        options.Validate();
        var n = model.Dimension;
        // From eight components on, rows are padded to whole vectors; the padding stays zero.
        var stride = n < Wide ? n : (n + 7) & ~7;
        var work = Workspace((Stages + 5) * stride, aligned: n >= Wide);
        Span<double> k = work.Slice(0, Stages * stride), now = work.Slice(Stages * stride, stride);
        Span<double> next = work.Slice((Stages + 1) * stride, stride), u = work.Slice((Stages + 2) * stride, stride);
        Span<double> error = work.Slice((Stages + 3) * stride, stride), tolerances = work.Slice((Stages + 4) * stride, stride);
        var rtol = options.RelativeTolerance;
        tolerances.Fill(1.0); // in the padding, against 0 / 0
        var atol = tolerances[..block];
        options.AbsoluteTo(atol);
        y.CopyTo(now);
        model.Rhs(t, now[..n], k[..n]);
        if (ErrorNorm.NonFinite(k[..n]) is >= 0 and var bad) throw new NonFiniteException(t, bad);
        var h = options.InitialStep > 0 ? options.InitialStep : ErrorNorm.FirstStep(now[..n], k[..n], rtol, atol, end - t);
        h = Math.Min(h, options.MaxStep);
        var control = new StepControl(5, StepControl.ExplicitNow, StepControl.ExplicitBefore);
        var stop = 0;
        int accepted = 0, rejected = 0;
        while (t < end)
        {
            if (accepted + rejected >= options.MaxSteps)
            {
                // Who asked for an end where the problem is stiff goes on by other means.
                if (watch.Ends && !watch.LimitIsFinal) break;
                var slow = Worst(n, h, k, stride, now, rtol, atol);
                Span<double> k6 = k.Slice(5 * stride, stride), k7 = k.Slice(6 * stride, stride);
                throw new TooManyStepsException(t, options.MaxSteps, slow)
                {
                    FastestRate = StiffnessWatch.Rate(h, n, k6, k7, u, next, rtol, tolerances),
                };
            }
            while (stop < stops.Length && stops[stop] <= t) stop++;
            var target = stop < stops.Length ? stops[stop] : end;
            var wanted = h;
            var left = target - t;
            var last = h * OntoTarget >= left;
            if (last) h = left;
            double square;
            if (n < Wide)
            {
                Step(model, n, t, h, now, next, k, u);
                square = Square(n, block, h, now, next, k, rtol, atol);
            }
            else
            {
                StepWide(model, n, stride, t, h, now, next, k, u);
                square = block == n
                    ? SquareWide(n, h, now, next, k, rtol, tolerances)
                    : SquareOfBlocks(n, block, h, now, next, k, error, rtol, atol);
            }
            if (square <= 1.0)
            {
                var t1 = last ? target : t + h;
                accepted++;
                var more = observer.Step(new DenseStep(t, t1, now[..n], next[..n], k, DenseKind.Tsit5));
                var stiff = watch.Look(h, end - t, n, k.Slice(5 * stride, stride), k.Slice(6 * stride, stride), u, next, rtol, tolerances);
                t = t1;
                Move(n, next, now);
                Move(n, k[(6 * stride)..], k);
                var after = h * control.AcceptedSquare(square);
                // Having stopped short only to hit a stop says nothing about the step that the tolerance allows.
                h = Math.Min(last && wanted > after ? wanted : after, options.MaxStep);
                if (!more || stiff) break;
            }
            else
            {
                rejected++;
                h *= control.RejectedSquare(square);
                if (!(h > StepControl.SmallestStep(t)))
                {
                    // A stiff method may get further; what it meets it reports.
                    if (watch.Ends)
                    {
                        watch.TooShort = true;
                        break;
                    }
                    var worst = Worst(n, h, k, stride, next, rtol, atol);
                    throw square < double.PositiveInfinity ? new StepSizeTooSmallException(t, h, worst) : new NonFiniteException(t, worst);
                }
            }
        }
        now[..n].CopyTo(y);
        return new OdeStatistics(accepted, rejected, 1 + (6L * (accepted + rejected)));
    }

    /// <param name="aligned">To cache lines: a vector across two of them costs twice.</param>
    private static Span<double> Workspace(int length, bool aligned)
    {
        if (!aligned) return new double[length];
        var memory = GC.AllocateArray<double>(length + 8, pinned: true);
        nint address;
        unsafe
        {
            address = (nint)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(memory));
        }
        return memory.AsSpan((int)(((64 - (address & 63)) & 63) / sizeof(double)), length);
    }

    /// <summary>A step that would end this close to its target, in its own length, ends there.</summary>
    internal const double OntoTarget = 1.0000000001;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Move(int n, ReadOnlySpan<double> from, Span<double> to)
    {
        // A copy of a few numbers costs less than the call that copies many.
        if (n < Wide)
        {
            for (var i = 0; i < n; i++) to[i] = from[i];
        }
        else
        {
            from[..n].CopyTo(to);
        }
    }

    private static int Worst(int n, double h, ReadOnlySpan<double> k, int stride, ReadOnlySpan<double> y, double rtol, ReadOnlySpan<double> atol)
    {
        var error = new double[n];
        for (var i = 0; i < n; i++)
        {
            error[i] = h * ((E1 * k[i]) + (E2 * k[stride + i]) + (E3 * k[(2 * stride) + i]) + (E4 * k[(3 * stride) + i])
                + (E5 * k[(4 * stride) + i]) + (E6 * k[(5 * stride) + i]) + (E7 * k[(6 * stride) + i]));
        }
        return ErrorNorm.Worst(error, y[..n], rtol, atol);
    }

    /// <summary>The continuous extension of order 4 (eq. 3.1 of the paper), theta in [0, 1].</summary>
    internal static void Interpolate(double theta, double h, ReadOnlySpan<double> y0, ReadOnlySpan<double> k, Span<double> y)
    {
        var stride = k.Length / Stages;
        for (var i = 0; i < y0.Length; i++) y[i] = Interpolate(theta, h, y0[i], in k[i], stride);
    }

    /// <summary>One component, whose stages lie <paramref name="stride"/> apart from <paramref name="k"/> on.</summary>
    internal static double Interpolate(double theta, double h, double y0, ref readonly double k, int stride)
    {
        Span<double> b = stackalloc double[Stages];
        Weights(theta, b);
        ref var stage = ref Unsafe.AsRef(in k);
        var sum = b[0] * stage;
        for (var s = 1; s < Stages; s++) sum = Math.FusedMultiplyAdd(b[s], Unsafe.Add(ref stage, s * stride), sum);
        return Math.FusedMultiplyAdd(h, sum, y0);
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
