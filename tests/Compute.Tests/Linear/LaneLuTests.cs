using System.Runtime.Intrinsics;
using Athanor.Compute.Linear;
using Athanor.Compute.Numerics;

namespace Athanor.Compute.Tests.Linear;

public sealed class LaneLuTests
{
    /// <summary>The parts of entries that are zero: none, some, most.</summary>
    [Theory]
    [InlineData(0.0)]
    [InlineData(0.4)]
    [InlineData(0.7)]
    public void Each_lane_has_the_bits_of_its_matrix_alone_and_a_singular_one_does_not_disturb_the_others(double zeros)
    {
        const ulong Seed = 31;
        var random = new Philox(Seed);
        var refused = 0;
        var solved = 0;
        for (var n = 1; n <= LaneLu.Largest; n++)
        {
            for (var round = 0; round < 20; round++)
            {
                double[][] matrices = new double[8][], sides = new double[8][];
                for (var lane = 0; lane < 8; lane++)
                {
                    matrices[lane] = [.. Enumerable.Range(0, n * n).Select(_ => Draw(0.0))];
                    sides[lane] = [.. Enumerable.Range(0, n).Select(_ => Draw(-0.0))];
                    // Sometimes one that needs no exchange, or has not a number in it.
                    if (random.NextDouble() < 0.3) for (var i = 0; i < n; i++) matrices[lane][(i * n) + i] = 5.0;
                    if (random.NextDouble() < 0.05) matrices[lane][^1] = double.NaN;
                }
                Vector512<double>[] a = Lanes(matrices), b = Lanes(sides), exchanges = new Vector512<double>[n * n];
                var rows = new uint[n];
                var sound = LaneLu.Factor(ref a[0], ref exchanges[0], ref rows[0], n);
                LaneLu.Solve(ref a[0], ref exchanges[0], ref rows[0], ref b[0], n);
                for (var lane = 0; lane < 8; lane++)
                {
                    var alone = sides[lane];
                    var isSound = Alone(matrices[lane], alone, n);
                    Assert.Equal(isSound, (Vector512.ExtractMostSignificantBits(sound) >> lane & 1) != 0);
                    refused += isSound ? 0 : 1;
                    solved += isSound ? 1 : 0;
                    for (var i = 0; isSound && i < n; i++)
                    {
                        // A NaN that no pivot has met comes through; its sign says nothing.
                        if (double.IsNaN(alone[i])) Assert.True(double.IsNaN(b[i][lane]));
                        else Assert.Equal(BitConverter.DoubleToInt64Bits(alone[i]), BitConverter.DoubleToInt64Bits(b[i][lane]));
                    }
                }
            }
        }
        Assert.True(solved > 100 && refused > 10, $"{solved} solved, {refused} refused, seed {Seed}");

        double Draw(double zero) => random.NextDouble() < zeros ? zero : random.NextDouble(-1, 1);
    }

    private static bool Alone(double[] matrix, double[] b, int n)
    {
        var stride = DenseLu.Stride(n);
        var factors = new double[DenseLu.Storage(n)];
        for (var i = 0; i < n; i++) matrix.AsSpan(i * n, n).CopyTo(factors.AsSpan(i * stride));
        var order = new int[n];
        if (!DenseLu.Factor(factors, order, n)) return false;
        DenseLu.Solve(factors, order, b, n);
        return true;
    }

    private static Vector512<double>[] Lanes(double[][] rows) =>
        [.. Enumerable.Range(0, rows[0].Length).Select(i => Vector512.Create(rows.Select(row => row[i]).ToArray()))];
}
