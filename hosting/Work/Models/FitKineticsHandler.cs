using System.Globalization;
using Athanor.Actors.Models;
using Athanor.Compute.Fitting;
using Athanor.Protocol;
using Athanor.Protocol.Models;

namespace Athanor.Hosting.Work.Models;

/// <summary>Fits a range of starts of a kinetic multi-start fit.</summary>
internal sealed class FitKineticsHandler : IWorkHandler
{
    public Type Handles => typeof(FitKineticsWork);

    public IWorkResult Run(IWork work, IWorkContext context)
    {
        var spec = (FitKineticsWork)work;
        if (FitChecks.Problem(spec.Network, spec.Data, spec.Settings) is { } problem) throw new WorkRefusedException(problem);
        if (spec.First < 0 || spec.Count < 1)
            throw new WorkRefusedException($"the work covers {spec.Count} starts from {spec.First}; it must cover at least one, from 0 on");
        var network = spec.Network;
        var settings = spec.Settings;
        var fit = new KineticFit(
            network.From, network.To, network.Parameter, network.Parameters.Length,
            new KineticTable(spec.Data.Times, spec.Data.Amounts, network.Species.Length),
            new KineticFitOptions(
                settings.Lower, settings.Upper, settings.StartLow, settings.StartHigh, settings.RelativeTolerance,
                settings.AbsoluteTolerance, settings.MaxIterations));
        var sums = new double[spec.Count];
        FitResult? best = null;
        var bestStart = 0;
        for (var i = 0; i < spec.Count; i++)
        {
            var start = spec.First + i;
            var result = fit.Search(fit.Start(context.Seed, start), context.Cancellation);
            // A start from which there is no value keeps the largest number, so that no infinity enters the journal.
            sums[i] = double.IsFinite(result.SumOfSquares) ? result.SumOfSquares : double.MaxValue;
            if (best is null || result.SumOfSquares < best.SumOfSquares)
            {
                best = result;
                bestStart = start;
            }
            context.Report(
                (i + 1.0) / spec.Count,
                string.Create(CultureInfo.InvariantCulture, $"SSE {best.SumOfSquares:F6} after {i + 1} of {spec.Count} starts"));
        }
        if (!double.IsFinite(best!.SumOfSquares))
        {
            throw new WorkRefusedException(
                $"no start from {spec.First} to {spec.First + spec.Count - 1} has a value: "
                + "the model cannot be solved within the starts' range; narrow it");
        }
        var dependencies = fit.Dependencies();
        var naive = fit.Naive(best);
        var independent = fit.Independent(best, dependencies, context.Cancellation);
        return new FitKineticsWorkResult(
            spec.First, sums, bestStart, best.AtBound,
            new Interval(naive.Parameters, naive.RelativeErrors, naive.SumOfSquares, naive.Residuals),
            new Interval(independent.Parameters, independent.RelativeErrors, independent.SumOfSquares, independent.Residuals),
            dependencies.Eigenvalues, dependencies.Eigenvectors, dependencies.Count);
    }
}
