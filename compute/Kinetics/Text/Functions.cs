using Athanor.Compute.Units;

namespace Athanor.Compute.Kinetics.Text;

/// <summary>
/// The functions of the language. Rate laws among them, with S a concentration and every inhibition a ratio such as I/Ki, so that several
/// inhibitors are a sum (A. Cornish-Bowden, Fundamentals of Enzyme Kinetics; J. E. Bailey and D. F. Ollis, Biochemical Engineering
/// Fundamentals; G. F. Froment and K. B. Bischoff, Chemical Reactor Analysis and Design):
/// <list type="bullet">
/// <item>arrhenius(A, Ea, power = b, Tref = T0): A T^b exp(-Ea/(R T)); with Tref, A is the value there: A exp(-Ea/R (1/T - 1/Tref)).</item>
/// <item>vanthoff(K, dH, Tref): K exp(-dH/R (1/T - 1/Tref)), K being the value at Tref.</item>
/// <item>michaelis(S, Vmax, Km, competitive, uncompetitive, noncompetitive, substrate):
/// Vmax S / ((Km (1 + c) + S (1 + u) + S²/Ks) (1 + n)).</item>
/// <item>hill(S, Vmax, K, n): Vmax S^n / (K^n + S^n).</item>
/// <item>monod(S, mumax, Ks, substrate = Ki, product = P/Pmax, power = n, inhibition = I/Ki):
/// mumax S / (Ks + S + S²/Ki) max(0, 1 - P/Pmax)^n / (1 + i).</item>
/// <item>moser(S, mumax, Ks, n): mumax S^n / (Ks + S^n). contois(S, X, mumax, Ks): mumax S / (Ks X + S).</item>
/// <item>pressure(c): the partial pressure c R T of an ideal gas.</item>
/// <item>lhhw(numerator, adsorption, power = n): numerator / (1 + adsorption)^n.</item>
/// </list>
/// </summary>
internal sealed class Functions(Quantities q, Quantity temperature, Quantity gasConstant)
{
    private static readonly Dictionary<string, (string[] Arguments, string[] Named)> Signatures = new(StringComparer.Ordinal)
    {
        ["exp"] = (["x"], []),
        ["log"] = (["x"], []),
        ["ln"] = (["x"], []),
        ["log10"] = (["x"], []),
        ["tanh"] = (["x"], []),
        ["sqrt"] = (["x"], []),
        ["abs"] = (["x"], []),
        ["min"] = (["a", "b"], []),
        ["max"] = (["a", "b"], []),
        ["below"] = (["a", "b", "x", "y"], []),
        ["arrhenius"] = (["A", "Ea"], ["power", "Tref"]),
        ["vanthoff"] = (["K", "dH", "Tref"], []),
        ["michaelis"] = (["S", "Vmax", "Km"], ["competitive", "uncompetitive", "noncompetitive", "substrate"]),
        ["hill"] = (["S", "Vmax", "K", "n"], []),
        ["monod"] = (["S", "mumax", "Ks"], ["substrate", "product", "power", "inhibition"]),
        ["moser"] = (["S", "mumax", "Ks", "n"], []),
        ["contois"] = (["S", "X", "mumax", "Ks"], []),
        ["lhhw"] = (["numerator", "adsorption"], ["power"]),
        ["pressure"] = (["c"], []),
        ["table"] = (["name", "x"], []),
    };

    public static bool Exists(string name) => Signatures.ContainsKey(name);

    public static IEnumerable<string> Names => Signatures.Keys;

    /// <summary>Checks that the arguments are as many as the function takes, and known by name.</summary>
    public static void Check(CallSyntax call)
    {
        var (arguments, named) = Signatures[call.Function];
        if (call.Arguments.Count != arguments.Length)
        {
            throw new SyntaxException(
                call.Column,
                $"{call.Function} takes {string.Join(", ", arguments)}: {arguments.Length} arguments, not {call.Arguments.Count}");
        }
        foreach (var argument in call.Named)
        {
            if (Array.IndexOf(named, argument.Name) >= 0) continue;
            var known = named.Length == 0 ? "has none" : "has " + string.Join(", ", named);
            throw new SyntaxException(argument.Column, $"{call.Function} has no argument named {argument.Name}; it {known}");
        }
    }

