using System.Collections.Immutable;
using System.CommandLine;
using System.Globalization;
using Athanor.Compute.Reconciliation;
using Athanor.Hosting.Specifications;
using Spectre.Console;
using static System.FormattableString;

namespace Athanor.Nodes.Cli;

/// <summary><c>reconcile</c>: the measurements of a unit or network made to fit its balances, and which of them cannot be true.</summary>
internal static class ReconcileCommand
{
    private static readonly Argument<string> File = new("file")
    {
        Description = "A HOCON file with an object 'reconcile': streams, units, measured values with standard deviations.",
        HelpName = "FILE.hocon"
    };

    private static readonly Option<string?> Csv = new("--csv")
    {
        Description = "Measured values instead of the file's: a column for each variable, a row for each time; an empty cell is not measured.",
        HelpName = "FILE.csv"
    };

    public static Command Create()
    {
        var command = Cli.Command(
            "reconcile", "Reconciles measurements with mass and energy balances, and finds gross errors and leaks.",
            "reconcile examples/reconcile-exchanger.hocon", "reconcile examples/reconcile-exchanger.hocon --csv day.csv",
            "reconcile examples/reconcile-exchanger.hocon --json");
        command.Arguments.Add(File);
        command.Options.Add(Csv);
        command.SetAction(Run);
        return command;
    }

    private static int Run(ParseResult parsed)
    {
        var file = ReconcileFile.Load(parsed.GetRequiredValue(File));
        var problem = file.Network.Problem();
        try
        {
            if (parsed.GetValue(Csv) is { } csv) return Rows(parsed, csv, problem, file.Level);
            var result = Reconciler.Solve(problem, file.Level);
            if (parsed.GetValue(Cli.Json)) Cli.PrintJson(result);
            else Print(file, result);
            return ExitCodes.Success;
        }
        catch (ReconciliationException error)
        {
            throw new UserException($"reconcile: {error.Message}");
        }
    }

    private static int Rows(ParseResult parsed, string path, BalanceProblem problem, double level)
    {
        var results = ReconcileTable.Read(path, problem).Select(row => (row.Line, Result: Solve(path, row.Line, row.Problem, level)))
            .ToArray();
        if (parsed.GetValue(Cli.Json))
        {
            Cli.PrintJson(results.Select(r => r.Result));
            return ExitCodes.Success;
        }
        var table = new Table { Border = TableBorder.Rounded };
        foreach (var column in new[] { "line", "global test", "limit", "gross errors" }) table.AddColumn(column);
        foreach (var (line, result) in results)
        {
            table.AddRow(
                new Text(Invariant($"{line}")), new Text(Invariant($"{result.Global:F2}")), new Text(Invariant($"{result.GlobalLimit:F2}")),
                new Text(string.Join("; ",
                    result.Errors.Select(e => Short(e) + (e.Alike.IsEmpty ? "" : $" (or {string.Join(", ", e.Alike)})")))));
        }
        AnsiConsole.Write(table);
        Console.Out.WriteLine($"{results.Count(r => !r.Result.Consistent)} of {results.Length} rows do not fit the balances.");
        return ExitCodes.Success;
    }

    private static Reconciled Solve(string path, int line, BalanceProblem problem, double level)
    {
        try
        {
            return Reconciler.Solve(problem, level);
        }
        catch (ReconciliationException error)
        {
            throw new UserException($"{path}, line {line}: {error.Message}");
        }
    }

    private static void Print(ReconcileFile file, Reconciled result)
    {
        if (file.Title != "") Console.Out.WriteLine(file.Title);
        var table = new Table { Border = TableBorder.Rounded };
        table.AddColumn("variable");
        foreach (var column in new[] { "measured", "reconciled", "±", "moved", "test" }) table.AddColumn(new TableColumn(column)
            .RightAligned());
        table.AddColumn("");
        foreach (var v in result.Variables) table.AddRow([.. Cells(v, result).Select(c => new Text(c))]);
        AnsiConsole.Write(table);
        if (result.Redundancy == 0)
        {
            Console.Out.WriteLine("No measurement is checked by another: nothing can be reconciled or tested.");
            return;
        }
        Console.Out.WriteLine(Invariant(
            $"Global test: {result.Global:F3}, limit {result.GlobalLimit:F3} ({result.Redundancy} redundant balances, level {file.Level}): ")
            + (result.Consistent ? "the measurements fit the balances." : "they do NOT fit."));
        foreach (var node in result.Nodes)
        {
            Console.Out.WriteLine(Invariant($"Balance {node.Balance}: off by {node.Imbalance:G5}, test {node.Test:F2}, limit {result.NodalLimit:F2}")
                + (node.Test > result.NodalLimit ? "  *" : ""));
        }
        foreach (var error in result.Errors)
        {
            Console.Out.WriteLine($"Gross error: {Short(error)}, likelihood ratio {error.Statistic.ToString("F2", CultureInfo.InvariantCulture)}"
                + (error.Alike.IsEmpty ? "" : $"; the balances cannot tell it from {string.Join(", ", error.Alike)}"));
        }
        if (result.Errors.Length > 0 && result.RedundancyAfter > 0)
        {
            Console.Out.WriteLine(Invariant($"Without them the global test is {result.GlobalAfter:F3}, limit {result.GlobalLimitAfter:F3}: ")
                + (result.GlobalAfter <= result.GlobalLimitAfter ? "the rest fits." : "the rest does not fit either."));
        }
        var unknown = result.Variables.Where(v => v.Class == VariableClass.Unobservable).Select(v => v.Name).ToArray();
        if (unknown.Length > 0) Console.Out.WriteLine($"Not fixed by measurements and balances: {string.Join(", ", unknown)}");
        var alone = result.Variables.Where(v => v.Class == VariableClass.NonRedundant).Select(v => v.Name).ToArray();
        if (alone.Length > 0) Console.Out.WriteLine($"Checked by nothing else: {string.Join(", ", alone)}");
    }

    private static string[] Cells(ReconciledVariable v, Reconciled result) =>
    [
        $"{v.Name} / {v.Unit}", v.Measured is { } measured ? Number(measured) : "", double.IsNaN(v.Value) ? "?" : Number(v.Value),
        double.IsNaN(v.Deviation) ? "?" : v.Deviation.ToString("G3", CultureInfo.InvariantCulture),
        v.Measured is { } m && !double.IsNaN(v.Value) ? (v.Value - m).ToString("+0.####;-0.####;0", CultureInfo.InvariantCulture) : "",
        v.Class == VariableClass.Redundant ? Invariant($"{v.Test:F2}") + (v.Test > result.TestLimit ? " *" : "") : "",
        v.Rejected ? "in gross error, not used" : v.Class switch
        {
            VariableClass.Redundant => "", VariableClass.NonRedundant => "checked by nothing", VariableClass.Observable => "from balances",
            _ => "unobservable",
        },
    ];

    private static string Short(GrossError error) =>
        Invariant($"{error.Name} by {error.Size:+0.###;-0.###} ± {error.Deviation:0.###} {error.Unit}");

    private static string Number(double value) => value.ToString("G6", CultureInfo.InvariantCulture);
}
