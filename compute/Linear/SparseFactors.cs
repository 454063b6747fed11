namespace Athanor.Compute.Linear;

/// <summary>Factors of c M - J for a fixed pattern of J and a diagonal M.</summary>
internal interface ISparseFactors
{
    /// <summary>What it is, for messages: "band 2 + 2" or "sparse, 1234 entries".</summary>
    string Description { get; }

    /// <summary>Factors c M - J.</summary>
    /// <param name="jacobian">Values in the pattern's order.</param>
    /// <param name="mass">M's diagonal; empty for the identity.</param>
    /// <returns>False if it is singular or not finite.</returns>
    bool Factor(ReadOnlySpan<double> jacobian, double c, ReadOnlySpan<double> mass);

    /// <summary>Solves with the factors in place.</summary>
    void Solve(Span<double> b);
}

/// <summary>Chooses how matrices of a pattern are factored.</summary>
internal static class SparseFactors
{
    /// <summary>A band if its factors hold at most twice the numbers of sparse ones (a number of a band costs far less to reach).</summary>
    public static ISparseFactors For(SparsePattern pattern)
    {
        var (lower, upper) = pattern.Bandwidth();
        var band = (long)pattern.Size * ((2 * lower) + upper + 1);
        if (lower + upper <= 4) return new BandLu(pattern);
        var order = MinimumDegree.Order(pattern);
        return band <= 2 * MinimumDegree.Fill(pattern, order) ? new BandLu(pattern) : new SparseLu(pattern, order);
    }
}
