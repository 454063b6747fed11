using System.Globalization;
using System.Text.Json;
using Athanor.Nodes.Cli;

namespace Nodes.Tests.Cli;

[Collection("console")]
public sealed class TwinsCommandsTests : IDisposable
{
    private const string Unit = """
        twin {
          unit = tank
          sample = "6 s"
          lag-window = "3 min"
          model { benchmark = exothermic-cstr }
          initial { Ca = 0.9, T = "310 K" }
          inputs { Tc { low = "280 K", high = "320 K", start = "290 K" } }
          sensors { T { noise = "0.2 K" }, Ca { noise = "0.01 mol/L", period = "30 s" } }
          estimator {
            process-noise { T = "0.2 K per min", Ca = "0.002 mol/L per min" }
            estimate { UA { sd = "10 %", walk = "1 % per min" } }
          }
          alarms { T.high { signal = T, above = "325 K", dead-band = "1 K", priority = high } }
          plant { duration = "5 min", parameters { UA = "90 %" }, process-noise { T = "0.1 K per min" } }
        }
        """;

    private readonly string _folder = Directory.CreateTempSubdirectory("athanor-twins-").FullName;

    public TwinsCommandsTests() => File.WriteAllText(At("tank.hocon"), Unit);

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task A_unit_is_created_fed_watched_and_rewound_to_what_it_was()
    {
        Assert.Contains("T.high", await Run("twins", "create", At("tank.hocon")), StringComparison.Ordinal);
        // The same again is the same twin; another one under its id is refused.
        await Run("twins", "create", At("tank.hocon"));
        File.WriteAllText(At("other.hocon"), Unit.Replace("noise = \"0.2 K\"", "noise = \"0.3 K\"", StringComparison.Ordinal));
        await Assert.ThrowsAsync<UserException>(() => Run("twins", "create", At("other.hocon")));

        Feed("first.csv", 0, 20, "time [s],T [degC],Ca [mol/L]", kelvin => kelvin - 273.15);
        var fed = await Run("twins", "feed", "tank", "--csv", At("first.csv"), "--batch", "7");
        Assert.Contains("20 rows, 24 samples taken, 0 known before, 0 too late", fed, StringComparison.Ordinal);
        var then = await Json("twins", "watch", "tank");
        Assert.InRange(Estimate(then, "T"), 308.0, 316.0);
        Assert.Equal(20, then.GetProperty("row").GetInt64());

        Feed("second.csv", 20, 40, "time [s],T [K],Ca [mol/L]", static kelvin => kelvin);
        var again = await Run("twins", "feed", "tank", "--csv", At("first.csv"));
        Assert.Contains("24 known before", again, StringComparison.Ordinal);
        await Run("twins", "feed", "tank", "--csv", At("second.csv"));
        Assert.Equal(40, (await Json("twins", "watch", "tank")).GetProperty("row").GetInt64());

        // The journal alone says what it was at the end of the first file: 19 samples after the first.
        var was = (await Json("twins", "rewind", "tank", "--at", "115s")).GetProperty("view");
        Assert.Equal(Estimate(then, "T"), Estimate(was, "T"));
        Assert.Equal(Estimates(then), Estimates(was));
        var none = await Assert.ThrowsAsync<UserException>(() => Run("twins", "rewind", "tank", "--event", "100000"));
        Assert.Contains("tank has no event 100000; the journal keeps 1 to", none.Message, StringComparison.Ordinal);

        await Run("twins", "history", "tank", "--all", "--csv", At("history.csv"), "--plot", At("history.svg"));
        Assert.StartsWith("row,time,", (await File.ReadAllLinesAsync(At("history.csv")))[0], StringComparison.Ordinal);
        Assert.Contains("T / K", await File.ReadAllTextAsync(At("history.svg")), StringComparison.Ordinal);

        var before = (await Json("twins", "show", "tank")).ToString();
        var roll = await Json("twins", "what-if", "tank", "Tc=26.85 degC", "--for", "10m");
        Assert.Equal(2, roll.GetProperty("names").GetArrayLength());
        Assert.Equal(before, (await Json("twins", "show", "tank")).ToString());
    }

