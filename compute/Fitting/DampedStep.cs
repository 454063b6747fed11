using Athanor.Compute.Linear;

namespace Athanor.Compute.Fitting;

/// <summary>The step of Levenberg and Marquardt: (C + damping D) step = -gradient with D the diagonal of C, over the free coordinates; the others
/// do not move.</summary>
internal static class DampedStep
{
    /// <summary>Where more damping is given up.</summary>
    public const double LargestDamping = 1e20;

    /// <param name="curvature">Symmetric and positive semi-definite, shape (n, n).</param>
    /// <param name="damping">Raised tenfold until the system can be solved.</param>
    /// <param name="leastDiagonal">Least scale of a coordinate in the damping; one on which little depends yet is not run along blindly.</param>
    /// <param name="tiny">Added to the diagonal: a coordinate on which nothing depends must not make the system singular.</param>
    /// <param name="step">Length n.</param>
    /// <returns>False if no damping makes the system solvable.</returns>
    public static bool Solve(
        ReadOnlySpan<double> curvature, ReadOnlySpan<double> gradient, bool[] free, double damping, double leastDiagonal, double tiny,
        Span<double> step)
    {
        var n = gradient.Length;
        Span<int> index = stackalloc int[n];
        var count = 0;
        for (var i = 0; i < n; i++)
        {
            if (free[i]) index[count++] = i;
        }
        double[] system = new double[count * count], right = new double[count];
        for (; damping < LargestDamping; damping = Math.Max(damping * 10, 1e-12))
        {
            for (var a = 0; a < count; a++)
            {
                right[a] = -gradient[index[a]];
                for (var b = 0; b < count; b++) system[(a * count) + b] = curvature[(index[a] * n) + index[b]];
                var diagonal = system[(a * count) + a];
                system[(a * count) + a] = diagonal + (damping * Math.Max(diagonal, leastDiagonal)) + tiny;
            }
            if (!SmallCholesky.Factor(system, count)) continue;
            SmallCholesky.Solve(system, count, right);
            step.Clear();
            for (var a = 0; a < count; a++) step[index[a]] = right[a];
            return true;
        }
        return false;
    }
}
