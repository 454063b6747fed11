using System.Text.Json;
using Athanor.Compute.Faults;
using Athanor.Hosting.Configuration.Hocon;
using Athanor.Hosting.Specifications;
using Athanor.Nodes;
using Athanor.Nodes.Cli;
using Athanor.Tests;

namespace Nodes.Tests.Cli;

/// <summary><c>reconcile</c> and <c>monitor</c> on their examples, and what they say of mistakes.</summary>
[Collection("console")]
public sealed class ReconcileCommandTests : IDisposable
{
    private static readonly string Example = RepositoryFiles.Path("examples", "reconcile-exchanger.hocon");

    private readonly string _folder = Directory.CreateTempSubdirectory("athanor-reconcile-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task The_example_names_the_meter_that_reads_too_much()
    {
        var text = await Run("reconcile", Example);
        Assert.Contains("they do NOT fit", text, StringComparison.Ordinal);
        Assert.Contains("Gross error: from-hx by +3.559", text, StringComparison.Ordinal);
        Assert.Contains("the rest fits", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Json_has_every_variable_with_its_class()
    {
        using var json = JsonDocument.Parse(await Run("reconcile", Example, "--json"));
        var duty = json.RootElement.GetProperty("variables").EnumerateArray().Single(v => v.GetProperty("name").GetString() == "duty");
        Assert.Equal("observable", duty.GetProperty("class").GetString());
        Assert.Equal(9834.7, duty.GetProperty("value").GetDouble(), 0.1);
    }

    [Fact]
    public async Task Rows_of_a_table_are_reconciled_one_by_one()
    {
        var rows = Path.Combine(_folder, "rows.csv");
        await File.WriteAllTextAsync(rows, "time,feed,from-hx,product.T\n0,101.9,64.2,48.5\n60,99.0,,60\n");
        var text = await Run("reconcile", Example, "--csv", rows);
        Assert.Contains("1 of 2 rows do not fit the balances.", text, StringComparison.Ordinal);
        await File.WriteAllTextAsync(rows, "feed\n1e9999\n");
        Assert.Contains("line 2: feed is '1e9999'", await Fails("reconcile", Example, "--csv", rows), StringComparison.Ordinal);
        await File.WriteAllTextAsync(rows, "fed\n1\n");
        Assert.Contains("there is no variable 'fed'", await Fails("reconcile", Example, "--csv", rows), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("\"321.7 K\"", "\"321.7 kg\"",
        "bad.hocon:23: reconcile.streams.product.T.value: it must be in degC; kg is another kind of quantity")]
    [InlineData("in = [bypass]", "in = [bypas]", "there is no stream 'bypas'")]
    [InlineData("kind = splitter", "kind = spliter", "reconcile.units.splitter.kind: it must be node or splitter")]
    [InlineData("sd = \"0.3 K\"", "sd = 0", "reconcile.streams.product.T.sd: it must be above 0")]
    [InlineData("flow-unit = \"kg/s\"", "", "reconcile.flow-unit: it is missing")]
    [InlineData("duty { unit = \"kW\" }", "", "there is no variable 'duty'")]
    public void A_mistake_in_the_file_is_told_with_its_place(string good, string bad, string message)
    {
        var text = File.ReadAllText(Example);
        Assert.Contains(good, text, StringComparison.Ordinal);
        var error = Assert.Throws<HoconException>(() =>
            ReconcileFile.Parse("bad.hocon", text.Replace(good, bad, StringComparison.Ordinal)));
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_monitor_of_the_example_finds_and_names_a_fault_and_draws_it()
    {
        var (plot, saved) = (Path.Combine(_folder, "tep.svg"), Path.Combine(_folder, "tep.json"));
        using var json = JsonDocument.Parse(await Run(
            "monitor", RepositoryFiles.Path("examples", "tep-monitor.hocon"), RepositoryFiles.Path("data", "tep", "d04_te.dat.gz"),
                "--plot", plot,
            "--save", saved, "--json"));
        // The fault starts after row 160: row 161 is at 160.
        Assert.Equal(160, json.RootElement[0].GetProperty("first").GetInt32());
        Assert.Equal("XMV(10)", json.RootElement[0].GetProperty("at").GetProperty("causes")[0].GetProperty("name").GetString());
        Assert.Contains("<svg", await File.ReadAllTextAsync(plot), StringComparison.Ordinal);
        Assert.Equal("cva.T2-state", Detector.Create(DetectorSettings.FromJson(await File.ReadAllTextAsync(saved))).Scores[0]);
    }

    private static Task<string> Run(params string[] arguments) => CommandLine.Run(ExitCodes.Success, arguments);

    private static async Task<string> Fails(params string[] arguments) =>
        (await Assert.ThrowsAsync<UserException>(() => CommandLine.Invoke(arguments))).Message;
}
