using System.Collections.Immutable;

namespace Athanor.Compute.Thermo;

/// <summary>
/// Heat capacity, enthalpy and entropy of an ideal gas by NASA's polynomials of seven coefficients (S. Gordon, B. McBride, NASA SP-273,
/// 1971), one set below and one above <see cref="Middle"/>:
/// <code>
/// cp/R = a1 + a2 T + a3 T² + a4 T³ + a5 T⁴
/// h/RT = a1 + a2 T/2 + a3 T²/3 + a4 T³/4 + a5 T⁴/5 + a6/T
/// s/R  = a1 ln T + a2 T + a3 T²/2 + a4 T³/3 + a5 T⁴/4 + a7        (at 1 atm)
/// </code>
/// SI: J, mol, K. Enthalpies hold the enthalpy of formation at 298.15 K, so differences along a reaction are its heat.
/// </summary>
/// <param name="Low">a1 to a7 below <paramref name="Middle"/>.</param>
/// <param name="High">a1 to a7 above it.</param>
/// <param name="MolarMass">kg/mol.</param>
public sealed record NasaSpecies(
    string Name, double MolarMass, double Least, double Middle, double Most, ImmutableArray<double> Low, ImmutableArray<double> High)
{
    /// <summary>The molar gas constant, J/(mol K).</summary>
    public const double GasConstant = 8.31446261815324;

    /// <summary>Molar heat capacity at constant pressure, J/(mol K).</summary>
    public double HeatCapacity(double kelvin)
    {
        var a = At(kelvin);
        return GasConstant * (a[0] + (kelvin * (a[1] + (kelvin * (a[2] + (kelvin * (a[3] + (kelvin * a[4]))))))));
    }

    /// <summary>Molar enthalpy, J/mol.</summary>
    public double Enthalpy(double kelvin)
    {
        var a = At(kelvin);
        var sum = (a[3] / 4) + (kelvin * a[4] / 5);
        sum = (a[2] / 3) + (kelvin * sum);
        sum = (a[1] / 2) + (kelvin * sum);
        return GasConstant * (a[5] + (kelvin * (a[0] + (kelvin * sum))));
    }

    /// <summary>Molar entropy at 1 atm, J/(mol K).</summary>
    public double Entropy(double kelvin)
    {
        var a = At(kelvin);
        return GasConstant * ((a[0] * Numerics.DetMath.Log(kelvin))
            + (kelvin * (a[1] + (kelvin * ((a[2] / 2) + (kelvin * ((a[3] / 3) + (kelvin * a[4] / 4))))))) + a[6]);
    }

    private ImmutableArray<double> At(double kelvin)
    {
        if (!(kelvin >= Least && kelvin <= Most))
        {
            throw new ArgumentOutOfRangeException(
                nameof(kelvin), FormattableString.Invariant($"{Name} has properties from {Least:R} to {Most:R} K; {kelvin:R} K is outside"));
        }
        return kelvin < Middle ? Low : High;
    }
}
