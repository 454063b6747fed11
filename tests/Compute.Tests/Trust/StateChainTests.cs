using System.Security.Cryptography;
using Athanor.Compute.Trust;
using FsCheck;
using FsCheck.Fluent;

namespace Athanor.Compute.Tests.Trust;

public class StateChainTests
{
    private static readonly string[] States = [.. Enumerable.Range(0, 6).Select(i => Convert.ToHexStringLower(SHA256.HashData([(byte)i])))];

    private static readonly double[] Errors = [7, 5, 3, 2.5, 2, 1.9];

    [Fact]
    public void A_state_is_opened_under_the_root_with_its_own_number_hash_and_metric_only()
    {
        var chain = StateChain.Build("spec", "anna", States, Errors);
        for (var i = 0; i < States.Length; i++)
        {
            var (before, path) = (chain.Before(i), chain.Path(i));

            Assert.True(StateChain.Holds(chain.Root, i, 6, States[i], Errors[i], before, path));
            Assert.False(StateChain.Holds(chain.Root, (i + 1) % 6, 6, States[i], Errors[i], before, path));
            Assert.False(StateChain.Holds(chain.Root, i, 6, States[(i + 1) % 6], Errors[i], before, path));
            Assert.False(StateChain.Holds(chain.Root, i, 6, States[i], Errors[i] - 1e-12, before, path));
            Assert.False(StateChain.Holds("no root", i, 6, States[i], Errors[i], before, path));
        }
    }

    [Fact]
    public void Another_prover_or_spec_has_another_root()
    {
        var root = StateChain.Build("spec", "anna", States, Errors).Root;

        Assert.NotEqual(root, StateChain.Build("spec", "boris", States, Errors).Root);
        Assert.NotEqual(root, StateChain.Build("other", "anna", States, Errors).Root);
    }

    [Fact]
    public void Every_leaf_after_a_changed_state_differs()
    {
        var honest = StateChain.Build("spec", "anna", States, Errors);
        for (var changed = 1; changed < States.Length; changed++)
        {
            var states = (string[])States.Clone();
            states[changed] = Convert.ToHexStringLower(SHA256.HashData("forged"u8));
            var forged = StateChain.Build("spec", "anna", states, Errors);
            var rounds = 0;

            // Leaf i is what stands before leaf i + 1; the last leaf differs because the roots do.
            var place = Bisection.FirstDifference(States.Length - 1, i =>
            {
                rounds++;
                return honest.Before(i + 1) == forged.Before(i + 1);
            });

            Assert.Equal(changed, place);
            Assert.InRange(rounds, 0, 3);
        }
    }

    [Fact]
    public void Bisection_finds_the_first_difference_in_the_logarithm_of_the_length()
    {
        var cases = Gen.Choose(1, 4096).SelectMany(last => Gen.Choose(1, last).Select(first => (last, first))).ToArbitrary();
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(300), Prop.ForAll(cases, c =>
        {
            var rounds = 0;
            var found = Bisection.FirstDifference(c.last, i =>
            {
                rounds++;
                return i < c.first;
            });
            return found == c.first && rounds <= Math.Ceiling(Math.Log2(c.last));
        }));
    }

    [Theory]
    [InlineData(1, 3, new[] { 1 })]
    [InlineData(2, 3, new[] { 1, 2 })]
    [InlineData(5, 3, new[] { 1, 2, 3, 4, 5 })]
    public void The_first_and_the_last_segment_are_always_audited(int segments, int extra, int[] expected) =>
        Assert.Equal(expected, Draws.Segments(segments, extra, new byte[32]));

    [Fact]
    public void Extra_segments_and_orders_are_spread_evenly_over_draws()
    {
        var segments = new int[9];
        var first = new int[4];
        for (var i = 0; i < 8000; i++)
        {
            var draw = SHA256.HashData(BitConverter.GetBytes(i));
            foreach (var segment in Draws.Segments(8, 1, draw)) segments[segment]++;
            first[Draws.Shuffle([0, 1, 2, 3], draw, "order")[0]]++;
        }

        Assert.Equal((8000, 8000), (segments[1], segments[8]));
        // Binomial(8000, 1/6): 1333 with a standard deviation of 33; Binomial(8000, 1/4): 2000 with 39. Five of them.
        Assert.All(segments[2..8], n => Assert.InRange(n, 1333 - 167, 1333 + 167));
        Assert.All(first, n => Assert.InRange(n, 2000 - 194, 2000 + 194));
    }

    [Fact]
    public void A_new_peer_is_always_audited_and_a_long_clean_record_reaches_the_floor()
    {
        // 1 - 0.05^(1/(s+1)) is the exact bound without failures; the scheme expects the floor after about 3/ε = 285 clean audits.
        Assert.Equal(1 - Math.Pow(0.05, 1.0 / 11), AuditRate.UpperBound(10, 0), 9);
        Assert.True(AuditRate.Rate(0, 0) > 0.98);
        Assert.Equal(0.05, AuditRate.Rate(400, 0));
        Assert.True(AuditRate.Rate(250, 0) > 0.05);
        Assert.True(AuditRate.Rate(400, 1) > AuditRate.Rate(400, 0));
    }
}
