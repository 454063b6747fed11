using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Athanor.Nodes.Cli;

namespace Nodes.Tests.Cli;

[Collection("console")]
public sealed class FitCommandTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("athanor-fit-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private string At(string name) => Path.Combine(_folder, name);

    [Fact]
    public async Task Alpha_pinene_is_fitted_printed_drawn_written_and_known_the_second_time()
    {
        string[] arguments = ["fit", RepositoryFiles.Path("examples", "alpha-pinene.hocon"), "--starts", "4", "--seed", "3", "--state", At("state")];
        var text = await Finished(Start(arguments));
        Assert.Contains("alpha-pinene: 40 measurements in 1 experiment(s), 5 parameters estimated", text, StringComparison.Ordinal);
        Assert.Contains("sum of squares 19.8721", text, StringComparison.Ordinal);
        Assert.Contains("p4 / 1/min", text, StringComparison.Ordinal);
        Assert.Contains("Kept as version 1 of default/models/alpha-pinene", text, StringComparison.Ordinal);

        var again = await Finished(Start([.. arguments, "--csv", At("fit.csv"), "--json", At("fit.json"), "--plot", At("fit.svg")]));
        Assert.Equal(text, again);

        using var json = JsonDocument.Parse(await File.ReadAllTextAsync(At("fit.json")));
        Assert.Equal(19.872167, 2 * json.RootElement.GetProperty("value").GetDouble(), 1e-6);
        var p1 = json.RootElement.GetProperty("parameters")[0];
        Assert.Equal("p1", p1.GetProperty("name").GetString());
        Assert.InRange(p1.GetProperty("value").GetDouble(), 5.925e-5, 5.927e-5);

        var lines = await File.ReadAllLinesAsync(At("fit.csv"));
        Assert.Equal("experiment,response,time [min],measured,fitted,sigma", lines[0]);
        Assert.Equal(41, lines.Length);
        Assert.StartsWith("189.5 C,pinene,1230,88.35,", lines[1], StringComparison.Ordinal);
        var sum = lines.Skip(1).Select(l => l.Split(',')).Sum(c => Math.Pow(Number(c[3]) - Number(c[4]), 2));
        Assert.Equal(19.872167, sum, 1e-5);

        var svg = await File.ReadAllTextAsync(At("fit.svg"));
        foreach (var word in (string[])["pinene", "ocimene", "time / min", "% by weight", "<circle"]) Assert.Contains(word, svg, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_fit_killed_between_its_starts_goes_on_and_ends_as_if_nothing_had_happened()
    {
        string[] arguments = ["fit", RepositoryFiles.Path("examples", "methanol.hocon"), "--starts", "64", "--seed", "5", "--json"];
        // The undisturbed run goes on beside.
        var whole = Finished(Start([.. arguments, "--state", At("whole")]));
        using (var first = Start([.. arguments, "--state", At("killed")]))
        {
            // Standard error says how many starts are done; some, but not all, are enough.
            string? line;
            do
            {
                line = await first.StandardError.ReadLineAsync();
                Assert.True(line is not null, "the fit ended before it was killed");
            }
            while (!line.StartsWith("fit: ", StringComparison.Ordinal));
            Assert.DoesNotContain("all starts done", line, StringComparison.Ordinal);
            first.Kill();
            await first.WaitForExitAsync();
        }
        Assert.Equal(await whole, await Finished(Start([.. arguments, "--state", At("killed")])));
    }

    [Theory]
    [InlineData("nowhere.hocon: there is no such file", "nowhere.hocon")]
    [InlineData("nowhere.yaml: there is no such file", "nowhere.yaml")]
    [InlineData("neither a HOCON file, a PEtab problem (*.yaml) nor a benchmark", "reactor")]
    [InlineData("--data FILE.csv is needed", "van-de-vusse")]
    [InlineData("no column is named as a state of van-de-vusse", "van-de-vusse", "--data", "{wrong.csv}")]
    [InlineData("van-de-vusse has no parameter 'k9'; it has", "van-de-vusse", "--data", "{right.csv}", "--estimate", "k9")]
    [InlineData("text.csv:3: column 'A' holds 'much', which is no finite number", "van-de-vusse", "--data", "{text.csv}")]
    [InlineData("has no column 'z'; it has t, A", "{column.hocon}")]
    [InlineData("bounds.hocon:2: fit.parameters.k.lower is missing", "{bounds.hocon}")]
    [InlineData("there is no 'q'", "{unknown.hocon}")]
    [InlineData("--starts 0: at least one is needed", "{good.hocon}", "--starts", "0")]
    [InlineData("--level 2: it must be above 0.5 and below 1", "{good.hocon}", "--level", "2")]
    public async Task A_mistake_gets_one_clear_line(string expected, params string[] arguments)
    {
        const string Good = "fit {\n  name = g, equations { A = \"-k * A\" }, parameters { k { lower = 1e-3, upper = 1, scale = log } }\n"
            + "  experiments = [ { name = one, data = right.csv, start = first-row, columns { A = A } } ]\n}\n";
        var files = new Dictionary<string, string>
        {
            ["wrong.csv"] = "t,x\n0,1\n1,2\n",
            ["right.csv"] = "t,A\n0,1\n1,0.5\n2,0.3\n",
            ["text.csv"] = "t,A\n0,1\n1,much\n",
            ["good.hocon"] = Good,
            ["column.hocon"] = Good.Replace("A = A }", "A = z }", StringComparison.Ordinal),
            ["bounds.hocon"] = Good.Replace("lower = 1e-3, ", "", StringComparison.Ordinal),
            ["unknown.hocon"] = Good.Replace("-k * A", "-q * A", StringComparison.Ordinal),
        };
        foreach (var (name, content) in files) await File.WriteAllTextAsync(At(name), content);
        var error = await Assert.ThrowsAsync<UserException>(
            () => Run(["fit", .. arguments.Select(a => a.StartsWith('{') ? At(a.Trim('{', '}')) : a), "--state", At("state")]));
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
        Assert.Equal(ExitCodes.BadInput, error.ExitCode);
    }

    private static double Number(string cell) => double.Parse(cell, CultureInfo.InvariantCulture);

    /// <summary>The program itself: its slots are processes of it, too.</summary>
    private static Process Start(string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardError = true, RedirectStandardOutput = true, UseShellExecute = false };
        start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, "athanor.dll"));
        foreach (var argument in arguments) start.ArgumentList.Add(argument);
        return Process.Start(start)!;
    }

    /// <summary>What a program that succeeds prints.</summary>
    private static async Task<string> Finished(Process process)
    {
        using (process)
        {
            var (output, errors) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
            await process.WaitForExitAsync();
            Assert.True(process.ExitCode == 0, await errors);
            return await output;
        }
    }

    private static Task<string> Run(params string[] arguments) => CommandLine.Run(ExitCodes.Success, arguments);
}
