using System.Globalization;
using Athanor.Compute.Numerics;

namespace Athanor.Compute.Units;

/// <summary>
/// A coherent system of units in which a network's rates are calculated: a formula that is right in SI is right in it without factors.
/// It is fixed by three choices: the unit of concentration, the unit of time, and that energies per amount are in J/mol (so that the gas
/// constant is 8.314... and bare activation energies mean what they look like). Temperature is in K, length in m.
/// </summary>
public sealed class UnitSystem
{
    private readonly double _mass, _time, _amount;

    /// <exception cref="UnitException">A unit is not one of concentration or time.</exception>
    public UnitSystem(Unit concentration, Unit time)
    {
        if (!time.Dimension.Is(new Dimension(0, 0, 1, 0, 0)))
            throw new UnitException($"the unit of time is '{time.Text}', which is in {time.Dimension}; it must be one such as s, min or h");
        _time = time.Factor;
        if (concentration.Dimension.Is(Dimension.Concentration))
        {
            _amount = concentration.Factor;
            _mass = _amount * _time * _time;
        }
        else if (concentration.Dimension.Is(Dimension.MassConcentration))
        {
            _mass = concentration.Factor;
            _amount = _mass / (_time * _time);
        }
        else
        {
            throw new UnitException($"the unit of concentration is '{concentration.Text}', which is in {concentration.Dimension}; "
                + "it must be one such as mol/L, mol/m^3 or g/L");
        }
        Concentration = concentration;
        Time = time;
    }

    /// <summary>mol/m³ and s.</summary>
    public static UnitSystem Si { get; } = new(Unit.Parse("mol/m^3"), Unit.Parse("s"));

    public Unit Concentration { get; }

    public Unit Time { get; }

    /// <summary>Name of the unit of rates, such as <c>mol/L/min</c>.</summary>
    public string RateUnit => $"{Concentration.Text}/{Time.Text}";

    /// <summary>Whether a dimension is made of concentration, time, temperature and J/mol alone, so that it is plain what a bare number of
    /// it would mean; in a network in mol/L, a bare number cannot be in g/L.</summary>
    public bool IsPlain(Dimension dimension)
    {
        var length = Concentration.Dimension.Mass == 0.0
            ? (-3.0 * dimension.Amount) - dimension.Mass
            : (-3.0 * dimension.Mass) - (5.0 * dimension.Amount);
        return Math.Abs(dimension.Length - length) <= 1e-9 && Math.Abs(dimension.Current) <= 1e-9;
    }

    /// <summary>What a value of the unit is to be multiplied by to be in this system.</summary>
    public double FactorOf(Unit unit) => Ratio(unit.Factor, Factor(unit.Dimension));

    /// <summary>What a value of this system is to be multiplied by to be in another.</summary>
    public double FactorTo(UnitSystem other, Dimension dimension) => Ratio(Factor(dimension), other.Factor(dimension));

    /// <summary>SI value of this system's unit of a dimension.</summary>
    public double Factor(Dimension dimension) =>
        Power(_mass, dimension.Mass) * Power(_amount, dimension.Amount) * Power(_time, dimension.Time);

    /// <summary>a / b, with what rounding did to decimal factors taken back: 1000, not 999.9999999999999.</summary>
    internal static double Ratio(double a, double b)
    {
        var ratio = a / b;
        var rounded = double.Parse(ratio.ToString("G14", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);
        if (Math.Abs(rounded - ratio) <= 1e-15 * Math.Abs(ratio)) return rounded;
        // The same for 1/60 and its like.
        var inverse = b / a;
        rounded = double.Parse(inverse.ToString("G14", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);
        return Math.Abs(rounded - inverse) <= 1e-15 * Math.Abs(inverse) ? 1.0 / rounded : ratio;
    }

    internal static double Power(double x, double exponent)
    {
        if (exponent == 0.0 || x == 1.0) return 1.0;
        if (exponent < 0.0) return 1.0 / Power(x, -exponent);
        if (exponent != Math.Floor(exponent) || exponent > 64.0) return DetMath.Exp(exponent * DetMath.Log(x));
        var power = x;
        for (var i = 1; i < (int)exponent; i++) power *= x;
        return power;
    }
}
