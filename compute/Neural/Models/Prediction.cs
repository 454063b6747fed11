namespace Athanor.Compute.Neural.Models;

/// <summary>What a roll-out broke, seen at every stage of every internal step, not only where it was asked for values.</summary>
/// <param name="States">States looked at: stages and steps.</param>
/// <param name="Negative">Of these, how many had a negative value where none can be.</param>
/// <param name="Lowest">The least value of a positive state, in units of its scale; 0 or more if none was negative.</param>
/// <param name="MassDrift">Largest drift of a conserved combination of concentrations from what the flows made of it, relative to its
/// size; NaN where the model names no reactor or nothing is conserved.</param>
/// <param name="EnergyDrift">The same of the energy balance.</param>
/// <param name="Refused">Steps that were taken in halves because a stage left the positive orthant.</param>
public readonly record struct Violations(long States, long Negative, double Lowest, double MassDrift, double EnergyDrift, long Refused)
{
    public static Violations None => new(0, 0, double.PositiveInfinity, double.NaN, double.NaN, 0);

    public Violations Plus(in Violations other) => new(
        States + other.States, Negative + other.Negative, Math.Min(Lowest, other.Lowest), Larger(MassDrift, other.MassDrift),
        Larger(EnergyDrift, other.EnergyDrift), Refused + other.Refused);

    private static double Larger(double a, double b) => double.IsNaN(a) ? b : double.IsNaN(b) ? a : Math.Max(a, b);
}

/// <summary>A roll-out.</summary>
/// <param name="Values">Shape (rows, states); NaN from where it left the finite numbers.</param>
public sealed record Prediction(double[] Values, int States, Violations Violations)
{
    public double this[int row, int state] => Values[(row * States) + state];

    public bool IsFinite => double.IsFinite(Values[^1]);
}
