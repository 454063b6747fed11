using System.Collections.Immutable;
using Athanor.Actors.Ensembles;
using Athanor.Compute.Kernels;
using Athanor.Compute.Uncertainty;
using Athanor.Protocol;
using Athanor.Protocol.Ensembles;

namespace Athanor.Hosting.Work.Ensembles;

/// <summary>Fits, calibrates and scores an ensemble on one split, with the deterministic kernels.</summary>
internal sealed class FitSplitHandler : IWorkHandler
{
    public Type Handles => typeof(FitSplit);

    public IWorkResult Run(IWork work, IWorkContext context)
    {
        var (spec, index) = (FitSplit)work;
        if (EnsembleDecider.Check(spec) is { } wrong) throw new WorkRefusedException(wrong);
        try
        {
            var table = SampleTable.FromBytes(context.GetBlob(spec.Data).Span);
            var split = spec.RuleOf(index) == SplitRule.Permutation
                ? RowSplit.ByPermutation(table.Rows, spec.TrainingShare, spec.CalibrationShare, context.Seed)
                : RowSplit.ByGroup(
                    RowSplit.Groups(table.X, table.Inputs, spec.GroupColumns.AsSpan()), spec.TrainingShare, spec.CalibrationShare,
                    context.Seed);
            var fit = EnsembleFit.Run(
                table, split, EnsembleDecider.Options(spec), context.Seed,
                done => context.Report((double)done / spec.Members, $"member {done} of {spec.Members}"), context.Cancellation);
            var model = context.PutBlob(fit.Model.ToBytes());
            var predictions = context.PutBlob(Predictions(table, fit).ToBytes());
            return new FitSplitResult(index, new SplitFit(
                spec.RuleOf(index), fit.Rmse, fit.MemberRmse, split.Calibration.Length, split.Test.Length, fit.ConstantQuantile,
                fit.NormalisedQuantile, fit.CoveredByConstant, fit.CoveredByNormalised, fit.ConstantWidth, fit.NormalisedWidth, model,
                predictions));
        }
        catch (Exception e) when (e is ArgumentException or InvalidDataException or ArithmeticException)
        {
            throw new WorkRefusedException($"split {index}: {e.Message}", e);
        }
    }

    private static SampleTable Predictions(SampleTable table, EnsembleFit fit)
    {
        var x = new List<float>();
        var y = new List<float>();
        Add(0, fit.Split.Calibration, fit.Calibration);
        Add(1, fit.Split.Test, fit.Test);
        return new SampleTable(x.Count / 2, 2, 3, [.. x], [.. y]);

        void Add(int part, int[] rows, EnsemblePrediction prediction)
        {
            for (var i = 0; i < rows.Length; i++)
            {
                x.AddRange([part, rows[i]]);
                y.AddRange([table.Y[rows[i]], prediction.Mean[i], prediction.Spread[i]]);
            }
        }
    }
}
