namespace Athanor.Compute.Estimation;

/// <summary>
/// Hard bounds of an estimate by projection in the metric of its own covariance: the point of the box with the least (z - ẑ)ᵀ P⁻¹ (z - ẑ),
/// which moves the other states by their correlation. A projection onto a convex set comes no further from any point of the set in that
/// metric: where the truth is within the bounds, the normalised error never grows, so the filter stays consistent with the covariance as
/// it is (Simon, IET Control Theory and Applications 4 (2010) 1303, sect. 2.4).
/// </summary>
internal static class BoundedState
{
    private const int Sweeps = 100;

    /// <param name="z">The estimate, moved within the bounds.</param>
    /// <param name="factor">Packed lower factor of P.</param>
    public static void Project(JointModel joint, Span<double> z, ReadOnlySpan<double> factor)
    {
        // The dual, coordinate by coordinate (Hildreth 1957): z = ẑ + P μ, μ_i above 0 only at a lower bound, below 0 only at an upper one.
        var size = z.Length;
        var multipliers = new double[size];
        Span<double> column = size <= 64 ? stackalloc double[64] : new double[size];
        for (var sweep = 0; sweep < Sweeps; sweep++)
        {
            var largest = 0.0;
            for (var i = 0; i < size; i++)
            {
                double low = joint.Low[i], high = joint.High[i];
                if (double.IsInfinity(low) && double.IsInfinity(high)) continue;
                if (z[i] >= low && z[i] <= high && multipliers[i] == 0.0) continue;
                var row = factor.Slice(i * (i + 1) / 2, i + 1);
                var own = Dot(row, row);
                if (!(own > 0)) continue;
                var free = z[i] - (own * multipliers[i]);
                var target = free < low ? (low - free) / own : free > high ? (high - free) / own : 0.0;
                var change = target - multipliers[i];
                if (change == 0.0) continue;
                multipliers[i] = target;
                for (var k = 0; k < size; k++)
                {
                    var shared = Math.Min(k, i) + 1;
                    column[k] = Dot(factor.Slice(k * (k + 1) / 2, shared), row[..shared]);
                }
                for (var k = 0; k < size; k++) z[k] = Math.FusedMultiplyAdd(column[k], change, z[k]);
                largest = Math.Max(largest, Math.Abs(change) * Math.Sqrt(own));
            }
            if (largest < 1e-12) break;
        }
        // What rounding and the last sweep have left.
        for (var i = 0; i < size; i++) z[i] = Math.Clamp(z[i], joint.Low[i], joint.High[i]);
    }

    private static double Dot(ReadOnlySpan<double> a, ReadOnlySpan<double> b)
    {
        var sum = 0.0;
        for (var i = 0; i < a.Length; i++) sum = Math.FusedMultiplyAdd(a[i], b[i], sum);
        return sum;
    }
}
