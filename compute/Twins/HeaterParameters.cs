namespace Athanor.Compute.Twins;

/// <summary>
/// Physical parameters and noise of a heater with a lagged sensor (the TCLab board: a transistor heats itself and a thermistor glued to
/// it). Temperatures in °C, times in s, heater power in % of full scale, heat flows as rates of temperature (K/s).
/// </summary>
/// <param name="Gain">Rate of temperature per power, K/(s %).</param>
/// <param name="HeatLoss">Convective loss over heat capacity, U A / C, 1/s: the prior mean of the state of that name.</param>
/// <param name="Radiation">ε σ A / C, 1/(s K³).</param>
/// <param name="SensorLag">Time constant of the sensor, s.</param>
/// <param name="Ambient">Nominal ambient temperature, °C; the filter estimates its bias.</param>
/// <param name="HeaterNoise">Random walk of the heater's temperature, K/√s.</param>
/// <param name="SensorNoise">Random walk of the sensor's temperature, K/√s.</param>
/// <param name="AmbientNoise">Random walk of the ambient bias, K/√s.</param>
/// <param name="HeatLossNoise">Random walk of the heat loss, relative to its prior mean, 1/√s.</param>
/// <param name="MeasurementNoise">Standard deviation of a reading, K.</param>
/// <param name="AmbientPrior">Standard deviation of the ambient bias before the first row, K.</param>
/// <param name="HeatLossPrior">Standard deviation of the heat loss before the first row, relative.</param>
/// <param name="Memory">Time constant of the surroundings that the residual remembers, s; 0 without a residual.</param>
public sealed record HeaterParameters(
    double Gain, double HeatLoss, double Radiation, double SensorLag, double Ambient, double HeaterNoise, double SensorNoise,
    double AmbientNoise, double HeatLossNoise, double MeasurementNoise, double AmbientPrior, double HeatLossPrior, double Memory)
{
    /// <summary>Number of parameters in <see cref="ToArray"/>.</summary>
    public const int Count = 13;

    private static readonly string[] Names =
    [
        nameof(Gain), nameof(HeatLoss), nameof(Radiation), nameof(SensorLag), nameof(Ambient), nameof(HeaterNoise), nameof(SensorNoise),
        nameof(AmbientNoise), nameof(HeatLossNoise), nameof(MeasurementNoise), nameof(AmbientPrior), nameof(HeatLossPrior), nameof(Memory),
    ];

    /// <summary>What a board of this kind is taken for before anything is measured: the textbook's heat capacity, area and heat transfer
    /// coefficient (m c_p = 4 g · 0.5 J/(g K), 12 cm², 10 W/(m² K), 1 W at 100 %; Hedengren, apmonitor.com, TCLab heat transfer), and noise of
    /// a thermistor read in steps of 0.03 to 0.3 K.</summary>
    public static HeaterParameters Textbook { get; } = new(
        Gain: 0.005, HeatLoss: 0.006, Radiation: 0, SensorLag: 20, Ambient: 25, HeaterNoise: 0.103, SensorNoise: 0.052, AmbientNoise: 0.069,
        HeatLossNoise: 0.0005, MeasurementNoise: 0.026, AmbientPrior: 1.0, HeatLossPrior: 0.1, Memory: 0);

    /// <summary>In the order of the constructor, shape (13).</summary>
    public double[] ToArray() =>
    [
        Gain, HeatLoss, Radiation, SensorLag, Ambient, HeaterNoise, SensorNoise, AmbientNoise, HeatLossNoise, MeasurementNoise,
        AmbientPrior, HeatLossPrior, Memory,
    ];

    /// <exception cref="ArgumentException">The number of values is wrong, or a value makes no sense; the message names it.</exception>
    public static HeaterParameters From(ReadOnlySpan<double> values)
    {
        if (Problem(values) is { } problem) throw new ArgumentException(problem, nameof(values));
        return new HeaterParameters(
            values[0], values[1], values[2], values[3], values[4], values[5], values[6], values[7], values[8], values[9], values[10],
            values[11], values[12]);
    }

    /// <summary>What is wrong with these values, or null.</summary>
    public static string? Problem(ReadOnlySpan<double> values)
    {
        if (values.Length != Count) return $"a heater has {Count} parameters ({string.Join(", ", Names)}), not {values.Length}";
        for (var i = 0; i < Count; i++)
        {
            if (!double.IsFinite(values[i])) return $"the heater's parameter {Names[i]} is {values[i]}; only finite numbers are taken";
            var positive = i is 0 or 1 or 3 or 9;
            if (positive && values[i] <= 0) return $"the heater's parameter {Names[i]} is {values[i]}; it must be above 0";
            if (i != 4 && values[i] < 0) return $"the heater's parameter {Names[i]} is {values[i]}; it must not be below 0";
        }
        return values[4] is < -273.15 or > 2000 ? $"the heater's parameter Ambient is {values[4]} °C; expected -273.15 to 2000" : null;
    }
}
