using System.Collections.Immutable;
using System.Globalization;
using Athanor.Compute.Reconciliation;

namespace Athanor.Nodes.Cli;

/// <summary>Rows of measurements for <c>reconcile --csv</c>: the header names variables of the problem; a column <c>time</c> or one whose
/// name begins with '#' is passed over. Standard deviations are the file's.</summary>
internal static class ReconcileTable
{
    /// <exception cref="UserException">A column or cell is wrong; the message has file and line.</exception>
    public static IEnumerable<(int Line, BalanceProblem Problem)> Read(string path, BalanceProblem problem)
    {
        if (!File.Exists(path)) throw new UserException($"--csv {path}: there is no such file");
        var lines = File.ReadAllLines(path);
        if (lines.Length < 2) throw new UserException($"{path}: a header with names of variables and rows below it are needed");
        var columns = lines[0].Split(',').Select(name => Column(path, name.Trim(), problem)).ToArray();
        for (var i = 1; i < lines.Length; i++)
        {
            if (string.IsNullOrWhiteSpace(lines[i])) continue;
            var cells = lines[i].Split(',');
            if (cells.Length != columns.Length)
                throw new UserException($"{path}, line {i + 1}: {cells.Length} cells; {columns.Length} would be right");
            var variables = problem.Variables;
            for (var c = 0; c < cells.Length; c++)
            {
                if (columns[c] < 0) continue;
                variables = variables.SetItem(columns[c],
                    variables[columns[c]] with { Measured = Cell(path, i + 1, cells[c].Trim(), variables[columns[c]].Name) });
            }
            yield return (i + 1, problem with { Variables = variables });
        }
    }

    private static int Column(string path, string name, BalanceProblem problem)
    {
        if (name == "time" || name.StartsWith('#')) return -1;
        var names = problem.Variables.Select(v => v.Name).ToList();
        var at = names.IndexOf(name);
        if (at < 0) throw new UserException($"{path}, line 1: there is no variable '{name}'; there are {string.Join(", ", names)}");
        return problem.Variables[at].Deviation > 0.0 ? at
            : throw new UserException($"{path}, line 1: {name} has no value and sd in the file, so that its standard deviation is unknown");
    }

    private static double? Cell(string path, int line, string cell, string name)
    {
        if (cell == "") return null;
        if (double.TryParse(cell, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && double.IsFinite(value)) return value;
        throw new UserException($"{path}, line {line}: {name} is '{cell}'; a finite number or nothing would be right");
    }
}
