using System.Collections.Immutable;
using System.Globalization;
using Athanor.Compute.Fitting;
using Athanor.Hosting.Fits;
using Athanor.Protocol;
using Athanor.Protocol.Models;

namespace Athanor.Hosting.Work.Models;

/// <summary>What the three kinds of fits' work share.</summary>
internal static class ModelFitWork
{
    public static FitProblem Problem(FitSource source, IWorkContext context)
    {
        try
        {
            return FitTexts.Of(source, context.GetBlob).Build();
        }
        catch (FitException error)
        {
            throw new WorkRefusedException(error.Message, error);
        }
    }

    /// <summary>A search's outcome from what was recorded of it.</summary>
    public static FitOutcome Outcome(FitProblem problem, double[] theta, int[] atBound, string end)
    {
        if (theta.Length != problem.Parameters.Length || atBound.Length != theta.Length)
            throw new WorkRefusedException($"{theta.Length} parameters are given; the problem has {problem.Parameters.Length}");
        return new FitOutcome(
            theta, problem.Value(theta), atBound, Enum.TryParse<FitEnd>(end, out var known) ? known : FitEnd.Stalled, 0, 0);
    }

    public static T Refusing<T>(Func<T> work)
    {
        try
        {
            return work();
        }
        catch (FitException error)
        {
            throw new WorkRefusedException(error.Message, error);
        }
    }

    /// <summary>No infinity enters the journal.</summary>
    public static double Finite(double value) => double.IsNaN(value) ? -1.0 : Math.Clamp(value, -double.MaxValue, double.MaxValue);
}

/// <summary>Searches from a range of starts. After each it keeps a checkpoint, so that a start is not searched again after a death.</summary>
internal sealed class FitModelHandler : IWorkHandler
{
    public Type Handles => typeof(FitModelWork);

    public IWorkResult Run(IWork work, IWorkContext context)
    {
        var spec = (FitModelWork)work;
        if (spec.First < 0 || spec.Count < 1 || spec.First + spec.Count > spec.Starts)
            throw new WorkRefusedException($"the work covers {spec.Count} starts from {spec.First} of {spec.Starts}");
        var problem = ModelFitWork.Problem(spec.Source, context);
        var search = new FitSearch(problem);
        var starts = ModelFitWork.Refusing(() => search.Starts(context.Seed, spec.Starts));
        var (values, evaluations) = (new double[spec.Count], new int[spec.Count]);
        FitModelWorkResult? so = null;
        if (context.Checkpoint is { } checkpoint)
        {
            so = (FitModelWorkResult)Families.Messages.DecodeEnvelope(context.GetBlob(checkpoint.Blob).Span);
            so.Values.CopyTo(values, 0);
            so.Evaluations.CopyTo(evaluations, 0);
        }
        for (var i = so?.Values.Length ?? 0; i < spec.Count; i++)
        {
            var found = search.From(starts[spec.First + i], context.Cancellation);
            // A start from which there is no value keeps the largest number.
            values[i] = ModelFitWork.Finite(found.Value);
            evaluations[i] = found.Evaluations;
            var isBest = so is null || values[i] < so.Value;
            so = new FitModelWorkResult(
                spec.First, values[..(i + 1)], isBest ? spec.First + i : so!.BestStart, problem.Noise == FitNoise.Absolute,
                [.. problem.Parameters.Select(p => p.Name)], isBest ? found.Theta : so!.Theta, isBest ? found.AtBound : so!.AtBound,
                isBest ? found.End.ToString() : so!.End, evaluations[..(i + 1)]);
            context.Report(
                (i + 1.0) / spec.Count,
                string.Create(CultureInfo.InvariantCulture, $"best {so.Value:G8} after {i + 1} of {spec.Count} starts"));
            if (i + 1 < spec.Count) context.SaveCheckpoint(i + 1, Families.Messages.EncodeEnvelope(so));
        }
        if (so!.Value >= double.MaxValue)
        {
            throw new WorkRefusedException(
                $"no start from {spec.First} to {spec.First + spec.Count - 1} has a value; narrow the range of starts. The last one: {problem.Failure}");
        }
        return so;
    }
}

/// <summary>Intervals and warnings at a fit's best.</summary>
internal sealed class FitAnalysisHandler : IWorkHandler
{
    public Type Handles => typeof(FitAnalysisWork);

    public IWorkResult Run(IWork work, IWorkContext context)
    {
        var spec = (FitAnalysisWork)work;
        var problem = ModelFitWork.Problem(spec.Source, context);
        var outcome = ModelFitWork.Outcome(problem, spec.Theta, spec.AtBound, spec.End);
        var analysis = ModelFitWork.Refusing(() => new FitAnalysis(problem, outcome, spec.Level));
        return new FitAnalysisWorkResult(
            ModelFitWork.Finite(analysis.Value), problem.Measurements, analysis.Freedom, analysis.Variance, analysis.Level,
            [.. analysis.Estimates.Select(Estimate)], [.. analysis.Warnings.Select(w => new FitNotice(w.Kind, w.Message))],
            [.. analysis.Spectrum.Select(ModelFitWork.Finite)]);
    }

    private static FitEstimate Estimate(ParameterEstimate e) => new(
        e.Name, e.Unit, e.Value, double.IsFinite(e.Error) ? e.Error : -1.0, ModelFitWork.Finite(e.Low), ModelFitWork.Finite(e.High), e.Bound, e.Fixed);
}

/// <summary>The profile likelihood of one parameter.</summary>
internal sealed class FitProfileHandler : IWorkHandler
{
    public Type Handles => typeof(FitProfileWork);

    public IWorkResult Run(IWork work, IWorkContext context)
    {
        var spec = (FitProfileWork)work;
        var problem = ModelFitWork.Problem(spec.Source, context);
        var outcome = ModelFitWork.Outcome(problem, spec.Theta, spec.AtBound, spec.End);
        var index = problem.Parameters.IndexOf(problem.Parameters.FirstOrDefault(p => p.Name == spec.Parameter)!);
        if (index < 0) throw new WorkRefusedException($"the problem has no parameter '{spec.Parameter}'");
        var profile = ModelFitWork.Refusing(
            () => new ProfileLikelihood(problem, outcome, new FitAnalysis(problem, outcome, spec.Level)).Of(index, context.Cancellation));
        return new FitProfileWorkResult(
            spec.Parameter, [.. profile.Points.Select(p => p.Value)], [.. profile.Points.Select(p => p.Rise)], profile.Threshold, profile.Low,
            profile.High, profile.Stopped, profile.Better is not null);
    }
}
