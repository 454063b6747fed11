using System.Globalization;
using System.Text;
using Athanor.Compute.Benchmarks;
using Athanor.Compute.Fitting;
using Athanor.Compute.Problems;
using Athanor.Hosting.Fits;

namespace Athanor.Nodes.Cli.Fitting;

/// <summary>What NAME|FILE.hocon|PETAB.yaml means for <c>fit</c>: the fit's files.</summary>
internal static class FitInput
{
    public static FitTexts Load(string what, string? data, string? estimate)
    {
        try
        {
            if (what.EndsWith(".hocon", StringComparison.OrdinalIgnoreCase) || what.EndsWith(".conf", StringComparison.OrdinalIgnoreCase) || FitTexts.IsPetab(what))
            {
                if (data is not null || estimate is not null) throw new UserException($"fit {what}: --data and --estimate go with a benchmark's name; a file says both itself");
                return File.Exists(what) ? FitTexts.Read(what) : throw new UserException($"{what}: there is no such file");
            }
            if (!Catalogue.Has(what))
            {
                throw new UserException(
                    $"'{what}' is neither a HOCON file, a PEtab problem (*.yaml) nor a benchmark; benchmarks are {string.Join(", ", Catalogue.All.Select(p => p.Name))}");
            }
            if (data is null) throw new UserException($"fit {what}: --data FILE.csv is needed; its first column is time, the others are named as states");
            return Benchmark(Catalogue.Find(what), data, estimate);
        }
        catch (FitException error)
        {
            throw new UserException($"fit: {error.Message}");
        }
    }

    /// <summary>A benchmark with a table becomes the file that a user would have written.</summary>
    private static FitTexts Benchmark(OdeProblem problem, string data, string? estimate)
    {
        if (!File.Exists(data)) throw new UserException($"{data}: there is no such file");
        var table = new FitTable(Path.GetFileName(data), File.ReadAllText(data));
        var columns = table.Columns.Skip(1).Select(column => (Column: column, State: State(column)))
            .Where(c => problem.States.Any(s => s.Name == c.State)).ToArray();
        if (columns.Length == 0)
        {
            throw new UserException(
                $"{data}: no column is named as a state of {problem.Name}; the states are {string.Join(", ", problem.States.Select(s => s.Name))}");
        }
        var names = estimate?.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries) ?? [.. problem.Parameters.Select(p => p.Name)];
        var text = new StringBuilder("fit {\n");
        text.Append(CultureInfo.InvariantCulture, $"  name = \"{problem.Name}\"\n  time = \"{problem.TimeUnit}\"\n  problem = \"{problem.Name}\"\n  parameters {{\n");
        foreach (var name in names)
        {
            var p = problem.Parameters.FirstOrDefault(p => p.Name == name)
                ?? throw new UserException($"fit: {problem.Name} has no parameter '{name}'; it has {string.Join(", ", problem.Parameters.Select(q => q.Name))}");
            var log = p.Value > 0;
            // Without bounds of its own, a parameter is looked for within a factor of ten of its nominal value.
            var (low, high) = log ? (Math.Max(p.Lower, 0.1 * p.Value), Math.Min(p.Upper, 10 * p.Value)) : (p.Lower, p.Upper);
            if (!double.IsFinite(high - low)) (low, high) = (p.Value - 10 * Math.Max(1, Math.Abs(p.Value)), p.Value + 10 * Math.Max(1, Math.Abs(p.Value)));
            text.Append(CultureInfo.InvariantCulture, $"    \"{name}\" {{ value = {p.Value:R}, lower = {low:R}, upper = {high:R}, scale = {(log ? "log" : "lin")}, unit = \"{p.Unit}\" }}\n");
        }
        text.Append(CultureInfo.InvariantCulture, $"  }}\n  experiments = [ {{\n    name = data, data = \"{Path.GetFileName(data)}\", time = \"{table.Columns[0]}\", start = first-row\n    columns {{\n");
        foreach (var (column, state) in columns) text.Append(CultureInfo.InvariantCulture, $"      \"{state}\" = \"{column}\"\n");
        text.Append("    }\n  } ]\n}\n");
        return FitTexts.OfText($"{problem.Name}.hocon", text.ToString(), Path.GetDirectoryName(Path.GetFullPath(data))!);
    }

    /// <summary>A column's name without its unit, as <c>simulate</c> heads its tables.</summary>
    private static string State(string column) => column.IndexOf(" [", StringComparison.Ordinal) is > 0 and var at ? column[..at] : column;
}
