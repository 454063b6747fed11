using System.Globalization;
using System.Text.Json;
using Athanor.Nodes;
using Athanor.Nodes.Cli;

namespace Nodes.Tests.Cli;

[Collection("console")]
public sealed class SimulationCommandsTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("athanor-simulate-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task A_trajectory_is_printed_drawn_and_written()
    {
        var text = await Run(
            "simulate", "consecutive", "--until", "5", "--points", "51", "--csv", At("a.csv"), "--json", At("a.json"), "--plot", At("a.svg"));
        Assert.Contains("A [mol/L]", text, StringComparison.Ordinal);
        var lines = await File.ReadAllLinesAsync(At("a.csv"));
        Assert.Equal("t [min],A [mol/L],B [mol/L],C [mol/L]", lines[0]);
        Assert.Equal(52, lines.Length);
        // What is lost of A is in B and C, in every line.
        foreach (var row in lines.Skip(1).Select(Numbers)) Assert.Equal(Numbers(lines[1])[1..].Sum(), row[1..].Sum(), 1e-9);
        using var json = JsonDocument.Parse(await File.ReadAllTextAsync(At("a.json")));
        Assert.Equal(51, json.RootElement.GetProperty("states")[0].GetProperty("values").GetArrayLength());
        Assert.Equal(Numbers(lines[^1])[1], json.RootElement.GetProperty("states")[0].GetProperty("values")[50].GetDouble());
        Assert.Contains("time / min", await File.ReadAllTextAsync(At("a.svg")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_sweep_s_conditions_are_those_of_single_trajectories()
    {
        await Run("sweep", "consecutive", "--vary", "k1=0.5:1.5:3", "--until", "2", "--rtol", "1e-9", "--csv", At("s.csv"), "--plot", At("s.svg"));
        var rows = (await File.ReadAllLinesAsync(At("s.csv"))).Skip(1).Select(Numbers).ToArray();
        Assert.Equal([0.5, 1.0, 1.5], rows.Select(r => r[0]));
        await Run("simulate", "consecutive", "--set", "k1=1.5", "--until", "2", "--rtol", "1e-9", "--csv", At("one.csv"));
        var one = Numbers((await File.ReadAllLinesAsync(At("one.csv")))[^1]);
        for (var i = 1; i <= 3; i++) Assert.Equal(one[i], rows[2][i], 1e-7);
        Assert.Contains("<svg", await File.ReadAllTextAsync(At("s.svg")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_distribution_has_the_moments_of_its_tanks()
    {
        var text = await Run("rtd", "tanks", "--number", "4", "--tau", "2", "--json", At("r.json"), "--plot", At("r.svg"));
        Assert.Contains("tanks in series     4", text, StringComparison.Ordinal);
        using var json = JsonDocument.Parse(await File.ReadAllTextAsync(At("r.json")));
        Assert.Equal(2.0, json.RootElement.GetProperty("mean").GetDouble(), 1e-6);
        Assert.Equal(1.0, json.RootElement.GetProperty("variance").GetDouble(), 1e-5);
    }

    /// <summary>Every example of a reactor runs as it is, and its table has a unit at every number that has one.</summary>
    [Theory]
    [InlineData("catalyst-batch", "Amine [mol/m^3]")]
    [InlineData("chemostat", "X [g/L]")]
    [InlineData("enzyme-batch", "Glucose [mol/L]")]
    [InlineData("exothermic-cstr", "T [K]")]
    [InlineData("jacketed-tube", "its liquid loses ")]
    [InlineData("packed-bed-profile", "P [Pa]")]
    [InlineData("penicillin-fed-batch", " 8.8016")]
    [InlineData("recycle-plant", "7 of 9 are shown; --show tube.C[60],... chooses others")]
    [InlineData("tracer-plant", "tank.tracer [mol/m^3]")]
    public async Task An_example_runs_and_names_its_units(string name, string expected)
    {
        var text = await Run("simulate", RepositoryFiles.Path("examples", name + ".hocon"), "--plot", At("plot.svg"));
        Assert.Contains(expected, text, StringComparison.Ordinal);
        Assert.DoesNotContain("NaN", text, StringComparison.Ordinal);
        Assert.Contains("<svg", await File.ReadAllTextAsync(At("plot.svg")), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("tank.V is at least 1E-12 L", "simulate", "{recycle-plant}", "--set", "tank.V=0")]
    [InlineData("benchmarks are exothermic-cstr", "simulate", "nosuch")]
    [InlineData("there is no such file", "simulate", "nosuch.hocon")]
    [InlineData("has no parameter 'kk'; it has k1, k2", "simulate", "consecutive", "--set", "kk=1")]
    [InlineData("q is at least 0 L/min", "simulate", "exothermic-cstr", "--set", "q=-1")]
    [InlineData("Sf is at most 1000 g/L", "simulate", "penicillin", "--set", "Sf=1001")]
    [InlineData("F is at most 1 L/h", "sweep", "penicillin", "--vary", "F=0.1:2:5")]
    [InlineData("'NaN' is no finite number", "simulate", "exothermic-cstr", "--set", "q=NaN")]
    [InlineData("Ca is at least 0 mol/L", "simulate", "exothermic-cstr", "--initial", "Ca=-3")]
    [InlineData("has no state 'Z'; it has A, B, C", "simulate", "consecutive", "--show", "Z")]
    [InlineData("the end must lie after it", "simulate", "consecutive", "--until", "-1")]
    [InlineData("no range; FROM:TO:N", "sweep", "consecutive", "--vary", "k1=1:2")]
    [InlineData("q is at least 0 L/min", "sweep", "exothermic-cstr", "--vary", "q=-10:10:5")]
    [InlineData("--threads -4", "sweep", "consecutive", "--vary", "k1=1:2:3", "--threads=-4")]
    [InlineData("neither a file nor one of tank, tanks, tube", "rtd", "nosuch")]
    [InlineData("--peclet -1", "rtd", "tube", "--peclet=-1")]
    public async Task A_mistake_gets_one_clear_line(string expected, params string[] arguments)
    {
        string Named(string a) => a.StartsWith('{') ? RepositoryFiles.Path("examples", a.Trim('{', '}') + ".hocon") : a;
        var error = await Assert.ThrowsAsync<UserException>(() => Run([.. arguments.Select(Named)]));
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
        Assert.Equal(ExitCodes.BadInput, error.ExitCode);
    }

    /// <summary>Asked before anything is calculated: the message comes though the model could not be solved either.</summary>
    [Theory]
    [InlineData("--csv", "out.csv")]
    [InlineData("--json", "out.json")]
    [InlineData("--plot", "out.svg")]
    public async Task A_file_that_cannot_be_written_is_refused_before_the_work(string option, string file)
    {
        await File.WriteAllTextAsync(At("file"), "");
        var path = Path.Combine(At("file"), file);
        foreach (var command in (string[][])[
            ["simulate", "robertson", "--until", "1e300", "--method", "Tsit5"], ["sweep", "consecutive", "--vary", "k1=1:2:3"], ["rtd", "tanks"],
            ["bifurcate", "exothermic-cstr", "--parameter", "Tc", "--from", "290", "--to", "320"],
            ["fit", RepositoryFiles.Path("examples", "alpha-pinene.hocon"), "--state", At("state")]])
        {
            var error = await Assert.ThrowsAsync<UserException>(() => Run([.. command, option, path]));
            Assert.StartsWith($"{option} {path}: it cannot be written: ", error.Message, StringComparison.Ordinal);
            Assert.Equal(ExitCodes.BadInput, error.ExitCode);
        }
        // What can be written is not left behind empty by a solve that fails.
        await Assert.ThrowsAsync<UserException>(() => Run("simulate", "consecutive", "--set", "k1=nan", option, At(file)));
        Assert.False(File.Exists(At(file)));
    }

    [Theory]
    [InlineData("for option '--method'. Did you mean one of the following? Auto,", "simulate", "consecutive", "--method", "Foo")]
    [InlineData("athanor sweep --help shows", "sweep", "consecutive")]
    public void Arguments_that_cannot_be_read_get_one_line_too(string expected, params string[] arguments)
    {
        var mistake = Program.Mistake(Root.Create().Parse(arguments));
        Assert.Contains(expected, mistake, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', mistake);
    }

    private string At(string name) => Path.Combine(_folder, name);

    private static double[] Numbers(string line) => [.. line.Split(',').Select(v => double.Parse(v, CultureInfo.InvariantCulture))];

    private static Task<string> Run(params string[] arguments) => CommandLine.Run(ExitCodes.Success, arguments);
}
