using Athanor.Compute.Numerics;

namespace Athanor.Compute.Evolution;

/// <summary>Variation of real vectors, each entry in [0, 1], as NSGA-II's reference code does it.</summary>
public static class RealOperators
{
    /// <summary>Simulated binary crossover (Deb and Agrawal, Complex Systems 9 (1995) 115), bounded, with probability 0.9 a pair and one
    /// half an entry.</summary>
    /// <param name="eta">Distribution index; larger keeps children closer.</param>
    public static (double[] First, double[] Second) Crossover(double[] a, double[] b, double eta, ref Philox random)
    {
        var (first, second) = ((double[])a.Clone(), (double[])b.Clone());
        if (random.NextDouble() > 0.9) return (first, second);
        for (var i = 0; i < a.Length; i++)
        {
            if (random.NextDouble() > 0.5) continue;
            var (low, high) = (Math.Min(a[i], b[i]), Math.Max(a[i], b[i]));
            var u = random.NextDouble();
            var swap = random.NextDouble() < 0.5;
            if (high - low < 1e-14) continue;
            var c1 = 0.5 * (low + high - Spread(1 + 2 * low / (high - low), u, eta) * (high - low));
            var c2 = 0.5 * (low + high + Spread(1 + 2 * (1 - high) / (high - low), u, eta) * (high - low));
            (c1, c2) = (Math.Clamp(c1, 0, 1), Math.Clamp(c2, 0, 1));
            (first[i], second[i]) = swap ? (c2, c1) : (c1, c2);
        }
        return (first, second);
    }

    /// <summary>Polynomial mutation (Deb and Goyal, 1996), bounded, with probability 1/n an entry.</summary>
    public static void Mutate(double[] x, double eta, ref Philox random)
    {
        for (var i = 0; i < x.Length; i++)
        {
            if (random.NextDouble() > 1.0 / x.Length) continue;
            var u = random.NextDouble();
            var power = 1 / (eta + 1);
            var delta = u < 0.5
                ? Math.Pow(2 * u + (1 - 2 * u) * Math.Pow(1 - x[i], eta + 1), power) - 1
                : 1 - Math.Pow(2 * (1 - u) + (2 * u - 1) * Math.Pow(x[i], eta + 1), power);
            x[i] = Math.Clamp(x[i] + delta, 0, 1);
        }
    }

    private static double Spread(double beta, double u, double eta)
    {
        var alpha = 2 - Math.Pow(beta, -(eta + 1));
        var power = 1 / (eta + 1);
        return u <= 1 / alpha ? Math.Pow(u * alpha, power) : Math.Pow(1 / (2 - u * alpha), power);
    }
}
