namespace Athanor.Compute.Ode;

/// <summary>
/// The Rosenbrock method Rodas5P of G. Steinebach, "Construction of Rosenbrock-Wanner method Rodas5P and numerical benchmarks within the
/// Julia Differential Equations package", BIT Numerical Mathematics 63 (2023): eight stages, order 5(4), L-stable, stiffly accurate, made for
/// systems of differential and algebraic equations of index 1 too, with a continuous extension of order 4. One Jacobian and one
/// factorisation of M / (h gamma) - J a step. For stiff problems of up to a few dozen states, and for large ones whose factors are cheap
/// (bands).
/// <code>
/// (M / (h gamma) - J) U_i = f(t + c_i h, y + sum_j a_ij U_j) + M sum_j C_ij U_j / h + h d_i df/dt,    y1 = u_8 + U_8,  error = U_8
/// </code>
/// </summary>
public static class Rodas5P
{
    internal const int Stages = 8;
    internal const double Gamma = 0.21193756319429014;
    internal const double A21 = 3.0;
    internal const double A31 = 2.849394379747939, A32 = 0.45842242204463923;
    internal const double A41 = -6.954028509809101, A42 = 2.489845061869568, A43 = -10.358996098473584;
    internal const double A51 = 2.8029986275628964, A52 = 0.5072464736228206, A53 = -0.3988312541770524, A54 = -0.04721187230404641;
    internal const double A61 = -7.502846399306121, A62 = 2.561846144803919, A63 = -11.627539656261098, A64 = -0.18268767659942256;
    internal const double A65 = 0.030198172008377946;
    internal const double C21 = -14.155112264123755;
    internal const double C31 = -17.97296035885952, C32 = -2.859693295451294;
    internal const double C41 = 147.12150275711716, C42 = -1.41221402718213, C43 = 71.68940251302358;
    internal const double C51 = 165.43517024871676, C52 = -0.4592823456491126, C53 = 42.90938336958603, C54 = -5.961986721573306;
    internal const double C61 = 24.854864614690072, C62 = -3.0009227002832186, C63 = 47.4931110020768, C64 = 5.5814197821558125;
    internal const double C65 = -0.6610691825249471;
    internal const double C71 = 30.91273214028599, C72 = -3.1208243349937974, C73 = 77.79954646070892, C74 = 34.28646028294783;
    internal const double C75 = -19.097331116725623, C76 = -28.087943162872662;
    internal const double C81 = 37.80277123390563, C82 = -3.2571969029072276, C83 = 112.26918849496327, C84 = 66.9347231244047;
    internal const double C85 = -40.06618937091002, C86 = -54.66780262877968, C87 = -9.48861652309627;
    internal const double T2 = 0.6358126895828704, T3 = 0.4095798393397535, T4 = 0.9769306725060716, T5 = 0.4288403609558664;
    internal const double D1 = 0.21193756319429014, D2 = -0.42387512638858027, D3 = -0.3384627126235924, D4 = 1.8046452872882734;
    internal const double D5 = 2.325825639765069;

    // Continuous extension: three combinations of the stages.
    private static ReadOnlySpan<double> H2 =>
    [
        25.948786856663858, -2.5579724845846235, 10.433815404888879, -2.3679251022685204, 0.524948541321073, 1.1241088310450404,
        0.4272876194431874, -0.17202221070155493,
    ];

    private static ReadOnlySpan<double> H3 =>
    [
        -9.91568850695171, -0.9689944594115154, 3.0438037242978453, -24.495224566215796, 20.176138334709044, 15.98066361424651,
        -6.789040303419874, -6.710236069923372,
    ];

    private static ReadOnlySpan<double> H4 =>
    [
        11.419903575922262, 2.8879645146136994, 72.92137995996029, 80.12511834622643, -52.072871366152654, -59.78993625266729,
        -0.15582684282751913, 4.883087185713722,
    ];

    /// <summary>Solves M y' = f from (t0, y0) to the last of <paramref name="times"/>, with band or sparse factors for large models whose
    /// Jacobian is sparse. A model that is <see cref="IMassOdeModel"/> has its
    /// algebraic unknowns made consistent at the start; the output at t0 is the consistent start.</summary>
    /// <param name="times">Output times, not falling, none before t0.</param>
    /// <param name="output">Solution at the times, shape (times, n) row-major.</param>
    /// <exception cref="OdeException">The solve could not go on; the message names time and component.</exception>
    public static OdeStatistics Solve<TModel>(
        in TModel model, double t0, ReadOnlySpan<double> y0, ReadOnlySpan<double> times, Span<double> output, in OdeOptions options)
        where TModel : struct, IStiffOdeModel =>
        StiffSolve.Write(model, new Rodas5PMethod(), t0, y0, times, output, options);

