namespace Athanor.Compute.Thermo;

/// <summary>The ideal gas, P V = n R T; SI.</summary>
public static class IdealGas
{
    /// <summary>mol/m³ at a pressure (Pa) and temperature (K).</summary>
    public static double Concentration(double pressure, double kelvin) => pressure / (NasaSpecies.GasConstant * kelvin);

    /// <summary>Pa.</summary>
    public static double Pressure(double concentration, double kelvin) => concentration * NasaSpecies.GasConstant * kelvin;
}
