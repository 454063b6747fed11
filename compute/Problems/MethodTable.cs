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

    /// <summary>Solves to <paramref name="end"/>, showing every accepted step to the observer.</summary>
    public static (OdeStatistics Statistics, OdeMethod Method) Observe<TModel, TObserver>(
        OdeMethod method, in TModel model, double t0, ReadOnlySpan<double> y0, double end, in OdeOptions options, ref TObserver observer)
        where TModel : struct, IStiffOdeModel
        where TObserver : struct, IOdeObserver, allows ref struct
    {
        switch (method)
        {
            case OdeMethod.Tsit5:
                return (Tsit5.Observe(model, t0, y0, end, options, ref observer), method);
            case OdeMethod.Rodas5P:
                return (Rodas5P.Observe(model, t0, y0, end, options, ref observer), method);
            case OdeMethod.Auto:
                if (model is IMassOdeModel) return Observe(OdeMethod.Rodas5P, model, t0, y0, end, options, ref observer);
                var (statistics, ended) = AutoSolve.Run(model, t0, y0, end, [], options, ref observer);
                return (statistics, Named(ended));
            default:
                throw new ArgumentException($"events and quadratures are not looked for by {method}; Auto, Tsit5 and Rodas5P do");
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
