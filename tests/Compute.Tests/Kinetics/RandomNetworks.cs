using System.Globalization;
using Athanor.Compute.Kinetics.Text;

namespace Athanor.Compute.Tests.Kinetics;

/// <summary>Networks made from a seed, of every law of the language; each reaction keeps the atoms.</summary>
internal static class RandomNetworks
{
    public static KineticsText Of(int seed)
    {
        var random = new Random(seed);
        int species = random.Next(2, 9), reactions = random.Next(1, random.Next(4) == 0 ? 40 : 12);
        // Species i is C with this many atoms, so n_j S_i -> n_i S_j balances.
        var atoms = Enumerable.Range(0, species).Select(_ => random.Next(1, 4)).ToArray();
        string Name(int i) => "S" + i.ToString(CultureInfo.InvariantCulture);
        return new KineticsText
        {
            Name = "random-" + seed.ToString(CultureInfo.InvariantCulture),
            Concentration = random.Next(2) == 0 ? "mol/L" : "mol/m^3",
            Time = random.Next(2) == 0 ? "min" : "s",
            Species = [.. atoms.Select((n, i) => new SpeciesText(Name(i), "C" + n, Initial: 0.1 + random.NextDouble()))],
            Parameters =
            [
                new("k1", 0.2 + random.NextDouble()), new("k2", 0.2 + random.NextDouble()), new("Ea", 20.0 + (30.0 * random.NextDouble()), "kJ/mol"),
                new("Km", 0.1 + random.NextDouble()), new("Ki", 0.1 + random.NextDouble()), new("n", 1.1 + random.NextDouble(), "1"),
            ],
            Definitions = [new("factor", "1 + S0/Ki")],
            Tables = [new("tab", [250, 300, 350, 400], [0.2, 0.9, 1.1, 1.2]), new("line", [0, 0.5, 1, 2], [1, 0.8, 0.5, 0.4], Interpolation: Compute.Kinetics.TableInterpolation.Linear)],
            Reactions = [.. Enumerable.Range(0, reactions).Select(r =>
            {
                var from = random.Next(species);
                var to = (from + 1 + random.Next(species - 1)) % species;
                var other = random.Next(species);
                var left = $"{atoms[to]} {Name(from)}";
                var right = $"{atoms[from]} {Name(to)}";
                return new ReactionText("r" + r.ToString(CultureInfo.InvariantCulture), Reaction(random.Next(Laws), left, right, Name(from), Name(to), Name(other)));
            })],
        };
    }

    private const int Laws = 14;

    private static string Reaction(int law, string left, string right, string a, string b, string c) => law switch
    {
        0 => $"{left} -> {right} ; k = k1",
        1 => $"{left} -> {right} ; k = arrhenius(1e6, Ea)",
        2 => $"{left} <=> {right} ; k = arrhenius(k1, Ea, Tref = 330) ; K = vanthoff(k2, -20 [kJ/mol], 320)",
        3 => $"{left} <=> {right} ; k = k1 exp(-100/T) ; kr = k2",
        4 => $"{left} -> {right} ; rate = michaelis({a}, k1, Km, competitive = {b}/Ki, uncompetitive = {c}/Ki)",
        5 => $"{left} -> {right} ; rate = michaelis({a}, k1, Km, noncompetitive = {c}/Ki, substrate = Ki)",
        6 => $"{left} -> {right} ; rate = monod({a}, k1, Km, product = {b}/(4 Ki + 9), power = n) {a}",
        7 => $"{left} -> {right} ; k = k2 ; order_{a} = 1.5{(c == a ? "" : $" ; order_{c} = 0.5")}",
        8 => $"{left} -> {right} ; k = k1 ; adsorption = {a}/Km + {c}/Ki ; sites = 2",
        9 => $"{left} -> {right} ; rate = k1 table(tab, T) {a} / factor",
        10 => $"{left} -> {right} ; rate = k1 table(line, {c}) {a}",
        11 => $"{left} -> {right} ; rate = hill({a}, k2, Km, n)",
        12 => $"{left} -> {right} ; rate = k1 tanh({a}/Km) + k2 ln(1 + {c}/Ki) {a}",
        _ => $"{left} -> {right} ; rate = k1 max({a}, {c}) {a} - k2 min({b}, 0.5) {a} sqrt({b})",
    };
}
