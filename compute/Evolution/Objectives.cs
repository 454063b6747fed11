namespace Athanor.Compute.Evolution;

/// <summary>Two objectives, both to be minimised.</summary>
public readonly record struct Objectives(double First, double Second)
{
    /// <summary>Whether this is no worse in both and better in one.</summary>
    public bool Dominates(Objectives other) =>
        First <= other.First && Second <= other.Second && (First < other.First || Second < other.Second);
}
