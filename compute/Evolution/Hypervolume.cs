namespace Athanor.Compute.Evolution;

/// <summary>The exact hypervolume of two objectives: the area that points dominate below a reference point.</summary>
public static class Hypervolume
{
    /// <param name="points">In any order; points that are dominated, or not below the reference in both, add nothing.</param>
    public static double Of(IEnumerable<Objectives> points, Objectives reference)
    {
        var area = 0.0;
        var height = reference.Second;
        foreach (var p in points.Where(p => p.First < reference.First && p.Second < reference.Second)
            .OrderBy(p => p.First).ThenBy(p => p.Second))
        {
            if (p.Second >= height) continue;
            area += (reference.First - p.First) * (height - p.Second);
            height = p.Second;
        }
        return area;
    }
}
