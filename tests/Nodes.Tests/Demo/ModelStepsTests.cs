using Athanor.Actors;
using Athanor.Hosting;
using Athanor.Nodes.Data;
using Athanor.Nodes.Demo;
using Athanor.Nodes.Reports;

namespace Nodes.Tests.Demo;

public sealed class ModelStepsTests
{
    [Fact]
    public async Task The_kinetics_step_reports_the_published_optimum_and_both_intervals()
    {
        var context = Context(Cluster());
        await new KineticsStep().Run(context, CancellationToken.None);
        var section = Assert.Single(context.Report.Sections);
        var sum = section.Figures.First(figure => figure.Name == "Sum of squares");
        Assert.Equal(("19.872167", true), (sum.Value, sum.Holds));
        var table = Assert.Single(section.Parts.OfType<Table>());
        Assert.Equal(["0.86", "1.66", "15.1", "8.46", "21.0"], table.Rows.Select(row => row[3].Replace(" %", "", StringComparison.Ordinal)));
        Assert.Contains(section.Parts.OfType<string>(), text => text.Contains("pyronene was not measured", StringComparison.Ordinal)
            && text.Contains("the balance was closed", StringComparison.Ordinal) && text.Contains("Box", StringComparison.Ordinal));
        Assert.Equal(2, section.Parts.OfType<Plot>().Count());
        Assert.Contains("kinetics.naive", context.Results.Parts.Keys);
    }

    [Fact]
    public async Task The_sweep_step_maps_all_four_regimes()
    {
        var context = Context(Cluster());
        await new SweepStep().Run(context, CancellationToken.None);
        var section = Assert.Single(context.Report.Sections);
        Assert.Equal(("4 of 4", true), (section.Figures.Single().Value, section.Figures.Single().Holds));
        var regions = Assert.Single(section.Parts.OfType<Plot>().SelectMany(plot => plot.Series).OfType<Series.Regions>());
        Assert.Equal(1600, regions.Class.Length);
        Assert.Equal([0, 1, 2, 3], regions.Class.Distinct().Order());
    }

    [Fact]
    public async Task A_step_begun_again_dispatches_nothing_new_and_gives_the_same_result_hash()
    {
        var cluster = Cluster();
        var first = Context(cluster);
        foreach (IDemoStep step in new IDemoStep[] { new KineticsStep(), new SweepStep() }) await step.Run(first, CancellationToken.None);
        var dispatched = cluster.Dispatched;
        var again = Context(cluster);
        foreach (IDemoStep step in new IDemoStep[] { new KineticsStep(), new SweepStep() }) await step.Run(again, CancellationToken.None);
        Assert.Equal(dispatched, cluster.Dispatched);
        Assert.Equal(first.Results.ToString(), again.Results.ToString());
    }

    [Fact]
    public async Task Data_without_a_column_end_the_step_with_file_and_column()
    {
        var directory = Directory.CreateTempSubdirectory("athanor-");
        try
        {
            var kinetics = directory.CreateSubdirectory("kinetics");
            await File.WriteAllTextAsync(Path.Combine(kinetics.FullName, "alpha_pinene.csv"), "t_min,alpha_pinene_pct\n0,100\n1,99\n2,98\n");
            var context = Context(Cluster()) with { DataDirectory = directory.FullName };
            var error = await Assert.ThrowsAsync<CsvFormatException>(() => new KineticsStep().Run(context, CancellationToken.None));
            Assert.Contains("alpha_pinene.csv", error.Message, StringComparison.Ordinal);
            Assert.Contains("dipentene_pct", error.Message, StringComparison.Ordinal);
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    private static DirectCluster Cluster() => new([.. Families.Deciders], [.. Families.WorkHandlers]);

    private static DemoContext Context(IClusterClient cluster) => new(
        cluster, Small: true, RepositoryFiles.Path("data"), new Uri("https://localhost"), Path.GetTempPath(), new CheckedProgress(),
        new Report("test"), new ResultHash());
}
