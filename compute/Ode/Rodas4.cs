namespace Athanor.Compute.Ode;

/// <summary>
/// The Rosenbrock method RODAS of order 4(3) of E. Hairer and G. Wanner, Solving Ordinary Differential Equations II (2nd ed. 1996), IV.7
/// and VI.4: six stages, L-stable and stiffly accurate, embedded error estimate, continuous extension of order 3. It factors 1/(h gamma)
/// I - J once a step (LU with partial pivoting). For stiff problems of up to a few dozen states.
/// </summary>
public static class Rodas4
{
    internal const int Stages = 6;
    private const double Gamma = 0.25;

    // Stage values u_s = y + sum_j A[s][j] U_j; right sides f(u_s) + sum_j C[s][j] U_j / h + h D[s] df/dt; row by row below the diagonal.
    private static ReadOnlySpan<double> A =>
    [
        1.544000000000000,
        0.9466785280815826, 0.2557011698983284,
        3.314825187068521, 2.896124015972201, 0.9986419139977817,
        1.221224509226641, 6.019134481288629, 12.53708332932087, -0.6878860361058950,
    ];

    private static ReadOnlySpan<double> C =>
    [
        -5.668800000000000,
        -2.430093356833875, -0.2063599157091915,
        -0.1073529058151375, -9.594562251023355, -20.47028614809616,
        7.496443313967647, -10.24680431464352, -33.99990352819905, 11.70890893206160,
        8.083246795921522, -7.981132988064893, -31.52159432874371, 16.31930543123136, -6.058818238834054,
    ];

    private static ReadOnlySpan<double> Time => [0.0, 0.386, 0.21, 0.63, 1.0, 1.0];

    private static ReadOnlySpan<double> D => [0.25, -0.1043, 0.1035, -0.03620000000000023, 0.0, 0.0];

    // Continuous extension (HW II, VI.4): two combinations of the stages.
    private static ReadOnlySpan<double> H2 =>
        [10.12623508344586, -7.487995877610167, -34.80091861555747, -7.992771707568823, 1.025137723295662];

    private static ReadOnlySpan<double> H3 =>
        [-0.6762803392801253, 6.087714651680015, 16.43084320892478, 24.76722511418386, -6.594389125716872];

    /// <summary>Solves from (t0, y0) to the last of <paramref name="times"/>.</summary>
    /// <param name="times">Output times, not falling, none before t0.</param>
    /// <param name="output">Solution at the times, shape (times, n) row-major.</param>
    /// <exception cref="OdeException">The solve could not go on; the message names time and component.</exception>
    public static OdeStatistics Solve<TModel>(
        in TModel model, double t0, ReadOnlySpan<double> y0, ReadOnlySpan<double> times, Span<double> output, in OdeOptions options)
        where TModel : struct, IStiffOdeModel
    {
        OutputWriter.Check(t0, y0, times, output, model.Dimension);
        var writer = new OutputWriter(times, output, model.Dimension);
        writer.Start(t0, y0);
        if (model is IMassOdeModel) throw new ArgumentException("Rodas4 takes no mass matrix; Rodas5P and Esdirk5 do");
        return Run(new DenseSystem<TModel>(model), t0, y0, times[^1], options.HitOutputTimes ? times : [], options, ref writer);
    }

