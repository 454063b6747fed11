using System.Globalization;
using Athanor.Compute.Problems;

namespace Athanor.Nodes.Cli.Simulation;

/// <summary>Reads <c>name=value</c> and <c>name=from:to:n</c> and puts them where a problem has those names.</summary>
internal static class Assignments
{
    /// <summary>The most conditions of a sweep.</summary>
    public const int MostConditions = 4_000_000;

    /// <summary>The nominal parameters with those given.</summary>
    public static double[] Parameters(OdeProblem problem, IEnumerable<string> given) =>
        Put("--set", problem.NominalParameters, given,
            name => Index(problem.Name, "parameter", name, [.. problem.Parameters.Select(p => p.Name)]),
            (k, value, text) => Within("--set", text, value, problem.Parameters[k]));

    /// <summary>The nominal start with the states given.</summary>
    public static double[] Initial(OdeProblem problem, IEnumerable<string> given) =>
        Put("--initial", problem.NominalInitial, given,
            name => Index(problem.Name, "state", name, [.. problem.States.Select(s => s.Name)]),
            (i, value, text) => NotBelow("--initial", text, value, problem.States[i].Name, problem.States[i].Unit, Math.Min(problem.States[i].Lower, 0.0)));

    /// <summary>What a sweep varies: a parameter, or the start of a state where no parameter has the name.</summary>
    public static Variation Vary(OdeProblem problem, string text)
    {
        var (name, value) = Split("--vary", text, "q=80:120:41");
        var parts = value.Split(':');
        if (parts.Length != 3 || !int.TryParse(parts[2], NumberStyles.None, CultureInfo.InvariantCulture, out var count) || count < 2)
            throw new UserException($"--vary {text}: '{value}' is no range; FROM:TO:N with N of 2 or more is needed, as in q=80:120:41");
        var (from, to) = (Number("--vary", text, parts[0]), Number("--vary", text, parts[1]));
        if (from == to) throw new UserException($"--vary {text}: the range is empty; FROM and TO must differ");
        if (count > MostConditions) throw new UserException($"--vary {text}: {count} values; at most {MostConditions} conditions are run");
        var parameter = Position(problem.Parameters.Select(p => p.Name), name);
        if (parameter >= 0)
        {
            var varied = problem.Parameters[parameter];
            Within("--vary", text, Math.Min(from, to), varied);
            Within("--vary", text, Math.Max(from, to), varied);
            return new Variation(varied.Name, varied.Unit, parameter, -1, from, to, count);
        }
        var state = Position(problem.States.Select(s => s.Name), name);
        if (state >= 0)
        {
            var varied = problem.States[state];
            NotBelow("--vary", text, Math.Min(from, to), varied.Name, varied.Unit, Math.Min(varied.Lower, 0.0));
            return new Variation(varied.Name + " at the start", varied.Unit, -1, state, from, to, count);
        }
        throw new UserException(
            $"{problem.Name} has no parameter or state '{name}'; parameters are {string.Join(", ", problem.Parameters.Select(p => p.Name))}, "
            + $"states {string.Join(", ", problem.States.Select(s => s.Name).Take(30))}");
    }

    /// <summary>The position of a name, whatever its case.</summary>
    /// <exception cref="UserException">There is none of this name.</exception>
    public static int Index(string problem, string kind, string name, IReadOnlyList<string> names)
    {
        var at = Position(names, name);
        if (at >= 0) return at;
        throw new UserException($"{problem} has no {kind} '{name}'; it has {string.Join(", ", names.Take(40))}{(names.Count > 40 ? ", ..." : "")}");
    }

    private static int Position(IEnumerable<string> names, string name)
    {
        var all = names.ToList();
        var exact = all.IndexOf(name);
        return exact >= 0 ? exact : all.FindIndex(n => string.Equals(n, name, StringComparison.OrdinalIgnoreCase));
    }

    private static double[] Put(string option, double[] values, IEnumerable<string> given, Func<string, int> position, Action<int, double, string> check)
    {
        foreach (var text in given)
        {
            var (name, value) = Split(option, text, "q=120");
            var at = position(name);
            values[at] = Number(option, text, value);
            check(at, values[at], text);
        }
        return values;
    }

    private static void Within(string option, string text, double value, OdeParameter p)
    {
        NotBelow(option, text, value, p.Name, p.Unit, p.Lower);
        if (value <= p.Upper) return;
        var most = p.Upper.ToString("R", CultureInfo.InvariantCulture);
        throw new UserException($"{option} {text}: {p.Name} is at most {most}{(p.Unit.Length == 0 ? "" : " " + p.Unit)}");
    }

    private static void NotBelow(string option, string text, double value, string name, string unit, double lower)
    {
        if (value >= lower) return;
        var least = lower.ToString("R", CultureInfo.InvariantCulture);
        throw new UserException($"{option} {text}: {name} is at least {least}{(unit.Length == 0 ? "" : " " + unit)}");
    }

    private static (string Name, string Value) Split(string option, string text, string example)
    {
        var at = text.IndexOf('=');
        if (at <= 0 || at == text.Length - 1) throw new UserException($"{option} {text}: NAME=VALUE is needed, as in {option} {example}");
        return (text[..at].Trim(), text[(at + 1)..].Trim());
    }

    private static double Number(string option, string text, string value) =>
        double.TryParse(value, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number)
            ? number
            : throw new UserException($"{option} {text}: '{value}' is no finite number such as 21.5 or -2e-3");
}

/// <summary>One direction of a sweep: evenly from <paramref name="From"/> to <paramref name="To"/>.</summary>
/// <param name="Parameter">Position among the parameters, or -1.</param>
/// <param name="State">Position among the states whose start it is, or -1.</param>
internal sealed record Variation(string Name, string Unit, int Parameter, int State, double From, double To, int Count)
{
    public string Label => Unit.Length == 0 ? Name : $"{Name} / {Unit}";

    public double At(int i) => i == Count - 1 ? To : From + ((To - From) * i / (Count - 1));
}
