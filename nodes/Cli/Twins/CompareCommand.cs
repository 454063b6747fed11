using System.CommandLine;
using System.Globalization;
using Athanor.Hosting.Runtime;
using Athanor.Protocol.Twins.Units;
using Spectre.Console;

namespace Athanor.Nodes.Cli.Twins;

/// <summary><c>twins compare UNIT [FILE]</c>: a second model runs in the shadow of the present one over the same rows.</summary>
internal static class CompareCommand
{
    private static readonly Argument<string> Unit = UnitArguments.Unit();

    private static readonly Argument<string?> FileName = new("file")
    {
        Description = "A file whose model is put on trial; without one, how the trial stands.",
        HelpName = "FILE.hocon",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private static readonly Option<bool> End = new("--end") { Description = "End the trial; nothing else changes." };

    private static readonly Option<string?> Why = UnitArguments.Why();

    public static Command Create() => UnitArguments.Command(
        "compare", "Runs another model in the shadow of a unit's own, and shows how well both predict.",
        ["twins compare R-101 other.hocon --why \"a refitted k0\"", "twins compare R-101", "twins compare R-101 --end"], Run, Unit, FileName, End, Why);

    private static async Task<int> Run(ParseResult parsed, CancellationToken cancellation)
    {
        var (id, path) = (parsed.GetRequiredValue(Unit), parsed.GetValue(FileName));
        Cli.CheckNames(parsed, id);
        if (path is not null && parsed.GetValue(End)) throw new UserException("--end ends the trial that is on; a file begins one");
        if (path is not null) UnitArguments.ReadAlone(path);
        await using var cluster = await CliCluster.Open(parsed, EmbeddedRole.Full, cancellation);
        var twin = Cli.Address(parsed, cluster, "twins", id);
        if (parsed.GetValue(End)) await UnitArguments.Ask(cluster.Client, twin, new EndTrial(parsed.GetValue(Why) ?? "twins compare --end"), cancellation);
        if (path is not null)
        {
            var model = (await UnitArguments.Read(cluster.Client, twin.Tenant, path, cancellation)).Spec.Model;
            var trying = new TryUnitModel(model, parsed.GetValue(Why) ?? $"twins compare {id} {path}");
            LearnedModels.CheckSize(model.Source, trying);
            await UnitArguments.Ask(cluster.Client, twin, trying, cancellation);
        }
        var view = await UnitArguments.View(cluster.Client, twin, cancellation);
        if (parsed.GetValue(Cli.Json))
        {
            Cli.PrintJson(new { twin = twin.ToString(), view.Version, view.Source, view.Trial });
            return ExitCodes.Success;
        }
        if (view.Trial is not { } trial)
        {
            Console.Out.WriteLine($"{twin} runs {view.Source} alone; 'athanor twins compare {id} FILE.hocon' puts another model beside it.");
            return ExitCodes.Success;
        }
        var table = new Table().Border(TableBorder.Rounded);
        foreach (var head in new[] { "Model", "", "Mean NIS (1 is expected)", "Log score (higher is better)" }) table.AddColumn(Markup.Escape(head));
        table.AddRow(Markup.Escape(view.Source), "runs", Number(trial.MeanNis), Number(trial.LogScore));
        table.AddRow(Markup.Escape(trial.Source), "on trial", Number(trial.TrialMeanNis), Number(trial.TrialLogScore));
        AnsiConsole.Write(table);
        Console.Out.WriteLine(trial.Rows == 0
            ? "No row has come since the trial began."
            : $"Over {trial.Rows} rows; 'athanor twins adopt {id} --trial' takes it, 'athanor twins compare {id} --end' leaves it.");
        return ExitCodes.Success;
    }

    private static string Number(double value) => value.ToString("G5", CultureInfo.InvariantCulture);
}
