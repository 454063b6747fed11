namespace Athanor.Compute.Ode;

/// <summary>The method in which a solve ended that chooses its methods itself.</summary>
internal enum AutoMethod
{
    Tsit5,
    Rodas5P,
    Esdirk5,
}

/// <summary>
/// Solves by <see cref="Tsit5"/> while the problem is not stiff and by a stiff method while it is (Petzold, SIAM J. Sci. Stat. Comput. 4,
/// 1983). Explicit steps go on until <see cref="StiffnessWatch"/> finds them limited by stability; the stiff method takes over from the
/// last accepted state, with its step; explicit steps come back when <see cref="CalmWatch{TSystem, TObserver}"/> has found the
/// Jacobian harmless for a while, which doubles with each return, so that a problem on the border does not swing. A tight
/// tolerance can hold explicit steps just below where stability would: after <see cref="StiffnessWatch.Patience"/> of them the stiff method
/// may try one step twenty times as long, and goes on if at least five times as long is accepted; else the explicit steps come back, for
/// twice as many. An explicit step that becomes too short is handed to the stiff method too. Nothing is solved twice, and output times are written once, by whoever passes them.
/// </summary>
internal static class AutoSolve
{
    private const int CalmSteps = 20;

    /// <summary>A try's first step over the last explicit one.</summary>
    private const double TryStep = 20.0;

    /// <summary>The same once accepted, from which on it pays: a stiff step costs as much as about four explicit ones.</summary>
    private const double TryPays = 5.0;

    /// <summary>Solves; the method is the one that ended the solve.</summary>
    public static (OdeStatistics Statistics, AutoMethod Method) Write<TModel>(
        in TModel model, double t0, ReadOnlySpan<double> y0, ReadOnlySpan<double> times, Span<double> output, in OdeOptions options)
        where TModel : struct, IStiffOdeModel
    {
        if (model is IMassOdeModel) return StiffSolve.Best(model, t0, y0, times, output, options);
        OutputWriter.Check(t0, y0, times, output, model.Dimension);
        var writer = new OutputWriter(times, output, model.Dimension);
        writer.Start(t0, y0);
        return Run(model, t0, y0, times[^1], options.HitOutputTimes ? times : [], options, ref writer);
    }

    /// <summary>Solves from (t0, y0) to <paramref name="end"/>, showing every accepted step of either method to the observer.</summary>
    public static (OdeStatistics Statistics, AutoMethod Method) Run<TModel, TObserver>(
        in TModel model, double t0, ReadOnlySpan<double> y0, double end, ReadOnlySpan<double> stops, in OdeOptions options,
        ref TObserver observer)
        where TModel : struct, IStiffOdeModel
        where TObserver : struct, IOdeObserver, allows ref struct
    {
        var explicitSystem = new ExplicitPart<TModel>(model);
        var statistics = default(OdeStatistics);
        if (Explicit(explicitSystem, StiffnessWatch.Patience, t0, y0, end, stops, options, ref statistics, ref observer, out var reached))
            return (statistics, AutoMethod.Tsit5);
        double t = reached.Time;
        var y = reached.State;
        return StiffSolve.Sparse(model, t, y) is { } sparse
            ? Alternate(
                explicitSystem, new SparseSystem<TModel>(model, sparse), new Esdirk5Method(), AutoMethod.Esdirk5, reached, end, stops, options, statistics,
                ref observer)
            : Alternate(
                explicitSystem, new DenseSystem<TModel>(model), new Rodas5PMethod(), AutoMethod.Rodas5P, reached, end, stops, options, statistics,
                ref observer);
    }

    /// <summary>Where explicit steps ended.</summary>
    /// <param name="Step">The last step; 0 if none was accepted.</param>
    /// <param name="Try">Whether they ended for a try of the stiff method.</param>
    private readonly record struct Reached(double Time, double[] State, double Step, bool Try);

    /// <summary>Explicit steps until the end (true) or until they do not pay.</summary>
    private static bool Explicit<TModel, TObserver>(
        TModel model, int patience, double t0, ReadOnlySpan<double> y0, double end, ReadOnlySpan<double> stops, in OdeOptions options,
        ref OdeStatistics statistics, ref TObserver observer, out Reached reached)
        where TModel : struct, IOdeModel, IBlocks
        where TObserver : struct, IOdeObserver, allows ref struct
    {
        var limited = Remaining(options, statistics);
        var watch = new StiffnessWatch { Ends = true, LimitIsFinal = limited.MaxSteps <= patience };
        var seen = new EndWatch<TObserver>(observer);
        var t = t0;
        var y = y0.ToArray();
        limited = limited with { MaxSteps = Math.Min(limited.MaxSteps, patience) };
        OdeStatistics own;
        try
        {
            own = Tsit5.Run(model, model.Block, ref t, y, end, stops, limited, ref seen, ref watch);
        }
        catch (TooManyStepsException error)
        {
            throw new TooManyStepsException(error.Time, options.MaxSteps, error.Component) { FastestRate = error.FastestRate };
        }
        statistics = statistics.Plus(own);
        observer = seen.Inner;
        if (seen.Ended || t >= end)
        {
            reached = default;
            return true;
        }
        reached = new Reached(t, y, own.Accepted == 0 ? 0.0 : seen.LastStep, own.Accepted + own.Rejected >= patience);
        return false;
    }