    /// <summary>The continuous extension of order 4, theta in [0, 1].</summary>
    internal static void Interpolate(double theta, ReadOnlySpan<double> y0, ReadOnlySpan<double> y1, ReadOnlySpan<double> k, Span<double> y)
    {
        var n = y0.Length;
        for (var i = 0; i < n; i++)
        {
            double h2 = 0.0, h3 = 0.0, h4 = 0.0;
            for (var j = 0; j < Stages; j++)
            {
                var stage = k[(j * n) + i];
                h2 += H2[j] * stage;
                h3 += H3[j] * stage;
                h4 += H4[j] * stage;
            }
            y[i] = (y0[i] * (1.0 - theta)) + (theta * (y1[i] + ((1.0 - theta) * (h2 + (theta * (h3 + (theta * h4)))))));
        }
    }
}

/// <summary>A method over an implicit system, as a type parameter.</summary>
internal interface IImplicitMethod
{
    OdeStatistics Run<TSystem, TObserver>(
        TSystem system, double t0, ReadOnlySpan<double> y0, double end, ReadOnlySpan<double> stops, in OdeOptions options,
        ref TObserver observer)
        where TSystem : struct, IImplicitSystem
        where TObserver : struct, IOdeObserver, allows ref struct;
}

internal readonly struct Rodas5PMethod : IImplicitMethod
{
    public OdeStatistics Run<TSystem, TObserver>(
        TSystem system, double t0, ReadOnlySpan<double> y0, double end, ReadOnlySpan<double> stops, in OdeOptions options,
        ref TObserver observer)
        where TSystem : struct, IImplicitSystem
        where TObserver : struct, IOdeObserver, allows ref struct =>
        Rodas5PStepper.Run(system, t0, y0, end, stops, options, ref observer);
}

/// <summary>What solves by implicit methods have in common.</summary>
internal static class ImplicitSolve
{
    /// <summary>Solves and writes the solution at the times.</summary>
    public static OdeStatistics Write<TSystem, TMethod>(
        TSystem system, TMethod method, double t0, ReadOnlySpan<double> y0, ReadOnlySpan<double> times, Span<double> output,
        in OdeOptions options)
        where TSystem : struct, IImplicitSystem
        where TMethod : struct, IImplicitMethod
    {
        var n = system.Dimension;
        OutputWriter.Check(t0, y0, times, output, n);
        ReadOnlySpan<double> start = y0;
        if (system.MassDiagonal is not { Length: 0 }) start = ConsistentStart.Find(system, t0, y0, options);
        var writer = new OutputWriter(times, output, n);
        writer.Start(t0, start);
        return method.Run(system, t0, start, times[^1], Stops<TSystem, TMethod>(system, times, options), options, ref writer);
    }

    /// <summary>The same steps, shown to the observer.</summary>
    public static OdeStatistics Observe<TSystem, TMethod, TObserver>(
        TSystem system, TMethod method, double t0, ReadOnlySpan<double> y0, ReadOnlySpan<double> times, in OdeOptions options,
        ref TObserver observer)
        where TSystem : struct, IImplicitSystem
        where TMethod : struct, IImplicitMethod
        where TObserver : struct, IOdeObserver, allows ref struct
    {
        ReadOnlySpan<double> start = y0;
        if (system.MassDiagonal is not { Length: 0 }) start = ConsistentStart.Find(system, t0, y0, options);
        return method.Run(system, t0, start, times[^1], Stops<TSystem, TMethod>(system, times, options), options, ref observer);
    }

    private static ReadOnlySpan<double> Stops<TSystem, TMethod>(scoped in TSystem system, ReadOnlySpan<double> times, scoped in OdeOptions options)
        where TSystem : struct, IImplicitSystem
    {
        // Esdirk5's slopes, and with them its continuous extension, are of low order in algebraic components.
        var hit = options.HitOutputTimes || (typeof(TMethod) == typeof(Esdirk5Method) && system.MassDiagonal is { Length: > 0 });
        return hit ? times : default;
    }

    /// <summary>What ends a solve whose step cannot be made shorter. Factors spread one NaN over all components, so the one to name is
    /// looked for in the right-hand side at the end of the step that failed.</summary>
    /// <param name="y">State at t.</param>
    /// <param name="tried">The step that failed.</param>
    /// <param name="h">What it would have been shortened to.</param>
    /// <param name="worst">The component with the largest error.</param>
    public static OdeException Stuck<TSystem>(
        in TSystem system, double t, ReadOnlySpan<double> y, double tried, double h, double norm, int worst)
        where TSystem : struct, IImplicitSystem
    {
        if (system.NonFiniteJacobian() is { Row: >= 0 } bad) return new NonFiniteJacobianException(t, bad.Row, bad.Column);
        if (norm < double.PositiveInfinity) return new StepSizeTooSmallException(t, h, worst);
        var f = new double[system.Dimension];
        system.Rhs(t + tried, y[..f.Length], f);
        return new NonFiniteException(t, ErrorNorm.NonFinite(f) is >= 0 and var first ? first : worst);
    }

    /// <summary>Whether a step is too short to move the time.</summary>
    public static bool TooShort(double t, double h) =>
        !(h > 16 * double.Epsilon) || t + h <= t + ((Math.BitIncrement(Math.Abs(t)) - Math.Abs(t)) * 8);
}
