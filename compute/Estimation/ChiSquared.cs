namespace Athanor.Compute.Estimation;

/// <summary>Bands of the chi-squared distribution by Wilson and Hilferty (1931), within 1 % of the true ones from one degree of freedom on
/// and 0.1 % from ten; no elementary function is needed but a square root.</summary>
public static class ChiSquared
{
    /// <summary>Normal quantile of a two-sided 95 %.</summary>
    public const double Of95 = 1.959963984540054;

    /// <summary>Normal quantile of a two-sided 99.9 %.</summary>
    public const double Of999 = 3.290526731491894;

    /// <summary>Where χ²/ν lies but for the two tails.</summary>
    public static (double Low, double High) Band(double freedom, double quantile) => (Over(freedom, -quantile), Over(freedom, quantile));

    /// <summary>χ²/ν at a quantile of the normal distribution.</summary>
    public static double Over(double freedom, double quantile)
    {
        var variance = 2.0 / (9.0 * freedom);
        var root = Math.Max(0.0, 1.0 - variance + (quantile * Math.Sqrt(variance)));
        return root * root * root;
    }
}
