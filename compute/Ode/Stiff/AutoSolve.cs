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
/// 1983). What counts is the cost of a unit of time: steps times what a step costs. Explicit steps go on until
/// <see cref="StiffnessWatch"/> suspects that stability holds them, or there were very many. Then the stiff method takes over from the last
/// accepted state and tries a step ten times as long: if at least five times as long is accepted it goes on, since a stiff step costs as
/// much as about four explicit ones; else the explicit steps come back, and twice the suspicion is needed for the next try. Explicit steps
/// also come back when <see cref="CalmWatch{TSystem, TObserver}"/> has found the Jacobian harmless for a while, which doubles with each
/// return, so that a problem on the border does not swing. An explicit step that becomes too short is handed to the stiff method for good.
/// Nothing is solved twice, and output times are written once, by whoever passes them.
/// </summary>
/// <remarks>Over the catalogue at tolerances from 1e-3 to 1e-10 this takes at most 1.1 times the work of the better method alone, and half
/// of it where a problem is stiff in parts (bench/ode --auto). Batches do the same in lanes, with the same bits:
/// <see cref="LaneWork"/>.</remarks>
internal static class AutoSolve
{
    /// <summary>Stiff steps in a row that must be harmless.</summary>
    public const int CalmSteps = 8;

    /// <summary>A try's first step over the last explicit one.</summary>
    public const double TryStep = 10.0;

    /// <summary>The same once accepted, from which on it pays (<see cref="OdeStatistics.StiffStepCost"/>, and something for the way
    /// back).</summary>
    public const double TryPays = 5.0;

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
        if (Explicit(explicitSystem, Measures.First, t0, y0, end, stops, options, ref statistics, ref observer, out var reached))
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

    /// <summary>What it takes to change the method.</summary>
    /// <param name="Strikes">Of the watch, to try the stiff method.</param>
    /// <param name="Patience">Explicit steps, to do so without them.</param>
    /// <param name="Calm">Harmless stiff steps in a row, to come back.</param>
    internal readonly record struct Measures(int Strikes, int Patience, int Calm)
    {
        private const int Most = 1 << 28;

        public static Measures First => new(StiffnessWatch.Strikes, StiffnessWatch.Patience, CalmSteps);

        /// <summary>After a return to explicit steps: because a try failed, or because all was calm.</summary>
        public Measures After(bool failed) => failed
            ? this with { Strikes = Math.Min(2 * Strikes, Most), Patience = Math.Min(2 * Patience, Most) }
            : this with { Calm = Math.Min(2 * Calm, Most) };
    }

    /// <summary>Where explicit steps ended.</summary>
    /// <param name="Step">The last step; 0 if none was accepted.</param>
    /// <param name="Try">Whether they ended for a try of the stiff method.</param>
    private readonly record struct Reached(double Time, double[] State, double Step, bool Try);

    /// <summary>Explicit steps until the end (true) or until they do not pay.</summary>
    private static bool Explicit<TModel, TObserver>(
        TModel model, in Measures measures, double t0, ReadOnlySpan<double> y0, double end, ReadOnlySpan<double> stops,
        in OdeOptions options, ref OdeStatistics statistics, ref TObserver observer, out Reached reached)
        where TModel : struct, IOdeModel, IBlocks
        where TObserver : struct, IOdeObserver, allows ref struct
    {
        var limited = Remaining(options, statistics);
        var watch = new StiffnessWatch { Ends = true, Wanted = measures.Strikes, LimitIsFinal = limited.MaxSteps <= measures.Patience };
        var seen = new EndWatch<TObserver>(observer);
        var t = t0;
        var y = y0.ToArray();
        limited = limited with { MaxSteps = Math.Min(limited.MaxSteps, measures.Patience) };
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
        reached = new Reached(t, y, own.Accepted == 0 ? 0.0 : seen.LastStep, !watch.TooShort);
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
        var measures = Measures.First;
        while (true)
        {
            var watch = new CalmWatch<TSystem, TObserver>(
                system, observer, from.State, from.Time, measures.Calm, from.Try ? TryPays * from.Step : 0.0);
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
            measures = measures.After(watch.Failed);
            var again = options with { InitialStep = watch.Failed ? from.Step : watch.LastStep };
            if (Explicit(model, measures, watch.Time, watch.State, end, stops, again, ref statistics, ref observer, out from))
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
        if (Explicit(explicitSystem, Measures.First, t0, z0, times[^1], stops, options, ref statistics, ref writer, out var reached))
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
