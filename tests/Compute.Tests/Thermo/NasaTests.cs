using Athanor.Compute.Thermo;

namespace Athanor.Compute.Tests.Thermo;

public sealed class NasaTests
{
    /// <summary>Enthalpies of formation at 298.15 K in kJ/mol and heat capacities in J/(mol K): NIST-JANAF and NIST WebBook.</summary>
    [Theory]
    [InlineData("H2", 0.0, 28.84)]
    [InlineData("O2", 0.0, 29.38)]
    [InlineData("N2", 0.0, 29.12)]
    [InlineData("H2O", -241.83, 33.59)]
    [InlineData("CO", -110.53, 29.14)]
    [InlineData("CO2", -393.51, 37.13)]
    [InlineData("CH4", -74.6, 35.69)]
    [InlineData("CH3OH", -201.0, 44.0)]
    [InlineData("C2H2", 227.4, 44.0)]
    [InlineData("C2H4", 52.4, 42.9)]
    public void A_gas_has_its_enthalpy_of_formation_and_heat_capacity(string name, double formation, double capacity)
    {
        var gas = NasaTable.Find(name);
        var kelvin = Math.Max(298.15, gas.Least);
        Assert.Equal(formation, gas.Enthalpy(kelvin) / 1000, 1.0);
        Assert.Equal(capacity, gas.HeatCapacity(kelvin), 0.02 * capacity);
    }

    [Fact]
    public void Both_polynomials_of_a_gas_meet_and_the_enthalpy_is_the_integral_of_the_heat_capacity()
    {
        foreach (var gas in NasaTable.All)
        {
            double below = Math.BitDecrement(gas.Middle), above = gas.Middle;
            Assert.Equal(gas.HeatCapacity(below), gas.HeatCapacity(above), 1e-4 * gas.HeatCapacity(above));
            Assert.Equal(gas.Enthalpy(below), gas.Enthalpy(above), 15.0);
            Assert.Equal(gas.Entropy(below), gas.Entropy(above), 1e-4 * gas.Entropy(above));
            foreach (var t in new[] { 400.0, 1500.0 })
            {
                Assert.Equal(gas.HeatCapacity(t), (gas.Enthalpy(t + 0.01) - gas.Enthalpy(t - 0.01)) / 0.02, 1e-6 * gas.HeatCapacity(t));
                Assert.Equal(gas.HeatCapacity(t) / t, (gas.Entropy(t + 0.01) - gas.Entropy(t - 0.01)) / 0.02,
                    1e-6 * gas.HeatCapacity(t) / t);
            }
        }
    }

    /// <summary>Water gas shift CO + H2O → CO2 + H2: -41.2 kJ/mol at 298.15 K, equilibrium constant 1 near 1,100 K.</summary>
    [Fact]
    public void The_water_gas_shift_has_its_heat_and_equilibrium()
    {
        NasaSpecies co = NasaTable.Find("CO"), water = NasaTable.Find("H2O"), co2 = NasaTable.Find("CO2"), h2 = NasaTable.Find("H2");
        double Heat(double t) => co2.Enthalpy(t) + h2.Enthalpy(t) - co.Enthalpy(t) - water.Enthalpy(t);
        double LogK(double t) => -(Heat(t) - (t * (co2.Entropy(t) + h2.Entropy(t) - co.Entropy(t) - water.Entropy(t)))) / (NasaSpecies.GasConstant * t);
        Assert.Equal(-41.2e3, Heat(298.15), 200.0);
        Assert.True(LogK(1050) > 0 && LogK(1150) < 0);
    }

    [Fact]
    public void Outside_its_range_or_by_a_wrong_name_a_gas_is_refused()
    {
        Assert.Contains("100 K is outside", Assert.Throws<ArgumentOutOfRangeException>(() => NasaTable.Find("CO").Enthalpy(100)).Message,
            StringComparison.Ordinal);
        Assert.Contains("no polynomials of 'XY'", Assert.Throws<ArgumentException>(() => NasaTable.Find("XY")).Message,
            StringComparison.Ordinal);
    }
}
