namespace Athanor.Compute.Twins;

/// <summary>Measured rows of a heater.</summary>
/// <param name="TimeS">Source time, s, rising; shape (rows).</param>
/// <param name="Power">Heater power, %, acting from its row's time on; shape (rows).</param>
/// <param name="MeasuredC">Sensor reading, °C; shape (rows).</param>
public sealed record HeaterRecord(double[] TimeS, double[] Power, double[] MeasuredC)
{
    public int Rows => TimeS.Length;

    /// <summary>The first <paramref name="rows"/> rows.</summary>
    public HeaterRecord Take(int rows) => new(TimeS[..rows], Power[..rows], MeasuredC[..rows]);
}
