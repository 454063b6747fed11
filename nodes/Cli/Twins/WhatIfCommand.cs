using System.Collections.Immutable;
using System.CommandLine;
using Athanor.Hosting.Configuration.Hocon;
using Athanor.Hosting.Runtime;
using Athanor.Nodes.Cli.Simulation;
using Athanor.Nodes.Plots;
using Athanor.Nodes.Reports;
using Athanor.Protocol.Twins.Units;

namespace Athanor.Nodes.Cli.Twins;

/// <summary><c>twins what-if UNIT Tc=295 --for 20m</c>: what would become of the unit from its present estimate on. It changes nothing.</summary>
internal static class WhatIfCommand
{
    private static readonly Argument<string> Unit = UnitArguments.Unit();

    private static readonly Argument<string[]> Inputs = new("inputs")
    {
        Description = "Inputs as they would be; those not named stay.",
        HelpName = "NAME=VALUE",
        Arity = ArgumentArity.ZeroOrMore,
    };

    private static readonly Option<string> For = new("--for") { Description = "How far to look.", HelpName = "TIME", DefaultValueFactory = static _ => "1h" };

    private static readonly Option<string?> Csv = new("--csv") { Description = "Write all numbers to a CSV file.", HelpName = "FILE" };

    private static readonly Option<string?> Plot = new("--plot") { Description = "Draw into an SVG file.", HelpName = "FILE.svg" };

    public static Command Create() => UnitArguments.Command(
        "what-if", "Rolls a unit's model out from its present estimate with other inputs; the twin stays as it is.",
        ["twins what-if R-101 Tc=295 --for 20m", "twins what-if R-101 Tc=\"295 K\" q=90 --for 2h --plot what-if.svg"], Run, Unit, Inputs, For, Csv, Plot);

    private static async Task<int> Run(ParseResult parsed, CancellationToken cancellation)
    {
        const int Points = 120;
        if (parsed.GetValue(Plot) is { } name) PlotFile.CheckName(name);
        var (id, text) = (parsed.GetRequiredValue(Unit), parsed.GetRequiredValue(For));
        Cli.CheckNames(parsed, id);
        if (!HoconUnits.TryParseDuration(text, null, out var horizon, out var problem)) throw new UserException($"--for {text}: {problem}; one such as 30m would be right");
        if (horizon <= TimeSpan.Zero) throw new UserException($"--for {text}: a time above 0 would be right");
        await using var cluster = await CliCluster.Open(parsed, EmbeddedRole.Full, cancellation);
        var twin = Cli.Address(parsed, cluster, "twins", id);
        var spec = (await UnitArguments.Query<UnitSpecView>(cluster.Client, twin, new UnitSpecQuery(), cancellation)).Spec;
        var inputs = ImmutableSortedDictionary.CreateBuilder<string, double>(StringComparer.Ordinal);
        foreach (var pair in parsed.GetValue(Inputs) ?? [])
        {
            var (input, value) = UnitArguments.Pair(pair, "Tc=295");
            var own = spec.Inputs.FirstOrDefault(i => i.Signal == input)
                ?? throw new UserException($"{spec.Unit} has no input '{input}'; its inputs are {string.Join(", ", spec.Inputs.Select(static i => i.Signal))}");
            inputs[input] = UnitArguments.Value(input, value, own.Unit);
        }
        var roll = await UnitArguments.Query<RollOut>(cluster.Client, twin, new WhatIf(inputs.ToImmutable(), horizon, horizon / Points), cancellation);
        var n = roll.Names.Length;
        double[][] rows = [.. roll.TimesS.Select((t, k) => (double[])[t, .. roll.States.AsSpan(k * n, n)])];
        string[] heads = ["time / s", .. roll.Names.Select(static q => $"{q.Name} [{q.Unit}]")];
        if (parsed.GetValue(Csv) is { } csv) Outputs.WriteCsv(csv, heads, rows.Select(static r => r.Select(Outputs.Exact)));
        if (parsed.GetValue(Plot) is { } plot)
        {
            double[] minutes = [.. roll.TimesS.Select(static t => t / 60.0)];
            PlotFile.Write(plot, [.. roll.Names.Select((q, i) => new LinePlot($"What if {string.Join(", ", inputs.Select(static p => $"{p.Key} = {UnitArguments.Number(p.Value)}"))}", "time from now / min", $"{q.Name} / {q.Unit}")
                .Line(q.Name, minutes, [.. rows.Select(r => r[i + 1])]).Plot)]);
        }
        if (parsed.GetValue(Cli.Json)) Cli.PrintJson(roll);
        else Outputs.Print(heads, rows);
        return ExitCodes.Success;
    }
}