    /// <param name="a">Values of the arguments.</param>
    /// <param name="named">Values of the named ones, null where not given.</param>
    public Quantity Call(CallSyntax call, Quantity[] a, Func<string, Quantity?> named)
    {
        var at = call.Column;
        return call.Function switch
        {
            "exp" => q.Exp(a[0], at),
            "log" or "ln" => q.Log(a[0], at),
            "log10" => q.Divide(q.Log(a[0], at), q.Log(q.Pure(10.0), at), at),
            "tanh" => q.Tanh(a[0], at),
            "sqrt" => q.Root(a[0]),
            "abs" => q.Below(a[0], a[0] with { Node = q.Pure(0.0).Node }, q.Negate(a[0]), a[0], at),
            "min" => q.Below(a[0], a[1], a[0], a[1], at),
            "max" => q.Below(a[1], a[0], a[0], a[1], at),
            "below" => q.Below(a[0], a[1], a[2], a[3], at),
            "arrhenius" => Arrhenius(call, a, named("power"), named("Tref")),
            "vanthoff" => q.Multiply(a[0], q.Exp(Between(a[1], a[2], at), at)),
            "michaelis" => Michaelis(a, named, at),
            "hill" => Hill(a, at),
            "monod" => Monod(a, named, at),
            "moser" => q.Divide(q.Multiply(a[1], q.Power(a[0], a[3], at)), q.Add(a[2], q.Power(a[0], a[3], at), at), at),
            "contois" => q.Divide(q.Multiply(a[2], a[0]), q.Add(q.Multiply(a[3], a[1]), a[0], at), at),
            "pressure" => q.Multiply(q.Multiply(a[0], gasConstant), temperature),
            "lhhw" => q.Divide(a[0], Raised(Plus(a[1], "adsorption", at), named("power"), at), at),
            _ => throw new InvalidOperationException($"no function {call.Function}"),
        };
    }

    private Quantity Arrhenius(CallSyntax call, Quantity[] a, Quantity? power, Quantity? reference)
    {
        var at = call.Column;
        var energy = Quantities.Fits(a[1], Dimension.EnergyPerAmount, "the activation energy", call.Arguments[1].Column);
        var exponent = reference is { } tref
            ? Between(energy, tref, at)
            : q.Negate(q.Divide(energy, q.Multiply(gasConstant, temperature), at));
        // Bare energies are in J/mol, so the ratio has no dimension.
        var k = q.Multiply(a[0], q.Exp(exponent with { Dimension = Dimension.None }, at));
        if (power is not { } b) return k;
        if (reference is { } from) return q.Multiply(k, q.Power(q.Divide(temperature, from, at), b, at));
        // The pre-exponential factor is understood to be for T in K: A has the unit of k.
        return q.Multiply(k, q.Power(temperature with { Dimension = Dimension.None }, b, at));
    }

    // -H/R (1/T - 1/Tref)
    private Quantity Between(Quantity heat, Quantity reference, int at)
    {
        Quantities.Fits(heat, Dimension.EnergyPerAmount, "the enthalpy", at);
        Quantities.Fits(reference, new Dimension(0, 0, 0, 1, 0), "Tref", at);
        var inverse = q.Subtract(
            q.Divide(q.One, temperature, at), q.Divide(q.One, reference with { Dimension = temperature.Dimension }, at), at);
        return q.Negate(q.Multiply(q.Divide(heat, gasConstant, at), inverse)) with { Dimension = Dimension.None };
    }

    private Quantity Michaelis(Quantity[] a, Func<string, Quantity?> named, int at)
    {
        Quantity s = a[0], km = a[2], bound = s;
        if (named("competitive") is { } competitive) km = q.Multiply(km, Plus(competitive, "competitive", at));
        if (named("uncompetitive") is { } uncompetitive) bound = q.Multiply(bound, Plus(uncompetitive, "uncompetitive", at));
        var below = q.Add(km, bound, at);
        if (named("substrate") is { } ki) below = q.Add(below, q.Divide(q.Multiply(s, s), ki, at), at);
        if (named("noncompetitive") is { } non) below = q.Multiply(below, Plus(non, "noncompetitive", at));
        return q.Divide(q.Multiply(a[1], s), below, at);
    }

    private Quantity Hill(Quantity[] a, int at)
    {
        // (S/K)^n has no dimension whatever n is.
        var x = q.Power(q.Divide(a[0], a[2], at), a[3], at);
        return q.Divide(q.Multiply(a[1], x), q.Add(q.One, x, at), at);
    }

    private Quantity Monod(Quantity[] a, Func<string, Quantity?> named, int at)
    {
        var s = a[0];
        var below = q.Add(a[2], s, at);
        if (named("substrate") is { } ki) below = q.Add(below, q.Divide(q.Multiply(s, s), ki, at), at);
        var mu = q.Divide(q.Multiply(a[1], s), below, at);
        if (named("product") is { } product)
        {
            var left = q.Subtract(q.One, Quantities.Plain(product, "product", at), at);
            var zero = q.Pure(0.0);
            mu = q.Multiply(mu, Raised(q.Below(left, zero, zero, left, at), named("power"), at));
        }
        else if (named("power") is not null)
        {
            throw new SyntaxException(at, "power belongs to product; give product = P/Pmax too");
        }
        return named("inhibition") is { } inhibition ? q.Divide(mu, Plus(inhibition, "inhibition", at), at) : mu;
    }

    private Quantity Plus(Quantity ratio, string name, int at) => q.Add(q.One, Quantities.Plain(ratio, name, at), at);

    private Quantity Raised(Quantity value, Quantity? power, int at) => power is { } n ? q.Power(value, n, at) : value;
}
