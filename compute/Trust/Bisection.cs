namespace Athanor.Compute.Trust;

/// <summary>Finds where two committed chains part, by asking for few of their leaves.</summary>
public static class Bisection
{
    /// <summary>
    /// The first place at which two chains differ, given that they are equal at 0 and differ at <paramref name="last"/>. Chained leaves differ
    /// ever after once they differ, so ⌈log2 last⌉ questions are enough.
    /// </summary>
    /// <param name="equalAt">Whether the two leaves at a place are equal: one round of messages.</param>
    /// <returns>The place, in 1 to <paramref name="last"/>: the segment that the referee computes.</returns>
    public static int FirstDifference(int last, Func<int, bool> equalAt)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(last, 1);
        var (equal, different) = (0, last);
        while (different - equal > 1)
        {
            var middle = equal + (different - equal) / 2;
            if (equalAt(middle)) equal = middle;
            else different = middle;
        }
        return different;
    }
}
