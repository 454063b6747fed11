using System.Globalization;
using System.Text.Json;
using Athanor.Nodes.Cli;

namespace Nodes.Tests.Cli;

[Collection("console")]
public sealed class BifurcateCommandTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("athanor-bifurcate-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private string File(string name) => Path.Combine(_folder, name);

    [Fact]
    public async Task The_exothermic_tank_is_printed_drawn_and_written()
    {
        var text = await Run(
            "bifurcate", "exothermic-cstr", "--parameter", "Tc", "--from", "290", "--to", "320", "--csv", File("tank.csv"), "--json", File("tank.json"),
            "--plot", File("tank.svg"));
        Assert.Contains("303.229272", text, StringComparison.Ordinal);
        Assert.Contains("306.219869", text, StringComparison.Ordinal);
        Assert.Contains("no bifurcation: two real eigenvalues cancel", text, StringComparison.Ordinal);
        Assert.Contains("proven complete by interval arithmetic", text, StringComparison.Ordinal);
        Assert.Contains("homoclinic orbit, Tc = 303.2243", text, StringComparison.Ordinal);
        Assert.Contains("Box: Ca 0 … 1.5 mol/L, T 250 … 600 K", text, StringComparison.Ordinal);

        using var json = JsonDocument.Parse(await System.IO.File.ReadAllTextAsync(File("tank.json")));
        var kinds = json.RootElement.GetProperty("specialPoints").EnumerateArray().Select(s => s.GetProperty("kind").GetString());
        Assert.Equal(["Hopf", "fold", "fold", "neutral saddle"], kinds.Order(StringComparer.Ordinal));
        Assert.Equal("Homoclinic", json.RootElement.GetProperty("cycles")[0].GetProperty("end").GetString());

        var lines = await System.IO.File.ReadAllLinesAsync(File("tank.csv"));
        Assert.Equal("kind,branch,Tc [K],unstable,period [min],Ca min [mol/L],Ca max [mol/L],T min [K],T max [K]", lines[0]);
        Assert.Contains(lines, l => l.StartsWith("0,", StringComparison.Ordinal));
        Assert.Contains(lines, l => l.StartsWith("1,", StringComparison.Ordinal));
        Assert.All(lines, l => Assert.DoesNotContain("NaN", l, StringComparison.Ordinal));

        var svg = await System.IO.File.ReadAllTextAsync(File("tank.svg"));
        foreach (var word in (string[])["stable steady state", "unstable steady state", "stable cycle", "Hopf", "fold", "period / min"])
            Assert.Contains(word, svg, StringComparison.Ordinal);
        Assert.Contains("stroke-dasharray", svg, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("it has Tc, Tf", "exothermic-cstr", "--parameter", "Tcool", "--from", "290", "--to", "320")]
    [InlineData("two different finite ends", "exothermic-cstr", "--parameter", "Tc", "--from", "290", "--to", "290")]
    [InlineData("makes sense from 273.15 to 350 K", "exothermic-cstr", "--parameter", "Tc", "--from", "100", "--to", "290")]
    [InlineData("STATE=LOW:HIGH", "exothermic-cstr", "--parameter", "Tc", "--from", "290", "--to", "300", "--box", "T=9")]
    [InlineData("No steady state in this box", "exothermic-cstr", "--parameter", "Tc", "--from", "290", "--to", "300", "--box", "Ca=1.2:1.5")]
    [InlineData("conserved quantity", "robertson", "--parameter", "k1", "--from", "0.01", "--to", "0.1")]
    [InlineData("neither a file nor a benchmark", "reactor", "--parameter", "k1", "--from", "0.01", "--to", "0.1")]
    public async Task A_mistake_gets_one_clear_line(string expected, params string[] arguments)
    {
        var error = await Assert.ThrowsAsync<UserException>(() => Run(["bifurcate", .. arguments]));
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
        Assert.Equal(ExitCodes.BadInput, error.ExitCode);
    }

    private static Task<string> Run(params string[] arguments) => CommandLine.Run(ExitCodes.Success, arguments);
}
