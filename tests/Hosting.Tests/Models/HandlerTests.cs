using Athanor.Hosting.Work;
using Athanor.Hosting.Work.Ensembles;
using Athanor.Hosting.Work.Models;
using Athanor.Protocol.Ensembles;
using Athanor.Protocol.Models;

namespace Hosting.Tests.Models;

public sealed class HandlerTests
{
    private static readonly ReactionNetwork Network = new(["a", "b"], ["forward", "back"], [0, 1], [1, 0], [0, 1]);
    private static readonly KineticData Data = new([0, 1, 2, 4], [100, 0, 70, 30, 55, 45, 43, 57], new string('a', 64));
    private static readonly FitSettings Settings = new(1e-6, 1e3, 1e-4, 1e1, 1e-8, 1e-8, 200);
    private static readonly SweepGrid Grid = new(346, 354, 7, 300, 308, 5, 0.8776, 324.5, 60);

    [Fact]
    public void A_fit_cut_into_parts_has_the_bits_of_one_that_is_not()
    {
        var whole = Fit(0, 6);
        var first = Fit(0, 2);
        var second = Fit(2, 4);
        Assert.Equal<IEnumerable<double>>(whole.SumOfSquares, first.SumOfSquares.Concat(second.SumOfSquares));
        var best = first.Naive.SumOfSquares <= second.Naive.SumOfSquares ? first : second;
        Assert.Equal(whole.Naive.Parameters, best.Naive.Parameters);
        Assert.Equal(whole.BestStart, best.BestStart);
        Assert.Equal(1, whole.Dependencies); // b = 100 - a
    }

    [Fact]
    public void A_sweep_cut_into_parts_has_the_bits_of_one_that_is_not()
    {
        var whole = Sweep(0, 35);
        SweepWorkResult[] parts = [Sweep(0, 4), Sweep(4, 17), Sweep(21, 14)];
        Assert.Equal(whole.Regimes, parts.SelectMany(part => part.Regimes));
        Assert.Equal(whole.PeakK, parts.SelectMany(part => part.PeakK));
    }

    [Fact]
    public void A_spec_that_cannot_be_right_is_refused_with_the_reason()
    {
        var fit = Assert.Throws<WorkRefusedException>(
            () => new FitKineticsHandler().Run(new FitKineticsWork(Network, Data with { Amounts = [1, 2] }, Settings, 0, 1), new Context(1)));
        Assert.Contains("4 times x 2 species = 8", fit.Message, StringComparison.Ordinal);
        var sweep = Assert.Throws<WorkRefusedException>(() => Sweep(30, 6));
        Assert.Contains("the grid has 35", sweep.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Cancelled_work_ends()
    {
        using var source = new CancellationTokenSource();
        source.Cancel();
        Assert.Throws<OperationCanceledException>(
            () => new FitKineticsHandler().Run(new FitKineticsWork(Network, Data, Settings, 0, 1), new Context(1, source.Token)));
        Assert.Throws<OperationCanceledException>(() => new SweepHandler().Run(new SweepWork(Grid, 0, 35), new Context(1, source.Token)));
    }

    private static FitKineticsWorkResult Fit(int first, int count) =>
        (FitKineticsWorkResult)new FitKineticsHandler().Run(new FitKineticsWork(Network, Data, Settings, first, count), new Context(77));

    private static SweepWorkResult Sweep(int first, int count) =>
        (SweepWorkResult)new SweepHandler().Run(new SweepWork(Grid, first, count), new Context(0));

    private sealed class Context(ulong seed, CancellationToken cancellation = default) : IWorkContext
    {
        public ulong Seed => seed;

        public CancellationToken Cancellation => cancellation;

        public ReadOnlyMemory<byte> GetBlob(string hash) => throw new KeyNotFoundException(hash);

        public string PutBlob(ReadOnlyMemory<byte> content) => throw new NotSupportedException("this work puts no blobs");

        public void Report(double done, string note) => Assert.InRange(done, 0.0, 1.0);
    }
}
