using System.CommandLine;
using Athanor.Hosting.Runtime;
using Athanor.Protocol;
using Athanor.Protocol.Twins.Units;
using Spectre.Console;

namespace Athanor.Nodes.Cli.Twins;

/// <summary><c>twins create FILE</c>: makes the twin of the unit that the file describes.</summary>
internal static class CreateCommand
{
    private static readonly Argument<string> FileName = UnitArguments.File();

    private static readonly Option<string?> Id = new("--unit") { Description = "Another id than the file's.", HelpName = "UNIT" };

    public static Command Create() => UnitArguments.Command(
        "create", "Makes the twin of a plant unit from a file: model, sensors, estimator, detectors, alarms, controller.",
        ["twins create examples/exothermic-cstr.hocon", "twins create examples/klatt-engell.hocon --unit R-102 --json"], Run, FileName, Id);

    private static async Task<int> Run(ParseResult parsed, CancellationToken cancellation)
    {
        var path = parsed.GetRequiredValue(FileName);
        var alone = UnitArguments.ReadAlone(path);
        if (parsed.GetValue(Id) is { } given) Cli.CheckNames(parsed, given);
        await using var cluster = await CliCluster.Open(parsed, EmbeddedRole.Full, cancellation);
        var file = alone ?? await UnitArguments.Read(cluster.Client, cluster.TenantOf(parsed.GetValue(Cli.Tenant)), path, cancellation);
        var id = parsed.GetValue(Id) ?? file.Unit;
        var twin = Cli.Address(parsed, cluster, "twins", id);
        var create = new CreateUnit(file.Spec with { Unit = id });
        if (alone is null) LearnedModels.CheckSize(file.Spec.Model.Source, create);
        await UnitArguments.Ask(cluster.Client, twin, create, cancellation);
        if (parsed.GetValue(Cli.Json)) Cli.PrintJson(new { twin = twin.ToString(), spec = file.Spec });
        else Print(twin, file);
        return ExitCodes.Success;
    }

    private static void Print(EntityAddress twin, Hosting.Specifications.TwinFile file)
    {
        var spec = file.Spec;
        var table = new Table().Border(TableBorder.Rounded).HideHeaders().AddColumn("").AddColumn("");
        Row("twin", twin.ToString());
        Row("model", spec.Model.Source);
        Row("estimates", string.Join(", ", file.Model.States.Concat(file.Model.Parameters).Select(static q => $"{q.Name} [{q.Unit}]")
            .Concat(file.Sensors.Where(static s => s.Bias is not null).Select(static s => $"bias of {s.Signal} [{s.Unit}]"))));
        Row("sensors", string.Join(", ", spec.Sensors.Select(static s => $"{s.Signal} [{s.Unit}]")));
        Row("inputs", string.Join(", ", spec.Inputs.Select(static i => $"{i.Signal} [{i.Unit}]")));
        Row("alarms", spec.Alarms.IsEmpty ? "none" : string.Join(", ", spec.Alarms.Select(static a => a.Tag)));
        Row("controller", spec.Model.Controller is null ? "none" : spec.Mode.ToString());
        AnsiConsole.Write(table);
        Console.Out.WriteLine($"'athanor twins feed {twin.Id} --csv FILE' gives it measurements; 'athanor twins watch {twin.Id}' shows it.");

        void Row(string name, string value) => table.AddRow(new Text(name), new Text(value));
    }
}
