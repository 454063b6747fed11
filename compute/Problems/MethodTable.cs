using Athanor.Compute.Ode;

namespace Athanor.Compute.Problems;

/// <summary>
/// The one place where <see cref="OdeMethod"/> becomes code. A method that is added gets a case in <see cref="Solve"/> and, if it can, one
/// in <see cref="SolveSensitivities"/>; <see cref="OdeMethod.Auto"/> decides here which to use.
/// </summary>
internal static class MethodTable
{
    /// <summary>Solves and returns the method that ended the solve.</summary>
    public static (OdeStatistics Statistics, OdeMethod Method) Solve<TModel>(
        OdeMethod method, in TModel model, double t0, ReadOnlySpan<double> y0, ReadOnlySpan<double> times, Span<double> output,
        in OdeOptions options)
        where TModel : struct, IStiffOdeModel
    {
        switch (method)
        {
            case OdeMethod.Tsit5:
                return (Tsit5.Solve(model, t0, y0, times, output, options), method);
            case OdeMethod.Rodas4:
                return (Rodas4.Solve(model, t0, y0, times, output, options), method);
            case OdeMethod.Rodas5P:
                return (Rodas5P.Solve(model, t0, y0, times, output, options), method);
            case OdeMethod.Esdirk5:
                return (Esdirk5.Solve(model, t0, y0, times, output, options), method);
            case OdeMethod.Auto:
                var (statistics, ended) = AutoSolve.Write(model, t0, y0, times, output, options);
                return (statistics, Named(ended));
            default:
                throw new ArgumentException($"there is no method {method}");
        }
    }

    /// <summary>Solves to the last of <paramref name="times"/>, showing every accepted step to the observer: the same steps as those of
    /// <see cref="Solve"/>. Where <see cref="OdeOptions.HitOutputTimes"/> asks for it, steps end on the times.</summary>
    public static (OdeStatistics Statistics, OdeMethod Method) Observe<TModel, TObserver>(
        OdeMethod method, in TModel model, double t0, ReadOnlySpan<double> y0, ReadOnlySpan<double> times, in OdeOptions options,
        ref TObserver observer)
        where TModel : struct, IStiffOdeModel
        where TObserver : struct, IOdeObserver, allows ref struct
    {
        var stops = options.HitOutputTimes ? times : default;
        switch (method)
        {
            case OdeMethod.Tsit5:
                return (Tsit5.Run(model, model.Dimension, t0, y0, times[^1], stops, options, ref observer), method);
            case OdeMethod.Rodas4:
                if (model is IMassOdeModel) throw new ArgumentException("Rodas4 takes no mass matrix; Rodas5P and Esdirk5 do");
                return (Rodas4.Run(new DenseSystem<TModel>(model), t0, y0, times[^1], stops, options, ref observer), method);
            case OdeMethod.Rodas5P:
                return (StiffSolve.Observe(model, new Rodas5PMethod(), t0, y0, times, options, ref observer), method);
            case OdeMethod.Esdirk5:
                return (StiffSolve.Observe(model, new Esdirk5Method(), t0, y0, times, options, ref observer), method);
            case OdeMethod.Auto:
                if (model is IMassOdeModel)
                {
                    var best = StiffSolve.Sparse(model, t0, y0) is null ? OdeMethod.Rodas5P : OdeMethod.Esdirk5;
                    return Observe(best, model, t0, y0, times, options, ref observer);
                }
                var (statistics, ended) = AutoSolve.Run(model, t0, y0, times[^1], stops, options, ref observer);
                return (statistics, Named(ended));
            default:
                throw new ArgumentException($"there is no method {method}");
        }
    }

    /// <summary>Solves with sensitivities, shape of the output (times, 1 + p, n).</summary>
    /// <param name="s0">Sensitivities at the start, shape (p, n).</param>
    public static (OdeStatistics Statistics, OdeMethod Method) SolveSensitivities<TModel>(
        OdeMethod method, in TModel model, bool logarithmic, double t0, ReadOnlySpan<double> y0, ReadOnlySpan<double> s0,
        ReadOnlySpan<double> times, Span<double> output, in OdeOptions options)
        where TModel : struct, IParametricOdeModel
    {
        switch (method)
        {
            case OdeMethod.Tsit5:
                return (SensitivitySolver.Explicit(model, logarithmic, t0, y0, s0, times, output, options), method);
            case OdeMethod.Rodas4 or OdeMethod.Rodas5P or OdeMethod.Esdirk5:
                // A Rosenbrock method's own sensitivities would need second derivatives of the model.
                return (SensitivitySolver.Stiff(model, logarithmic, t0, y0, s0, times, output, options), OdeMethod.Esdirk5);
            case OdeMethod.Auto:
                var (statistics, ended) = AutoSolve.WriteSensitivities(model, logarithmic, t0, y0, s0, times, output, options);
                return (statistics, Named(ended));
            default:
                throw new ArgumentException($"there are no sensitivities by {method}");
        }
    }

    private static OdeMethod Named(AutoMethod method) => method switch
    {
        AutoMethod.Tsit5 => OdeMethod.Tsit5,
        AutoMethod.Rodas5P => OdeMethod.Rodas5P,
        _ => OdeMethod.Esdirk5,
    };
}
