using Athanor.Compute.Kinetics;
using Athanor.Compute.Kinetics.Text;

namespace Athanor.Compute.Tests.Kinetics;

/// <summary>Networks that several tests use.</summary>
internal static class Networks
{
    /// <summary>The exothermic reaction of <see cref="Compute.Reactors.Cstr"/>.</summary>
    public static KineticsText Exothermic { get; } = new()
    {
        Name = "exothermic",
        Concentration = "mol/L",
        Time = "min",
        Species = [new("A", Initial: 0.5)],
        Reactions = [new("burn", "A -> nothing ; k = 7.2e10 exp(-8750/T) ; dH = -5e4 [J/mol]")],
    };

    /// <summary>Two species and a rate, of mol/L and minutes.</summary>
    public static KineticsText Of(string reaction, params ParameterText[] parameters) => new()
    {
        Name = "test",
        Concentration = "mol/L",
        Time = "min",
        Species = [new("A", Initial: 1.0), new("B"), new("C")],
        Parameters = [.. parameters],
        Reactions = [new("r", reaction)],
    };

    /// <summary>The rate of the one reaction in the network's own units.</summary>
    public static double Rate(KineticsText text, double temperature, params double[] concentrations)
    {
        var network = KineticNetwork.Of(text);
        var rates = new double[1];
        network.Rates(network.Units, CodeForm.Interpreted).Rates.Rates(temperature, concentrations, rates);
        return rates[0];
    }

    public static string Error(KineticsText text) => Assert.Throws<KineticsException>(() => KineticNetwork.Of(text)).Message;
}
