using System.CommandLine;
using System.Globalization;
using Athanor.Compute.Ode;
using Athanor.Compute.Reactors.Flowsheets;
using Athanor.Compute.Reactors.Residence;
using Athanor.Nodes.Plots;

namespace Athanor.Nodes.Cli.Simulation;

/// <summary><c>rtd</c>: the residence-time distribution of a unit or a plant.</summary>
internal static class RtdCommand
{
    private static readonly Argument<string> What = new("what")
    {
        Description = "A HOCON file with a plant, or 'tank', 'tanks' (in series) or 'tube'.",
        HelpName = "FILE|tank|tanks|tube",
    };

    private static readonly Option<string?> From = new("--from")
    {
        Description = "The feed that carries the tracer, of several.",
        HelpName = "FEED"
    };
    private static readonly Option<string?> At = new("--at")
    {
        Description = "The unit whose outlet is watched (default: the last).",
        HelpName = "UNIT"
    };
    private static readonly Option<double?> Until = new("--until")
    {
        Description = "The end of the curves (default: five mean times).",
        HelpName = "T"
    };
    private static readonly Option<double> Tau = new("--tau")
    {
        Description = "Mean residence time of tank, tanks and tube.",
        HelpName = "T",
        DefaultValueFactory = _ => 1.0
    };
    private static readonly Option<int> Number = new("--number")
    {
        Description = "Tanks in series.",
        HelpName = "N",
        DefaultValueFactory = _ => 3
    };
    private static readonly Option<double?> Peclet = new("--peclet")
    {
        Description = "uL/D of the tube (default: no dispersion).",
        HelpName = "PE"
    };
    private static readonly Option<int> Cells = new("--cells")
    {
        Description = "Cells of the tube.",
        HelpName = "N",
        DefaultValueFactory = _ => 100
    };
    private static readonly Outputs Outputs = new();

    public static Command Create()
    {
        var command = Cli.Command(
            "rtd", "Measures the residence-time distribution of a unit or a plant with a tracer, and compares its moments with theory.",
            "rtd tube --tau 2 --peclet 20 --plot rtd.svg", "rtd tanks --number 5 --tau 10", "rtd examples/tracer-plant.hocon --plot plant.svg");
        command.Arguments.Add(What);
        Option[] options = [From, At, Until, Tau, Number, Peclet, Cells];
        foreach (var option in options) command.Options.Add(option);
        Outputs.AddTo(command);
        command.SetAction(Measure);
        return command;
    }

    private static async Task<int> Measure(ParseResult parsed, CancellationToken cancellation)
    {
        var what = parsed.GetRequiredValue(What);
        var spec = Spec(parsed, what);
        Outputs.Check(parsed);
        if (parsed.GetValue(Until) is { } end && !(end > 0 && double.IsFinite(end)))
            throw new UserException(FormattableString.Invariant($"--until {end:R}: the end must be positive"));
        ResidenceTimes times;
        try
        {
            times = await new LongRun($"rtd {spec.Name}", "", 0, TimeProvider.System).Run(
                () => ResidenceTime.Measure(spec, parsed.GetValue(From), parsed.GetValue(At), parsed.GetValue(Until),
                    cancellation: cancellation), cancellation);
        }
        catch (Exception e) when (e is OdeException or ArgumentException)
        {
            throw new UserException($"rtd {what}: {e.Message}");
        }
        if (!Outputs.Quiet(parsed)) Print(spec, times);
        Outputs.Write(
            parsed, [SimulateCommand.Label("t", spec.TimeUnit), "F", SimulateCommand.Label("E", "1/" + spec.TimeUnit)],
            () => Enumerable.Range(0, times.Times.Length).Select(i => new[] { times.Times[i], times.Step[i], times.Pulse[i] }),
            () => new
            {
                spec.Name,
                spec.TimeUnit,
                times.Mean,
                times.Variance,
                times.ExactMean,
                times.ExactVariance,
                times.TanksInSeries,
                times.DispersionNumber,
                times.Times,
                F = times.Step,
                E = times.Pulse
            },
            () =>
            [
                new LinePlot($"Residence times of {spec.Title}: pulse", $"time / {spec.TimeUnit}", $"E / (1/{spec.TimeUnit})").Line("E",
                    times.Times, times.Pulse).Plot,
                new LinePlot("Step", $"time / {spec.TimeUnit}", "F").Line("F", times.Times, times.Step, colour: 1).Plot,
            ]);
        return ExitCodes.Success;
    }

