using Athanor.Compute.Kinetics.Text;

namespace Athanor.Compute.Tests.Kinetics;

/// <summary>Each rate law against its formula written out, at one state: A = 0.8, B = 0.3, C = 0.1 mol/L, 350 K.</summary>
public sealed class RateTextTests
{
    private const double A = 0.8, B = 0.3, C = 0.1, T = 350.0, R = 8.31446261815324;

    [Theory]
    [InlineData("A + 2 B -> C ; k = 3", 3 * A * B * B)]
    [InlineData("A + B -> C ; k = 3 ; order_A = 0.5 ; order_B = 0", 0.89442719099991588 * 3)]
    [InlineData("A -> B ; rate = 2 A^1.5 / (1 + 3 B)", 2 * 0.71554175279993271 / (1 + (3 * B)))]
    [InlineData("A <=> B ; k = 3 ; K = 4", (3 * A) - (3.0 / 4 * B))]
    [InlineData("A <=> 2 B ; k = 3 ; kr = 0.5", (3 * A) - (0.5 * B * B))]
    [InlineData("A + B -> C ; k = 3 ; adsorption = 2 A + 5 C ; sites = 2", 3 * A * B / ((1 + (2 * A) + (5 * C)) * (1 + (2 * A) + (5 * C))))]
    [InlineData("A -> B ; rate = lhhw(3 A B, 2 A + 5 C, power = 2)", 3 * A * B / ((1 + (2 * A) + (5 * C)) * (1 + (2 * A) + (5 * C))))]
    [InlineData("A -> B ; rate = michaelis(A, 2, 0.4)", 2 * A / (0.4 + A))]
    [InlineData("A -> B ; rate = michaelis(A, 2, 0.4, competitive = B/0.2)", 2 * A / ((0.4 * (1 + (B / 0.2))) + A))]
    [InlineData("A -> B ; rate = michaelis(A, 2, 0.4, uncompetitive = B/0.2)", 2 * A / (0.4 + (A * (1 + (B / 0.2)))))]
    [InlineData("A -> B ; rate = michaelis(A, 2, 0.4, noncompetitive = B/0.2)", 2 * A / ((0.4 + A) * (1 + (B / 0.2))))]
    [InlineData("A -> B ; rate = michaelis(A, 2, 0.4, substrate = 1.5)", 2 * A / (0.4 + A + (A * A / 1.5)))]
    [InlineData("A -> B ; rate = hill(A, 2, 0.4, 2)", 2 * A * A / ((0.4 * 0.4) + (A * A)))]
    [InlineData("A -> B ; rate = monod(A, 0.5, 0.1) B", 0.5 * A / (0.1 + A) * B)]
    [InlineData("A -> B ; rate = monod(A, 0.5, 0.1, product = C/0.2, power = 2) B", 0.5 * A / (0.1 + A) * 0.25 * B)]
    [InlineData("A -> B ; rate = monod(A, 0.5, 0.1, product = C/0.05) B", 0.0)]
    [InlineData("A -> B ; rate = monod(A, 0.5, 0.1, substrate = 2, inhibition = C/0.3) B", 0.5 * A / (0.1 + A + (A * A / 2)) * B / (1 + (C / 0.3)))]
    [InlineData("A -> B ; rate = contois(A, B, 0.5, 0.1) B", 0.5 * A / ((0.1 * B) + A) * B)]
    [InlineData("A -> B ; rate = 1 (max(A, B) - min(A, 2 B) + abs(B - A))", A - (2 * B) + (A - B))]
    [InlineData("A -> B ; rate = 1 below(T, 400, A, B)", A)]
    [InlineData("A -> B ; rate = -2^2 A + 5 A", A)]
    [InlineData("A -> B ; rate = 1 log10(100) A * ln(exp(1)) + sqrt(A) 0", 2 * A)]
    public void The_rate_is_that_of_the_formula(string reaction, double expected) =>
        Assert.Equal(expected, Networks.Rate(Networks.Of(reaction), T, A, B, C), Math.Abs(expected) * 1e-14);

    [Fact]
    public void Arrhenius_is_the_same_with_units_without_and_from_a_reference_temperature()
    {
        var expected = 7.2e10 * Math.Exp(-72.7e3 / (R * T)) * A;
        Close(expected, "A -> B ; k = 7.2e10 exp(-72.7e3/(R T))");
        Close(expected, "A -> B ; k = arrhenius(7.2e10, 72.7e3)");
        Close(expected, "A -> B ; k = 7.2e10 [1/min] exp(-72.7 [kJ/mol]/(R T))");
        Close(expected, "A -> B ; k = arrhenius(1.2e9 [1/s], 72.7 [kJ/mol])");
        Close(7.2e10 * Math.Exp(-72.7e3 / (R * 340.0)) * Math.Exp(-72.7e3 / R * ((1 / T) - (1 / 340.0))) * A,
            $"A -> B ; k = arrhenius({(7.2e10 * Math.Exp(-72.7e3 / (R * 340.0))):R}, 72.7 [kJ/mol], Tref = 340)");
        Close(3.0 * T * T * Math.Exp(-1000.0 / (R * T)) * A, "A -> B ; k = arrhenius(3, 1000, power = 2)");
    }

    [Fact]
    public void The_equilibrium_constant_follows_van_t_Hoff()
    {
        var equilibrium = 5.0 * Math.Exp(-30e3 / R * ((1 / T) - (1 / 298.15)));
        Close((2.0 * A) - (2.0 / equilibrium * B), "A <=> B ; k = 2 ; K = vanthoff(5, 30 [kJ/mol], 298.15 [K])");
    }

    [Fact]
    public void A_rate_in_SI_is_that_in_other_units_converted()
    {
        var network = Compute.Kinetics.KineticNetwork.Of(Networks.Of("A + B -> C ; k = 3 ; adsorption = 2 [L/mol] A"));
        var si = new double[1];
        network.Rates().Rates.Rates(T, [A * 1000, B * 1000, C * 1000], si);
        Assert.Equal(3 * A * B / (1 + (2 * A)) * 1000 / 60, si[0], 1e-12);
    }

    [Fact]
    public void Parameters_keep_their_units_and_rates_their_meaning()
    {
        ParameterText[] parameters = [new("k0", 1.2e9, "1/s"), new("Ea", 72.7, "kJ/mol"), new("Km", 400, "mmol/L"), new("V", 0.5, "mol/(L h)")];
        Assert.Equal(
            (7.2e10 * Math.Exp(-72.7e3 / (R * T)) * A) + (0.5 / 60 * A / (0.4 + A)),
            Networks.Rate(Networks.Of("A -> B ; rate = k0 exp(-Ea/(R T)) A + michaelis(A, V, Km)", parameters), T, A, B, C), 1e-12);
    }

    [Fact]
    public void Species_and_numbers_may_stand_without_a_sign_between_them() =>
        Assert.Equal(2e3 * A, Networks.Rate(Networks.Of("2A->3B;k=1e3 order;order_A=1", new ParameterText("order", 2.0)), T, A, B, C), 1e-9);

    private static void Close(double expected, string reaction) =>
        Assert.Equal(1.0, Networks.Rate(Networks.Of(reaction), T, A, B, C) / expected, 1e-12);
}
