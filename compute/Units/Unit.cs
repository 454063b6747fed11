namespace Athanor.Compute.Units;

/// <summary>A unit of measurement: a quantity of x units is x <see cref="Factor"/> + <see cref="Offset"/> in SI.</summary>
/// <param name="Text">As it was written.</param>
/// <param name="Offset">Zero except for temperatures such as °C, which may stand only by themselves.</param>
public sealed record Unit(string Text, Dimension Dimension, double Factor, double Offset = 0.0)
{
    public static Unit One { get; } = new("1", Dimension.None, 1.0);

    /// <summary>Reads a unit such as <c>mol/(L min)</c>, <c>kJ/mol</c>, <c>m^3 h^-1</c>, <c>degC</c>.</summary>
    /// <exception cref="UnitException">The text is no unit; the message says where and what would be right.</exception>
    public static Unit Parse(string text) => new UnitParser(text).Parse();

    public static bool TryParse(string text, out Unit unit, out string problem)
    {
        try
        {
            unit = Parse(text);
            problem = "";
            return true;
        }
        catch (UnitException error)
        {
            unit = One;
            problem = error.Message;
            return false;
        }
    }

    public double ToSi(double value) => (value * Factor) + Offset;

    public double FromSi(double value) => (value - Offset) / Factor;

    /// <summary>Converts a value of this unit into another.</summary>
    /// <exception cref="UnitException">The units are of different dimensions.</exception>
    public double To(Unit other, double value)
    {
        if (!Dimension.Is(other.Dimension))
            throw new UnitException($"{value:R} {Text} is in {Dimension} and cannot be given in {other.Text}, which is in {other.Dimension}");
        if (Offset == 0.0 && other.Offset == 0.0) return value * UnitSystem.Ratio(Factor, other.Factor);
        return other.FromSi(ToSi(value));
    }

    public override string ToString() => Text;
}

/// <summary>A unit is not one, or does not fit. The message says what would be right.</summary>
public sealed class UnitException(string message) : ArgumentException(message);
