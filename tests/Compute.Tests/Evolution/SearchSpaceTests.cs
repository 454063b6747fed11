using Athanor.Compute.Evolution;
using Athanor.Compute.Numerics;

namespace Athanor.Compute.Tests.Evolution;

public class SearchSpaceTests
{
    private static readonly SearchSpace Space = new(3, [4, 8, 16, 32], [0.001, 0.003, 0.01], [32, 64]);

    [Fact]
    public void Every_child_lies_in_the_space_and_is_not_known()
    {
        var random = new Philox(7);
        var known = new HashSet<string>();
        var parents = new List<NetworkGenome> { Space.Random(ref random), Space.Random(ref random) };
        for (var i = 0; i < 400; i++)
        {
            var a = parents[random.NextBelow(parents.Count)];
            var child = Space.Child(a, parents[random.NextBelow(parents.Count)], known.Contains, ref random);

            Assert.InRange(child.Widths.Length, 1, 3);
            Assert.All(child.Widths, w => Assert.Contains(w, new[] { 4, 8, 16, 32 }));
            Assert.Contains(child.LearningRate, new[] { 0.001, 0.003, 0.01 });
            Assert.Contains(child.BatchSize, new[] { 32, 64 });
            Assert.True(known.Add(child.Hash()), $"seed 7, child {i} was bred before");
            parents.Add(child);
        }
    }

    [Fact]
    public void A_space_with_nothing_new_to_give_gives_something_known()
    {
        var space = new SearchSpace(1, [4], [0.01], [32]);
        var random = new Philox(1);
        var only = space.Random(ref random);

        Assert.Equal(only.Hash(), space.Child(only, only, _ => true, ref random).Hash());
    }

    [Fact]
    public void Equal_genomes_have_equal_hashes_and_others_do_not()
    {
        var genome = new NetworkGenome([8, 16], 0.01, 32);

        Assert.Equal(genome.Hash(), new NetworkGenome([8, 16], 0.01, 32).Hash());
        Assert.NotEqual(genome.Hash(), new NetworkGenome([16, 8], 0.01, 32).Hash());
        Assert.NotEqual(genome.Hash(), (genome with { LearningRate = 0.010000000000000002 }).Hash());
    }

    [Fact]
    public void Parameters_are_weights_and_biases_with_one_output() =>
        Assert.Equal(5 * 8 + 8 + 8 * 16 + 16 + 16 + 1, new NetworkGenome([8, 16], 0.01, 32).Parameters(5));

    [Theory]
    [InlineData(0, new[] { 4 }, "layers")]
    [InlineData(2, new int[0], "widths is empty")]
    [InlineData(2, new[] { 8, 4 }, "4 after 8")]
    [InlineData(2, new[] { 0, 4 }, "from 1 to 4096")]
    public void A_space_that_makes_no_sense_is_refused_by_name(int layers, int[] widths, string says)
    {
        var refusal = Assert.Throws<ArgumentException>(() => new SearchSpace(layers, [.. widths], [0.01], [32]));

        Assert.Contains(says, refusal.Message);
    }
}