    private static (OdeStatistics Statistics, AutoMethod Method) Alternate<TModel, TSystem, TMethod, TObserver>(
        in TModel model, TSystem system, TMethod method, AutoMethod name, Reached from, double end, ReadOnlySpan<double> stops,
        in OdeOptions options, OdeStatistics statistics, ref TObserver observer)
        where TModel : struct, IOdeModel, IBlocks
        where TSystem : struct, IImplicitSystem
        where TMethod : struct, IImplicitMethod
        where TObserver : struct, IOdeObserver, allows ref struct
    {
        int calm = CalmSteps, patience = StiffnessWatch.Patience;
        while (true)
        {
            var watch = new CalmWatch<TSystem, TObserver>(
                system, observer, from.State, from.Time, calm, from.Try ? TryPays * from.Step : 0.0);
            try
            {
                var limited = Remaining(options, statistics) with { InitialStep = from.Try ? TryStep * from.Step : from.Step };
                statistics = statistics.Plus(method.Run(system, from.Time, from.State, end, stops, limited, ref watch));
            }
            catch (TooManyStepsException error)
            {
                throw new TooManyStepsException(error.Time, options.MaxSteps, error.Component);
            }
            observer = watch.Inner;
            if (watch.Ended || !watch.Calm || watch.Time >= end) return (statistics, name);
            if (from.Try) patience *= 2;
            else calm *= 2;
            var again = options with { InitialStep = from.Try ? from.Step : watch.LastStep };
            if (Explicit(model, patience, watch.Time, watch.State, end, stops, again, ref statistics, ref observer, out from))
                return (statistics, AutoMethod.Tsit5);
        }
    }

    private static OdeOptions Remaining(in OdeOptions options, in OdeStatistics statistics) =>
        options with { MaxSteps = (int)Math.Max(1, options.MaxSteps - statistics.Accepted - statistics.Rejected) };

    /// <summary>A stiff model as <see cref="Tsit5"/> sees it.</summary>
    private readonly struct ExplicitPart<TModel>(TModel model) : IOdeModel, IBlocks
        where TModel : struct, IOdeModel
    {
        private readonly TModel _model = model;

        public int Dimension => _model.Dimension;

        public int Block => _model.Dimension;

        public void Rhs(double t, ReadOnlySpan<double> y, Span<double> dy) => _model.Rhs(t, y, dy);
    }

    private readonly struct ExplicitSensitivity<TModel>(Sensitivity<TModel> system) : IOdeModel, IBlocks
        where TModel : struct, IParametricOdeModel
    {
        private readonly Sensitivity<TModel> _system = system;

        public int Dimension => _system.Dimension;

        public int Block => _system.Model.Dimension;

        public void Rhs(double t, ReadOnlySpan<double> y, Span<double> dy) => _system.Rhs(t, y, dy);
    }

    /// <summary>Components whose error is measured together.</summary>
    private interface IBlocks
    {
        int Block { get; }
    }

    /// <summary>With sensitivities: explicit steps of the whole system, then <see cref="Esdirk5"/>.</summary>
    public static (OdeStatistics Statistics, AutoMethod Method) WriteSensitivities<TModel>(
        in TModel model, bool logarithmic, double t0, ReadOnlySpan<double> y0, ReadOnlySpan<double> s0, ReadOnlySpan<double> times,
        Span<double> output, in OdeOptions options)
        where TModel : struct, IParametricOdeModel
    {
        if (model is IMassOdeModel)
            return (SensitivitySolver.Stiff(model, logarithmic, t0, y0, s0, times, output, options), AutoMethod.Esdirk5);
        var augmented = new Sensitivity<TModel>(model, logarithmic);
        var z0 = SensitivitySolver.Start(augmented.Dimension, y0, s0, model.Dimension);
        OutputWriter.Check(t0, z0, times, output, z0.Length);
        var writer = new OutputWriter(times, output, z0.Length);
        writer.Start(t0, z0);
        var stops = options.HitOutputTimes ? times : [];
        var statistics = default(OdeStatistics);
        var explicitSystem = new ExplicitSensitivity<TModel>(augmented);
        if (Explicit(explicitSystem, StiffnessWatch.Patience, t0, z0, times[^1], stops, options, ref statistics, ref writer, out var reached))
            return (statistics, AutoMethod.Tsit5);
        var parameters = new ParameterSensitivities<TModel>(model, logarithmic);
        return StiffSolve.Sparse(model, reached.Time, reached.State.AsSpan(0, model.Dimension)) is { } sparse
            ? Alternate(
                explicitSystem, new SparseSystem<TModel>(model, sparse), new Esdirk5Sensitivities<ParameterSensitivities<TModel>>(parameters),
                AutoMethod.Esdirk5, reached, times[^1], stops, options, statistics, ref writer)
            : Alternate(
                explicitSystem, new DenseSystem<TModel>(model), new Esdirk5Sensitivities<ParameterSensitivities<TModel>>(parameters),
                AutoMethod.Esdirk5, reached, times[^1], stops, options, statistics, ref writer);
    }
}