    internal static OdeStatistics Run<TSystem, TObserver>(
        TSystem system, double t0, ReadOnlySpan<double> y0, double end, ReadOnlySpan<double> stops, in OdeOptions options,
        ref TObserver observer)
        where TSystem : struct, IImplicitSystem
        where TObserver : struct, IOdeObserver, allows ref struct
    {
        options.Validate();
        var n = system.Dimension;
        var work = new double[(Stages + 6) * n];
        Span<double> k = work.AsSpan(0, Stages * n);
        var rest = work.AsSpan(Stages * n);
        Span<double> y = rest[..n], next = rest.Slice(n, n), u = rest.Slice(2 * n, n);
        Span<double> f = rest.Slice(3 * n, n), dt = rest.Slice(4 * n, n);
        var rtol = options.RelativeTolerance;
        Span<double> atol = rest.Slice(5 * n, n);
        options.AbsoluteTo(atol);
        y0.CopyTo(y);
        var t = t0;
        system.Rhs(t, y, f);
        if (ErrorNorm.NonFinite(f) is >= 0 and var bad) throw new NonFiniteException(t, bad);
        var h = options.InitialStep > 0 ? options.InitialStep : ErrorNorm.FirstStep(y, f, rtol, atol, end - t0);
        h = Math.Min(h, options.MaxStep);
        var control = new StepControl(4);
        var stop = 0;
        int accepted = 0, rejected = 0;
        var fresh = false;
        while (t < end)
        {
            if (accepted + rejected >= options.MaxSteps)
                throw new TooManyStepsException(t, options.MaxSteps, ErrorNorm.Worst(k[((Stages - 1) * n)..], y, rtol, atol));
            while (stop < stops.Length && stops[stop] <= t) stop++;
            var target = stop < stops.Length ? stops[stop] : end;
            var wanted = h;
            var last = t + (h * 1.0000000001) >= target;
            if (last) h = target - t;
            else if (t + (1.1 * h) > target) h = 0.5 * (target - t);
            if (!fresh)
            {
                system.UpdateJacobian(t, y);
                if (!system.IsAutonomous) system.TimeDerivative(t, y, dt);
                fresh = true;
            }
            var norm = double.NaN;
            if (system.Factor(1.0 / (h * Gamma)))
            {
                Step(system, t, h, y, next, k, u, f, dt);
                norm = ErrorNorm.Of(k[((Stages - 1) * n)..], y, next, rtol, atol, n);
            }
            if (norm <= 1.0)
            {
                var t1 = last ? target : t + h;
                accepted++;
                var more = observer.Step(new DenseStep(t, t1, y, next, k, DenseKind.Rodas4));
                t = t1;
                next.CopyTo(y);
                fresh = false;
                var factor = control.Accepted(norm);
                h = Math.Min(last && h < wanted ? Math.Max(h * factor, wanted) : h * factor, options.MaxStep);
                if (!more) break;
            }
            else
            {
                rejected++;
                var tried = h;
                h *= control.Rejected(norm);
                if (ImplicitSolve.TooShort(t, h))
                {
                    var worst = ErrorNorm.Worst(k[((Stages - 1) * n)..], next, rtol, atol);
                    throw ImplicitSolve.Stuck(system, t, y, tried, h, norm, worst);
                }
            }
        }
        return new OdeStatistics(accepted, rejected, 1 + ((long)Stages * (accepted + rejected))) { ImplicitSteps = accepted + rejected };
    }

    private static void Step<TSystem>(
        in TSystem system, double t, double h, ReadOnlySpan<double> y, Span<double> next, Span<double> k, Span<double> u, Span<double> f,
        ReadOnlySpan<double> dt)
        where TSystem : struct, IImplicitSystem
    {
        var total = y.Length;
        var inverse = 1.0 / h;
        y.CopyTo(u);
        for (var s = 0; s < Stages; s++)
        {
            // Stages 5 and 6 both start from the one before: u_6 = u_5 + U_5, and the solution is u_6 + U_6.
            if (s is > 0 and < 5) Combine(y, A, s, 1.0, k, u);
            else if (s == 5) Add(u, k.Slice(4 * total, total));
            system.Rhs(t + (Time[s] * h), u, f);
            var stage = k.Slice(s * total, total);
            if (s == 0) f.CopyTo(stage);
            else Combine(f, C, s, inverse, k, stage);
            if (!system.IsAutonomous && D[s] != 0.0)
            {
                for (var i = 0; i < total; i++) stage[i] += h * D[s] * dt[i];
            }
            system.Solve(stage);
        }
        u.CopyTo(next);
        Add(next, k.Slice(5 * total, total));
    }

    /// <summary>result = start + scale * sum_j table[row][j] U_j.</summary>
    private static void Combine(
        ReadOnlySpan<double> start, ReadOnlySpan<double> table, int row, double scale, ReadOnlySpan<double> k, Span<double> result)
    {
        var total = start.Length;
        var c = table.Slice(row * (row - 1) / 2, row);
        for (var i = 0; i < total; i++)
        {
            var sum = 0.0;
            for (var j = 0; j < c.Length; j++) sum += c[j] * k[(j * total) + i];
            result[i] = start[i] + (scale * sum);
        }
    }

    private static void Add(Span<double> to, ReadOnlySpan<double> what)
    {
        for (var i = 0; i < to.Length; i++) to[i] += what[i];
    }

    internal static void Interpolate(double theta, ReadOnlySpan<double> y0, ReadOnlySpan<double> y1, ReadOnlySpan<double> k, Span<double> y)
    {
        var total = y0.Length;
        for (var i = 0; i < total; i++)
        {
            double h2 = 0.0, h3 = 0.0;
            for (var j = 0; j < 5; j++)
            {
                h2 += H2[j] * k[(j * total) + i];
                h3 += H3[j] * k[(j * total) + i];
            }
            y[i] = (y0[i] * (1.0 - theta)) + (theta * (y1[i] + ((1.0 - theta) * (h2 + (theta * h3)))));
        }
    }
}
