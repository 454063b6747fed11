using Athanor.Compute.Kinetics;
using Athanor.Compute.Kinetics.Text;

namespace Athanor.Compute.Tests.Kinetics;

public sealed class BadTextTests
{
    [Theory]
    [InlineData("A + X -> C ; k = 3", "column 5", "there is no species 'X'; there are A, B, C")]
    [InlineData("A -> C ; k = 3 Q", "column 16", "there is no species, parameter or definition 'Q'")]
    [InlineData("A - C ; k = 3", "column 3", "'+', '->' or '<=>' is expected here, not '-'")]
    [InlineData("A -> C", "column 7", "add '; k = ...' or '; rate = ...'")]
    [InlineData("A -> C ; k = 3 ; k = 4", "column 18", "k is set twice")]
    [InlineData("A -> C ; k = 3 ; K = 4", "column 18", "write <=> for ->")]
    [InlineData("A <=> C ; k = 3", "column 16", "needs either '; K = ...'")]
    [InlineData("A -> C ; speed = 3", "column 10", "there is no clause 'speed'")]
    [InlineData("A -> C ; k = 3 * ", "column 18", "a number, a name or '(' is expected here, not the end")]
    [InlineData("A -> C ; k = exp(3", "column 19", "',' or ')' is expected here, not the end")]
    [InlineData("A -> C ; k = exp(3, 4)", "column 14", "exp takes x: 1 arguments, not 2")]
    [InlineData("A -> C ; k = arrhenius(1, 2, n = 3)", "column 30", "has no argument named n; it has power, Tref")]
    [InlineData("A -> C ; k = 3/B T", "column 18", "it is not clear whether 'T' is divided by as well")]
    [InlineData("A -> C ; k = 3 $ 4", "column 16", "'$' has no meaning here")]
    [InlineData("A -> C ; k = 3 [1/parsec]", "column 14", "'parsec' is no unit")]
    [InlineData("A -> C ; k = 3 [1/min", "column 16", "no closing ']'")]
    [InlineData("A -> C ; k = 1/0", "column 15", "divides by zero")]
    [InlineData("0 A -> C ; k = 1", "column 3", "'+', '->' or '<=>' is expected here, not 'A'")]
    [InlineData("A -> C ; k = table(x, T)", "column 20", "the first argument is the name of a table; there are none")]
    [InlineData("nothing -> nothing ; k = 1", "column 1", "nothing reacts")]
    public void The_message_names_the_text_the_column_and_what_would_be_right(string reaction, string place, string says)
    {
        var message = Networks.Error(Networks.Of(reaction));
        Assert.StartsWith($"reaction 'r': {place} of '{reaction}': ", message, StringComparison.Ordinal);
        Assert.Contains(says, message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("A + B -> C ; k = 3 [1/min]", "the rate constant k has the unit s^-1; it must be in mol^-1 m^3 s^-1")]
    [InlineData("A -> C ; rate = 3 [1/min] A B", "the rate has the unit mol^2 m^-6 s^-1; it must be in mol m^-3 s^-1")]
    [InlineData("A -> C ; k = 3 exp(-50 [kJ/mol]/T)", "exp is taken of what has the unit kg mol^-1 m^2 K^-1 s^-2")]
    [InlineData("A -> C ; k = 3 exp(-A)", "exp is taken of what has the unit mol m^-3")]
    [InlineData("A -> C ; rate = 3 [1/min] (A + T)", "mol m^-3 and K cannot be added")]
    [InlineData("A <=> B + C ; k = 3 ; K = 4 [L/mol]", "the equilibrium constant K has the unit mol^-1 m^3; it must be in mol m^-3")]
    [InlineData("A -> C ; k = arrhenius(1, 50 [kJ])", "the activation energy has the unit kg m^2 s^-2")]
    [InlineData("A -> C ; k = 3 ; adsorption = A", "the adsorption term has the unit mol m^-3; it must be in 1")]
    [InlineData("A -> C ; rate = 3 A^A", "the exponent has the unit mol m^-3; it must have none")]
    [InlineData("A -> C ; k = 3 ; dH = 50 [kJ]", "the enthalpy of reaction dH has the unit kg m^2 s^-2")]
    public void Units_that_do_not_fit_are_named(string reaction, string says) =>
        Assert.Contains(says, Networks.Error(Networks.Of(reaction)), StringComparison.Ordinal);

    [Fact]
    public void A_bare_number_beside_a_quantity_of_another_kind_than_the_network_s_is_refused()
    {
        var text = Networks.Of("A -> B ; rate = 0.3 X") with { Species = [new("A"), new("B"), new("X", Unit: "g/L")] };
        Assert.Contains("give the number a unit", Networks.Error(text), StringComparison.Ordinal);
        var clear = text with { Reactions = [new("r", "A -> B ; rate = 0.3 [mol/(g min)] X")] };
        Assert.Equal(0.6, Networks.Rate(clear, 300.0, 0.0, 0.0, 2.0 / 3.6e6), 1e-12);
    }

    [Theory]
    [InlineData("CH4 + 2 O2 -> CO2 + H2O ; k = 1", "H 4 on the left and 2 on the right, O 4 on the left and 3 on the right")]
    [InlineData("H -> Na ; k = 1", "Na 0 on the left and 1 on the right, charge")]
    public void An_unbalanced_reaction_is_named_with_its_elements(string reaction, string says)
    {
        var text = Networks.Of(reaction) with
        {
            Species =
            [
                new("CH4", "CH4"), new("O2", "O2"), new("CO2", "CO2"), new("H2O", "H2O"), new("H", "H"), new("Na", "Na+"),
            ],
        };
        Assert.Contains(says, Networks.Error(text), StringComparison.Ordinal);
    }

    [Fact]
    public void A_balanced_reaction_is_accepted_and_one_with_a_species_without_formula_is_not_judged()
    {
        var text = Networks.Of("C6H12O6 + 6 O2 -> 6 CO2 + 6 H2O ; k = 1 ; order_O2 = 1") with
        {
            Species = [new("C6H12O6", "C6H12O6"), new("O2", "O2"), new("CO2", "CO2"), new("H2O", "H2O"), new("X")],
        };
        Assert.Single(KineticNetwork.Of(text).Reactions);
        Assert.Single(KineticNetwork.Of(text with { Reactions = [new("r", "O2 -> 3 X ; k = 1")] }).Reactions);
    }

    [Fact]
    public void Formulas_are_read_with_groups_charges_and_fractions()
    {
        Assert.Equal("[Ca, 1] [H, 2] [O, 2]", string.Join(' ', Formula.Parse("Ca(OH)2")));
        Assert.Equal("[O, 4] [S, 1] [charge, -2]", string.Join(' ', Formula.Parse("SO4^2-")));
        Assert.Equal("[C, 1] [H, 1.8] [N, 0.2] [O, 0.5]", string.Join(' ', Formula.Parse("CH1.8O0.5N0.2")));
        Assert.Equal("[charge, -1]", string.Join(' ', Formula.Parse("e-")));
        Assert.Contains("column 2: 'Xx' is no element", Assert.Throws<FormatException>(() => Formula.Parse("CXx2")).Message, StringComparison.Ordinal);
        Assert.Throws<FormatException>(() => Formula.Parse("C(H"));
        Assert.Throws<FormatException>(() => Formula.Parse(""));
    }

    [Fact]
    public void Names_and_numbers_of_species_parameters_and_tables_are_checked()
    {
        var good = Networks.Of("A -> B ; k = 1");
        Says("species 'T': 'T' is the temperature", good with { Species = [new("A"), new("B"), new("T")] });
        Says("species 'exp': 'exp' has a meaning of its own", good with { Species = [new("A"), new("B"), new("exp")] });
        Says("parameter 'A': there is another 'A'", good with { Parameters = [new("A", 1.0)] });
        Says("species 'A': it starts at -1 mol/L; a concentration is not negative", good with { Species = [new("A", Initial: -1.0), new("B")] });
        Says("parameter 'p': it is NaN", good with { Parameters = [new("p", double.NaN)] });
        Says("parameter 'p': it is 3, which is not between its bounds 0 and 2", good with { Parameters = [new("p", 3.0, null, 0.0, 2.0)] });
        Says("parameter 'p': unit 'xyz', column 1: 'xyz' is no unit", good with { Parameters = [new("p", 3.0, "xyz")] });
        Says("species 'A': its unit 'K' is in K", good with { Species = [new("A", Unit: "K"), new("B")] });
        Says("table 'a': argument 2 is 1 after 1; arguments must rise", good with { Tables = [new("a", [1, 1], [2, 3])] });
        Says("table 'a': it has 2 arguments and 1 values", good with { Tables = [new("a", [1, 2], [2])] });
        Says("reaction 'r': there is another of this name", good with { Reactions = [good.Reactions[0], good.Reactions[0]] });
        Says("definition 'd': column 1 of 'zz': there is no species", good with { Definitions = [new("d", "zz")] });
        Says("units: the unit of concentration is 'K'", good with { Concentration = "K" });
        Says("network 'test': it has no reactions", good with { Reactions = [] });
    }

    private static void Says(string start, KineticsText text) => Assert.StartsWith(start, Networks.Error(text), StringComparison.Ordinal);
}
