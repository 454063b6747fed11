using Athanor.Compute.Numerics;

namespace Athanor.Compute.Fitting;

/// <summary>Latin hypercube samples (McKay, Beckman and Conover, Technometrics 21, 1979): of n points, every one of n equal slices of
/// each dimension holds one, at a random place in it.</summary>
public static class LatinHypercube
{
    /// <returns>Shape (points, dimensions) row-major, in [0, 1). Dimension d is drawn from stream d of the seed.</returns>
    public static double[] Draw(ulong seed, int points, int dimensions)
    {
        var sample = new double[points * dimensions];
        for (var d = 0; d < dimensions; d++)
        {
            var stream = new Philox(seed, (ulong)d);
            var order = stream.Permutation(points);
            for (var i = 0; i < points; i++) sample[(i * dimensions) + d] = (order[i] + stream.NextDouble()) / points;
        }
        return sample;
    }
}
