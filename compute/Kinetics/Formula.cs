using System.Collections.Immutable;
using System.Globalization;

namespace Athanor.Compute.Kinetics;

/// <summary>The atoms of a chemical formula, and its charge under the name <c>charge</c>: <c>C6H12O6</c>, <c>Ca(OH)2</c>,
/// <c>SO4^2-</c>, <c>Na+</c>, <c>CH1.8O0.5N0.2</c> (biomass), <c>e-</c>.</summary>
public static class Formula
{
    private const string Charge = "charge";
    private const string Elements =
        " H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br Kr Rb Sr Y Zr Nb Mo Tc Ru Rh Pd Ag "
        + "Cd In Sn Sb Te I Xe Cs Ba La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho Er Tm Yb Lu Hf Ta W Re Os Ir Pt Au Hg Tl Pb Bi Po At Rn Fr Ra Ac Th Pa "
        + "U Np Pu Am Cm Bk Cf Es Fm Md No Lr Rf Db Sg Bh Hs Mt Ds Rg Cn Nh Fl Mc Lv Ts Og D X ";

    /// <exception cref="FormatException">It is no formula; the message says where.</exception>
    public static ImmutableSortedDictionary<string, double> Parse(string formula)
    {
        var atoms = new SortedDictionary<string, double>(StringComparer.Ordinal);
        var end = formula.Length;
        var charge = 0.0;
        if (end > 0 && formula[end - 1] is '+' or '-')
        {
            var sign = formula[end - 1] == '+' ? 1.0 : -1.0;
            end--;
            // The number of charges is written behind ^, lest SO42- be read in two ways.
            var caret = formula.IndexOf('^', StringComparison.Ordinal);
            var count = 1.0;
            if (caret >= 0)
            {
                if (caret + 1 < end && !double.TryParse(formula.AsSpan(caret + 1, end - caret - 1), CultureInfo.InvariantCulture, out count))
                    throw Error(formula, caret, "a charge is written as ^2- or ^+");
                end = caret;
            }
            charge = sign * count;
        }
        var at = 0;
        if (formula.AsSpan(0, end) is not "e") Group(formula, ref at, end, 1.0, atoms, 0);
        if (at < end && formula.AsSpan(0, end) is not "e") throw Error(formula, at, $"'{formula[at]}' has no meaning here");
        if (charge != 0.0) atoms[Charge] = charge;
        return atoms.ToImmutableSortedDictionary(StringComparer.Ordinal);
    }

    private static void Group(string formula, ref int at, int end, double times, SortedDictionary<string, double> atoms, int depth)
    {
        if (depth > 8) throw Error(formula, at, "parentheses nest deeper than 8");
        var start = at;
        while (at < end && formula[at] != ')')
        {
            if (formula[at] == '(')
            {
                // The number behind the group is read first.
                var close = Close(formula, at, end);
                var after = close + 1;
                var factor = Count(formula, ref after, end);
                at++;
                Group(formula, ref at, close, times * factor, atoms, depth + 1);
                at = after;
                continue;
            }
            var length = at + 1 < end && char.IsAsciiLetterLower(formula[at + 1]) ? 2 : 1;
            var element = formula.Substring(at, length);
            if (!char.IsAsciiLetterUpper(formula[at]) || !Elements.Contains($" {element} ", StringComparison.Ordinal))
                throw Error(formula, at, $"'{element}' is no element");
            at += length;
            atoms[element] = atoms.GetValueOrDefault(element) + (times * Count(formula, ref at, end));
        }
        if (at == start) throw Error(formula, at, "an element is missing here");
    }

    private static int Close(string formula, int open, int end)
    {
        var depth = 0;
        for (var i = open; i < end; i++)
        {
            if (formula[i] == '(') depth++;
            else if (formula[i] == ')' && --depth == 0) return i;
        }
        throw Error(formula, open, "this parenthesis is not closed");
    }

    private static double Count(string formula, ref int at, int end)
    {
        var start = at;
        while (at < end && (char.IsAsciiDigit(formula[at]) || formula[at] == '.')) at++;
        if (at == start) return 1.0;
        return double.TryParse(formula.AsSpan(start, at - start), CultureInfo.InvariantCulture, out var count) && count > 0.0
            ? count
            : throw Error(formula, start, $"'{formula[start..at]}' is no number above zero");
    }

    private static FormatException Error(string formula, int at, string problem) =>
        new(string.Create(CultureInfo.InvariantCulture, $"formula '{formula}', column {at + 1}: {problem}"));
}
