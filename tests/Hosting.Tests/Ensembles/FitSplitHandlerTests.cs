using Athanor.Compute.Kernels;
using Athanor.Compute.Numerics;
using Athanor.Compute.Uncertainty;
using Athanor.Hosting.Work;
using Athanor.Hosting.Work.Ensembles;
using Athanor.Protocol.Ensembles;
using Hosting.Tests.Training;

namespace Hosting.Tests.Ensembles;

public sealed class FitSplitHandlerTests
{
    [Theory]
    [InlineData(0, SplitRule.Permutation)]
    [InlineData(1, SplitRule.Group)]
    public void A_split_done_twice_gives_one_result_whose_blobs_bear_it_out(int split, SplitRule rule)
    {
        var (context, spec) = Given();
        var result = Assert.IsType<FitSplitResult>(new FitSplitHandler().Run(new FitSplit(spec, split), context));
        Assert.Equal(result, new FitSplitHandler().Run(new FitSplit(spec, split), context));
        Assert.Equal((split, rule), (result.Split, result.Fit.Rule));

        var predictions = SampleTable.FromBytes(context.GetBlob(result.Fit.Predictions).Span);
        var test = Enumerable.Range(0, predictions.Rows).Where(r => predictions.X[2 * r] == 1f).ToArray();
        Assert.Equal((result.Fit.Test, result.Fit.Calibration), (test.Length, predictions.Rows - test.Length));
        double Residual(int r) => Math.Abs((double)predictions.Y[3 * r] - predictions.Y[3 * r + 1]);
        Assert.Equal(result.Fit.CoveredByConstant, test.Count(r => Residual(r) <= result.Fit.ConstantQuantile));
        Assert.Equal(result.Fit.CoveredByNormalised, test.Count(r => Residual(r) / predictions.Y[3 * r + 2] <= result.Fit.NormalisedQuantile));
        Assert.Equal(result.Fit.Rmse, Math.Sqrt(test.Average(r => Residual(r) * Residual(r))), 1e-9);
        Assert.Equal(2, EnsembleModel.FromBytes(context.GetBlob(result.Fit.Model).ToArray()).Members.Length);
    }

    [Fact]
    public void Data_that_do_not_fit_the_spec_are_refused()
    {
        var (context, spec) = Given();
        var refused = Assert.Throws<WorkRefusedException>(
            () => new FitSplitHandler().Run(new FitSplit(spec with { Inputs = 3, Sizes = [3, 4, 1] }, 0), context));
        Assert.Contains("takes 3 inputs where the table has 2", refused.Message);
        refused = Assert.Throws<WorkRefusedException>(
            () => new FitSplitHandler().Run(new FitSplit(spec with { Logs = [new ColumnLog(0, 0)] }, 0), context));
        Assert.Contains("has no logarithm", refused.Message);
    }

    private static (MemoryContext Context, EnsembleSpec Spec) Given()
    {
        var random = new Philox(1);
        var table = new SampleTable(120, 2, 1, new float[240], new float[120]);
        for (var r = 0; r < 120; r++)
        {
            table.X[2 * r] = (float)random.NextNormal();
            table.X[2 * r + 1] = r % 15;
            table.Y[r] = table.X[2 * r] + (float)(0.1 * random.NextNormal());
        }
        var context = new MemoryContext(9);
        return (context, new EnsembleSpec(
            context.PutBlob(table.ToBytes()), 2, [2, 4, 1], 2, 5, 16, 0.01, 0.0, [], 0.1, 0.6, 0.2, 1, 1, [1], 42));
    }
}
