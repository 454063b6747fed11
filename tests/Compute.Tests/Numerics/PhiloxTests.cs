using Athanor.Compute.Numerics;

namespace Athanor.Compute.Tests.Numerics;

public sealed class PhiloxTests
{
    // kat_vectors of the authors' Random123 distribution, "philox 4x32 10".
    [Theory]
    [InlineData(0u, 0u, 0u, 0u, 0u, 0u, 0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u)]
    [InlineData(
        0xffffffffu, 0xffffffffu, 0xffffffffu, 0xffffffffu, 0xffffffffu, 0xffffffffu, 0x408f276du, 0x41c83b0eu, 0xa20bc7c6u, 0x6d5451fdu)]
    [InlineData(
        0x243f6a88u, 0x85a308d3u, 0x13198a2eu, 0x03707344u, 0xa4093822u, 0x299f31d0u, 0xd16cfe09u, 0x94fdccebu, 0x5001e420u, 0x24126ea1u)]
    public void Blocks_are_those_of_the_reference_vectors(
        uint c0, uint c1, uint c2, uint c3, uint k0, uint k1, uint w0, uint w1, uint w2, uint w3) =>
        Assert.Equal((w0, w1, w2, w3), Philox4x32.Block(c0, c1, c2, c3, k0, k1));

    [Fact]
    public void Drawing_in_sequence_gives_the_words_of_the_blocks()
    {
        var random = new Philox(0x0123456789abcdef, 77);
        for (ulong block = 0; block < 3; block++)
        {
            var (w0, w1, w2, w3) = Philox4x32.Block(0x0123456789abcdef, 77, block);
            Assert.Equal([w0, w1, w2, w3], [random.NextUInt32(), random.NextUInt32(), random.NextUInt32(), random.NextUInt32()]);
        }
    }

    [Fact]
    public void Normals_have_the_moments_and_the_tails_of_the_standard_normal()
    {
        const int count = 200_000;
        var random = new Philox(3);
        double sum = 0, squares = 0, cubes = 0, fourths = 0;
        var beyond = 0;
        for (var i = 0; i < count; i++)
        {
            var z = random.NextNormal();
            sum += z;
            squares += z * z;
            cubes += z * z * z;
            fourths += z * z * z * z;
            if (Math.Abs(z) > 2.5758293035489) beyond++;
        }
        // Five standard errors of each moment of 200,000 draws.
        Assert.InRange(sum / count, -0.0112, 0.0112);
        Assert.InRange(squares / count, 1 - 0.0158, 1 + 0.0158);
        Assert.InRange(cubes / count, -0.0433, 0.0433);
        Assert.InRange(fourths / count, 3 - 0.1095, 3 + 0.1095);
        Assert.InRange(beyond, 2000 - 223, 2000 + 223);
    }

    // Python's statistics.NormalDist().inv_cdf, another implementation of AS 241 over the platform's log.
    [Theory]
    [InlineData(1e-300, -37.0470962993612)]
    [InlineData(1e-20, -9.262340089798405)]
    [InlineData(1e-10, -6.361340902404056)]
    [InlineData(1e-05, -4.2648907939228256)]
    [InlineData(0.01, -2.3263478740408408)]
    [InlineData(0.07, -1.4757910281791702)]
    [InlineData(0.075, -1.4395314709384557)]
    [InlineData(0.2, -0.8416212335729142)]
    [InlineData(0.5, 0.0)]
    [InlineData(0.6, 0.2533471031357998)]
    [InlineData(0.975, 1.9599639845400536)]
    [InlineData(0.999999, 4.753424308817089)]
    public void Quantiles_are_those_of_the_normal_distribution(double p, double z) =>
        Assert.InRange(NormalDistribution.Quantile(p), z - 1e-15 * (1 + Math.Abs(z)), z + 1e-15 * (1 + Math.Abs(z)));

    [Fact]
    public void Uniform_integers_below_a_bound_are_even()
    {
        var random = new Philox(11);
        var counts = new int[10];
        for (var i = 0; i < 100_000; i++) counts[random.NextBelow(10)]++;
        // Chi squared with 9 degrees of freedom: 27.9 is the 0.999 quantile.
        Assert.InRange(counts.Sum(c => (c - 10_000.0) * (c - 10_000.0) / 10_000.0), 0.0, 27.9);
    }

    [Fact]
    public void A_permutation_holds_each_index_once_and_all_orders_come_up()
    {
        var random = new Philox(5);
        var seen = new Dictionary<string, int>();
        for (var i = 0; i < 24_000; i++)
        {
            var order = random.Permutation(4);
            Assert.Equal([0, 1, 2, 3], order.Order());
            var key = string.Join(' ', order);
            seen[key] = seen.GetValueOrDefault(key) + 1;
        }
        Assert.Equal(24, seen.Count);
        // Chi squared with 23 degrees of freedom: 49.7 is the 0.999 quantile.
        Assert.InRange(seen.Values.Sum(c => (c - 1000.0) * (c - 1000.0) / 1000.0), 0.0, 49.7);
    }
}
