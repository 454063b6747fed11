using Athanor.Compute.Units;

namespace Athanor.Compute.Tests.Units;

public sealed class UnitTests
{
    [Theory]
    [InlineData("mol/L", "mol/m^3", 1000.0)]
    [InlineData("kJ/mol", "J/mol", 1000.0)]
    [InlineData("L/(mol min)", "m^3/(mol s)", 1e-3 / 60.0)]
    [InlineData("1/h", "1/min", 1.0 / 60.0)]
    [InlineData("cm3", "L", 1e-3)]
    [InlineData("m³ h⁻¹", "L/min", 1000.0 / 60.0)]
    [InlineData("kcal", "J", 4184.0)]
    [InlineData("mmol/L", "mM", 1.0)]
    [InlineData("bar", "Pa", 1e5)]
    [InlineData("J/(min K)", "W/K", 1.0 / 60.0)]
    [InlineData("mol^0.5 L^-0.5", "mol^0.5/L^0.5", 1.0)]
    [InlineData("g/L", "kg/m^3", 1.0)]
    public void A_value_is_converted(string from, string to, double factor) =>
        Assert.Equal(factor, Unit.Parse(from).To(Unit.Parse(to), 1.0), factor * 1e-15);

    [Fact]
    public void Degrees_Celsius_have_an_offset_alone_and_none_in_a_product()
    {
        Assert.Equal(373.15, Unit.Parse("degC").ToSi(100.0), 1e-12);
        Assert.Equal(1.0, Unit.Parse("J/degC").ToSi(1.0));
    }

    [Theory]
    [InlineData("mol/L min", "column 7", "mol/L min")]
    [InlineData("mol/Q", "column 5", "'Q' is no unit")]
    [InlineData("mol/(L", "column 5", "not closed")]
    [InlineData("mol//L", "column 5", "begins no unit")]
    [InlineData("m^x", "column 2", "exponent")]
    public void What_is_no_unit_is_refused_with_its_place(string text, string place, string says)
    {
        var error = Assert.Throws<UnitException>(() => Unit.Parse(text));
        Assert.Contains(place, error.Message, StringComparison.Ordinal);
        Assert.Contains(says, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Units_of_different_dimension_are_not_converted()
    {
        var error = Assert.Throws<UnitException>(() => Unit.Parse("kJ/mol").To(Unit.Parse("K"), 50.0));
        Assert.Equal("50 kJ/mol is in kg mol^-1 m^2 s^-2 and cannot be given in K, which is in K", error.Message);
    }

    [Fact]
    public void In_a_system_of_mol_per_L_and_minutes_the_gas_constant_keeps_its_digits()
    {
        var system = new UnitSystem(Unit.Parse("mol/L"), Unit.Parse("min"));
        Assert.Equal(1.0, system.FactorOf(Unit.Parse("J/(mol K)")));
        Assert.Equal(1.0, system.FactorOf(Unit.Parse("L/(mol min)")));
        Assert.Equal(60.0, system.FactorOf(Unit.Parse("1/s")));
        Assert.Equal(1.0, system.FactorOf(Unit.Parse("J/(L K)")));
        Assert.True(system.IsPlain(Unit.Parse("kPa").Dimension));
        Assert.False(system.IsPlain(Unit.Parse("g/L").Dimension));
    }
}
