using System.Globalization;

namespace Athanor.Compute.Units;

/// <summary>Exponents of the SI base quantities. They need not be whole, since orders of reaction need not be.</summary>
public readonly record struct Dimension(
    double Mass, double Length, double Time, double Temperature, double Amount, double Current = 0.0)
{
    public static Dimension None => default;

    public static Dimension Concentration { get; } = new(0, -3, 0, 0, 1);

    public static Dimension MassConcentration { get; } = new(1, -3, 0, 0, 0);

    public static Dimension EnergyPerAmount { get; } = new(1, 2, -2, 0, -1);

    public bool IsNone => Is(default);

    public static Dimension operator *(Dimension a, Dimension b) => new(
        a.Mass + b.Mass, a.Length + b.Length, a.Time + b.Time, a.Temperature + b.Temperature, a.Amount + b.Amount, a.Current + b.Current);

    public static Dimension operator /(Dimension a, Dimension b) => a * b.Power(-1);

    public Dimension Power(double exponent) => new(
        Mass * exponent, Length * exponent, Time * exponent, Temperature * exponent, Amount * exponent, Current * exponent);

    /// <summary>Whether the exponents agree to 1e-9.</summary>
    public bool Is(Dimension other) =>
        Near(Mass, other.Mass) && Near(Length, other.Length) && Near(Time, other.Time)
        && Near(Temperature, other.Temperature) && Near(Amount, other.Amount) && Near(Current, other.Current);

    /// <summary>As a product of SI units, such as <c>mol m^-3 s^-1</c>; <c>1</c> for none.</summary>
    public override string ToString()
    {
        (string Name, double Exponent)[] parts =
            [("kg", Mass), ("mol", Amount), ("m", Length), ("K", Temperature), ("A", Current), ("s", Time)];
        var written = parts.Where(static part => !Near(part.Exponent, 0.0)).Select(static part => Near(part.Exponent, 1.0)
            ? part.Name
            : part.Name + "^" + Math.Round(part.Exponent, 9).ToString(CultureInfo.InvariantCulture));
        var text = string.Join(' ', written);
        return text == "" ? "1" : text;
    }

    private static bool Near(double a, double b) => Math.Abs(a - b) <= 1e-9;
}