    [Fact]
    public async Task Alarms_are_raised_listed_acknowledged_and_shelved()
    {
        await Run("twins", "create", At("tank.hocon"));
        File.WriteAllLines(At("hot.csv"), ["time [s],T [K]", "0,310", "6,311", "12,327"]);
        await Run("twins", "feed", "tank", "--csv", At("hot.csv"));
        Assert.Contains("in alarm, not acknowledged", await Run("twins", "alarms", "tank"), StringComparison.Ordinal);
        Assert.Contains("T.high is acknowledged", await Run("twins", "acknowledge", "tank", "T.high", "--why", "seen"), StringComparison.Ordinal);
        Assert.Contains("in alarm, acknowledged", await Run("twins", "alarms", "tank"), StringComparison.Ordinal);
        var why = await Assert.ThrowsAsync<UserException>(() => Run("twins", "shelve", "tank", "T.high", "--for", "30m"));
        Assert.Contains("--why TEXT is needed", why.Message, StringComparison.Ordinal);
        await Run("twins", "shelve", "tank", "T.high", "--for", "30m", "--why", "the sensor is being changed");
        Assert.Contains("shelved", await Run("twins", "alarms", "tank"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_twin_runs_against_a_simulated_plant_and_draws_it()
    {
        var text = await Run("twins", "run", At("tank.hocon"), "--against", "plant", "--plot", At("run.svg"), "--csv", At("run.csv"));
        Assert.Contains("51 samples of default/twins/tank-run-1", text, StringComparison.Ordinal);
        var svg = await File.ReadAllTextAsync(At("run.svg"));
        foreach (var word in (string[])["T / K", "plant", "twin", "UA, estimated"]) Assert.Contains(word, svg, StringComparison.Ordinal);
        Assert.Equal(52, (await File.ReadAllLinesAsync(At("run.csv"))).Length);
        // The next run is of another twin, and of the same plant: the same samples, the same estimates to the bit.
        var (first, second) = (await Json("twins", "watch", "tank-run-1"), await Json("twins", "run", At("tank.hocon")));
        Assert.Equal("default/twins/tank-run-2", second.GetProperty("twin").GetString());
        Assert.Equal(Estimates(first), Estimates(second.GetProperty("end")));
    }

    [Theory]
    [InlineData("time [s],T [mol/L]", "0,310", "in.csv:1: column 'T [mol/L]': 'mol/L' cannot be converted to K; T is in K")]
    [InlineData("time [s],p [bar]", "0,1", "in.csv:1: tank has no signal 'p'; its signals are T, Ca, Tc. --ignore p leaves the column out")]
    [InlineData("time [K],T [K]", "0,310", "in.csv:1: times are in K; s, ms, min, h or d would be right")]
    [InlineData("time [s],T [K]", "0,hot", "in.csv:2: column 'T' holds 'hot'; a finite number such as 21.5 would be right, or nothing")]
    [InlineData("time [s],T [K]", "0,NaN", "in.csv:2: column 'T' holds 'NaN'")]
    [InlineData("time [s],T [K]", "noon,310", "in.csv:2: the time is 'noon'; a number of seconds or a date such as")]
    [InlineData("time [s],T [K]", "0,310,1", "in.csv:2: 3 cells where the header has 2")]
    public async Task A_file_that_does_not_fit_is_refused_with_line_and_column(string head, string row, string says)
    {
        await Run("twins", "create", At("tank.hocon"));
        File.WriteAllLines(At("in.csv"), [head, row]);
        var error = await Assert.ThrowsAsync<UserException>(() => Run("twins", "feed", "tank", "--csv", At("in.csv")));
        Assert.Contains(says, error.Message, StringComparison.Ordinal);
        Assert.Equal(ExitCodes.BadInput, error.ExitCode);
    }

    [Fact]
    public async Task What_a_command_line_gets_wrong_is_told_before_anything_is_asked()
    {
        foreach (var (arguments, says) in ((string[], string)[])
        [
            (["twins", "create", At("none.hocon")], "there is no such file"),
            (["twins", "rewind", "tank"], "which moment? --at MOMENT or --event N"),
            (["twins", "mode", "tank", "open"], "'open' is no mode; off, shadow, advisory or closed-loop would be right"),
            (["twins", "setpoint", "tank", "T"], "'T' is no NAME=VALUE; one such as T=350 would be right"),
            (["twins", "watch", "tank"], "there is no default/twins/tank; 'athanor twins list' shows those that are"),
            (["twins", "run", At("tank.hocon"), "--against", "wall"], "--against wall: plant would be right"),
        ])
        {
            var error = await Assert.ThrowsAsync<UserException>(() => Run(arguments));
            Assert.Contains(says, error.Message, StringComparison.Ordinal);
        }
    }

    private string At(string name) => Path.Combine(_folder, name);

    /// <summary>A tank that warms up slowly: T at every sample, Ca at every fifth.</summary>
    private void Feed(string name, int from, int until, string head, Func<double, double> unit) => File.WriteAllLines(
        At(name), [head, .. Enumerable.Range(from, until - from).Select(k => string.Create(
            CultureInfo.InvariantCulture, $"{6 * k},{unit(310.0 + (0.1 * k))},{(k % 5 == 0 ? "0.9" : "")}"))]);

    private static double[] Estimates(JsonElement view) =>
        [.. view.GetProperty("estimates").EnumerateArray().SelectMany(static e => new[] { e.GetProperty("value").GetDouble(), e.GetProperty("sd").GetDouble() })];

    private static double Estimate(JsonElement view, string name) => view.GetProperty("estimates").EnumerateArray()
        .First(e => e.GetProperty("name").GetString() == name).GetProperty("value").GetDouble();

    private Task<string> Run(params string[] arguments) => CommandLine.Run(ExitCodes.Success, [.. arguments, "--state", At("state")]);

    private async Task<JsonElement> Json(params string[] arguments) => JsonDocument.Parse(await Run([.. arguments, "--json"])).RootElement;
}
