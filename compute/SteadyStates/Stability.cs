using System.Collections.Immutable;
using System.Numerics;
using Athanor.Compute.Linear;

namespace Athanor.Compute.SteadyStates;

/// <summary>A steady state x with f(x, p) = 0 and the eigenvalues of df/dx there, largest real part first, 1/time.</summary>
public sealed record SteadyState(ImmutableArray<double> State, double Parameter, ImmutableArray<Complex> Eigenvalues)
{
    /// <summary>How many eigenvalues have a positive real part.</summary>
    public int UnstableCount => Eigenvalues.Count(e => e.Real > 0);

    public bool IsStable => Eigenvalues.All(e => e.Real < 0);

    /// <summary>"stable node", "unstable focus", "saddle" and so on.</summary>
    public string Kind
    {
        get
        {
            var unstable = UnstableCount;
            if (unstable > 0 && unstable < Eigenvalues.Length) return "saddle";
            var leading = Eigenvalues[0].Imaginary != 0 ? "focus" : "node";
            return (unstable == 0 ? "stable " : "unstable ") + leading;
        }
    }
}

internal static class Stability
{
    public static Complex[] Eigenvalues(IVectorField field, ReadOnlySpan<double> x, double p)
    {
        var n = field.Dimension;
        var jacobian = new double[n * n];
        field.Jacobian(x, p, jacobian);
        return RealEigenvalues.Solve(jacobian, n);
    }

    public static int UnstableCount(ReadOnlySpan<Complex> eigenvalues)
    {
        var count = 0;
        foreach (var e in eigenvalues)
        {
            if (e.Real > 0) count++;
        }
        return count;
    }

    /// <summary>Sign of the product of λi + λj over all pairs i &lt; j (the determinant of the bialternate product of 2J with the
    /// identity). It changes where a complex pair crosses the imaginary axis, and also where two real eigenvalues add up to zero (a
    /// neutral saddle).</summary>
    public static int PairSign(ReadOnlySpan<Complex> eigenvalues)
    {
        var sign = 1;
        for (var i = 0; i < eigenvalues.Length; i++)
        {
            var e = eigenvalues[i];
            if (e.Imaginary > 0 && e.Real < 0) sign = -sign;
            if (e.Imaginary != 0) continue;
            for (var j = i + 1; j < eigenvalues.Length; j++)
            {
                if (eigenvalues[j].Imaginary == 0 && e.Real + eigenvalues[j].Real < 0) sign = -sign;
            }
        }
        return sign;
    }

    /// <summary>The pair whose sum is nearest to zero: the imaginary part of a complex pair, or zero if two real eigenvalues are
    /// nearest.</summary>
    public static double NearestPairFrequency(ReadOnlySpan<Complex> eigenvalues)
    {
        var best = double.PositiveInfinity;
        var frequency = 0.0;
        for (var i = 0; i < eigenvalues.Length; i++)
        {
            var e = eigenvalues[i];
            if (e.Imaginary > 0 && Math.Abs(2.0 * e.Real) < best)
            {
                best = Math.Abs(2.0 * e.Real);
                frequency = e.Imaginary;
            }
            if (e.Imaginary != 0) continue;
            for (var j = i + 1; j < eigenvalues.Length; j++)
            {
                if (eigenvalues[j].Imaginary != 0 || Math.Abs(e.Real + eigenvalues[j].Real) >= best) continue;
                best = Math.Abs(e.Real + eigenvalues[j].Real);
                frequency = 0.0;
            }
        }
        return frequency;
    }
}