    private static FlowsheetSpec Spec(ParseResult parsed, string what)
    {
        if (ProblemSource.IsFile(what)) return ProblemSource.LoadPlant(what).Spec;
        var tau = parsed.GetValue(Tau);
        if (!(tau > 0 && double.IsFinite(tau))) throw new UserException(FormattableString.Invariant($"--tau {tau:R}: the mean residence time must be positive"));
        var number = parsed.GetValue(Number);
        if (number is < 1 or > 1000) throw new UserException($"--number {number}: from 1 to 1,000 tanks are possible");
        if (parsed.GetValue(Peclet) is { } given && !(given > 0)) throw new UserException(FormattableString.Invariant($"--peclet {given:R}: it must be positive"));
        var dispersion = parsed.GetValue(Peclet) is { } peclet ? 1.0 / (tau * peclet) : 0.0;
        UnitSpec[] units = what switch
        {
            "tank" => [new TankSpec("tank", tau)],
            "tanks" => [.. Enumerable.Range(1, number).Select(i => new TankSpec($"tank{i}", tau / number))],
            "tube" => [new TubeSpec("tube", 1.0, tau) { Cells = parsed.GetValue(Cells), Dispersion = dispersion }],
            _ => throw new UserException($"'{what}' is neither a file nor one of tank, tanks, tube"),
        };
        return new FlowsheetSpec
        {
            Name = what,
            Title = what switch
            {
                "tanks" => $"{number} tanks in series",
                "tube" => dispersion == 0 ? "a tube without dispersion" : string.Create(CultureInfo.InvariantCulture,
                    $"a tube with Pe = {parsed.GetValue(Peclet)}"),
                _ => "a stirred tank",
            },
            Species = [new SpeciesSpec("tracer", "")],
            Stoichiometry = [],
            Units = [.. units],
            Feeds = [new FeedSpec("feed", units[0].Name, Signal.Constant(1.0), [Signal.Constant(1.0)], Signal.Constant(298.15))],
            Links = [.. units.Zip(units.Skip(1), (a, b) => new LinkSpec(a.Name, b.Name))],
        };
    }

    private static void Print(FlowsheetSpec spec, ResidenceTimes times)
    {
        Console.Out.WriteLine($"Residence times of {spec.Title}");
        Outputs.Print([SimulateCommand.Label("t", spec.TimeUnit), "F", SimulateCommand.Label("E", "1/" + spec.TimeUnit)],
            [.. Enumerable.Range(0, times.Times.Length).Select(i => new[] { times.Times[i], times.Step[i], times.Pulse[i] })], 11);
        Row("mean", times.Mean, times.ExactMean, spec.TimeUnit);
        Row("variance", times.Variance, times.ExactVariance, spec.TimeUnit + "²");
        Row("variance/mean²", times.Variance / (times.Mean * times.Mean), times.ExactVariance / (times.ExactMean * times.ExactMean), "");
        Console.Out.WriteLine($"tanks in series     {Outputs.Number(times.TanksInSeries)}");
        Console.Out.WriteLine(double.IsFinite(times.DispersionNumber)
            ? $"dispersion number   {Outputs.Number(times.DispersionNumber)}  (D/uL of a tube with closed ends)"
            : "dispersion number   none: the distribution is as wide as a stirred tank's or wider");
        Console.Out.WriteLine($"left at the end     {Math.Abs(times.Remainder).ToString("G2", CultureInfo.InvariantCulture)} of the tracer, which the moments leave out");

        void Row(string name, double measured, double exact, string unit) =>
            Console.Out.WriteLine($"{name,-18}  {$"{Outputs.Number(measured)} {unit}",-16} theory {Outputs.Number(exact)} {unit}".TrimEnd());
    }
}
