using Athanor.Compute.Benchmarks;
using Athanor.Compute.Kinetics;
using Athanor.Compute.Kinetics.Text;
using Athanor.Compute.Numerics;
using Athanor.Compute.Ode;
using Athanor.Compute.Problems;
using Athanor.Compute.Tests.Kinetics;

namespace Athanor.Compute.Tests.Problems;

/// <summary>Stiff trajectories in lanes against the same solved alone: by one Jacobian for all lanes and one by one, with small and wide
/// states, with pivots that differ from lane to lane, with changes of the method.</summary>
public sealed class StiffLaneTests
{
    private const int Count = 37, SampleCount = 11;

    public static TheoryData<string, OdeMethod> Everything
    {
        get
        {
            var data = new TheoryData<string, OdeMethod>();
            foreach (var problem in Catalogue.All)
            {
                data.Add(problem.Name, OdeMethod.Rodas5P);
                data.Add(problem.Name, OdeMethod.Auto);
            }
            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Everything))]
    public void A_stiff_trajectory_has_the_same_bits_and_steps_alone_in_lanes_anywhere_in_a_batch_and_on_any_number_of_threads(
        string name, OdeMethod method)
    {
        var problem = Catalogue.Find(name);
        var (batch, order) = Scattered(problem, method);
        var one = problem.SolveMany(batch with { Threads = 1 });
        var three = problem.SolveMany(batch with { Threads = 3 });
        Assert.Equal(Bits(one.Values), Bits(three.Values));
        Assert.Equal(Bits(one.Maxima!), Bits(three.Maxima!));
        Assert.Equal(Bits(one.Minima!), Bits(three.Minima!));
        Assert.Equal(one.Statistics, three.Statistics);
        int n = problem.States.Length, p = problem.Parameters.Length;
        var shuffled = problem.SolveMany(
            batch with
            {
                Parameters = [.. order.SelectMany(i => batch.Parameters!.AsSpan(i * p, p).ToArray())],
                Initial = [.. order.SelectMany(i => batch.Initial!.AsSpan(i * n, n).ToArray())],
            });
        var total = default(OdeStatistics);
        for (var i = 0; i < Count; i++)
        {
            var alone = problem.Solve(Alone(problem, batch, i));
            total = total.Plus(alone.Statistics);
            var place = Array.IndexOf(order, i);
            for (var row = 0; row < batch.Times!.Length; row++)
            {
                Assert.Equal(Bits(alone.At(row)), Bits(one.At(i, row)));
                Assert.Equal(Bits(alone.At(row)), Bits(shuffled.At(place, row)));
            }
            Assert.Equal(
                Bits(one.Maxima.AsSpan(i * n, n)), Bits(shuffled.Maxima.AsSpan(place * n, n)));
        }
        Assert.Equal(
            (total.Accepted, total.Rejected, total.ImplicitSteps),
            (one.Statistics.Accepted, one.Statistics.Rejected, one.Statistics.ImplicitSteps));
    }

    [Fact]
    public void Networks_from_text_generated_and_interpreted_have_the_same_bits_in_lanes_as_alone()
    {
        for (var seed = 1; seed <= 6; seed++)
        {
            var network = KineticNetwork.Of(RandomNetworks.Of(seed));
            foreach (var form in (CodeForm[])[CodeForm.Generated, CodeForm.Interpreted])
            {
                var problem = network.Balance(new BalanceText { Temperature = new(340, "K"), End = 1.0 }, form).Problem;
                var (batch, _) = Scattered(problem, OdeMethod.Rodas5P, SampleCount);
                var result = problem.SolveMany(batch);
                for (var i = 0; i < SampleCount; i++) Assert.Equal(Bits(problem.Solve(Alone(problem, batch, i)).End), Bits(result.End(i)));
            }
        }
    }

    [Fact]
    public void A_batch_that_hits_its_output_times_has_the_bits_of_single_solves()
    {
        foreach (var name in (string[])["robertson", "van-der-pol", "penicillin"])
        {
            foreach (var method in (OdeMethod[])[OdeMethod.Rodas5P, OdeMethod.Auto])
            {
                var problem = Catalogue.Find(name);
                var (batch, _) = Scattered(problem, method);
                batch = batch with { Options = batch.Options!.Value with { HitOutputTimes = true, MaxStep = 0.31 * problem.End } };
                var result = problem.SolveMany(batch);
                for (var i = 0; i < Count; i++)
                {
                    var alone = problem.Solve(Alone(problem, batch, i));
                    for (var row = 0; row < batch.Times!.Length; row++) Assert.Equal(Bits(alone.At(row)), Bits(result.At(i, row)));
                }
            }
        }
    }

    [Theory]
    [InlineData(OdeMethod.Rodas5P)]
    [InlineData(OdeMethod.Auto)]
    public void A_trajectory_that_fails_in_lanes_says_what_it_says_alone_and_leaves_the_others_in_peace(OdeMethod method)
    {
        var problem = Catalogue.Find("robertson");
        var (batch, _) = Scattered(problem, method);
        // Runs away within a second: y2 grows without bound.
        foreach (var i in (int[])[5, 20]) (batch.Parameters![3 * i], batch.Parameters[(3 * i) + 1]) = (-1e3, -3e7);
        var result = problem.SolveMany(batch with { CollectFailures = true, Threads = 2 });
        Assert.Equal([5, 20], result.Failures.Select(f => f.Trajectory));
        foreach (var failure in result.Failures)
        {
            var alone = Assert.ThrowsAny<OdeException>(() => problem.Solve(Alone(problem, batch, failure.Trajectory)));
            Assert.Equal(alone.GetType(), failure.Error.GetType());
            var named = $"of trajectory {failure.Trajectory} of robertson";
            Assert.Equal(alone.Message.Replace("of robertson", named, StringComparison.Ordinal), failure.Error.Message);
        }
        for (var i = 0; i < Count; i++)
        {
            if (i is 5 or 20) Assert.True(double.IsNaN(result.End(i)[0]));
            else Assert.Equal(Bits(problem.Solve(Alone(problem, batch, i)).End), Bits(result.End(i)));
        }
        Assert.Equal(result.Failures[0].Error.Message, Assert.ThrowsAny<OdeException>(() => problem.SolveMany(batch)).Message);
    }

    [Fact]
    public void A_limit_of_steps_is_kept_in_stiff_lanes_as_alone()
    {
        var problem = Catalogue.Find("oregonator");
        var (batch, _) = Scattered(problem, OdeMethod.Rodas5P);
        batch = batch with { Options = batch.Options!.Value with { MaxSteps = 60 } };
        var failures = problem.SolveMany(batch with { CollectFailures = true }).Failures;
        Assert.Equal(Count, failures.Count);
        var alone = Assert.Throws<TooManyStepsException>(() => problem.Solve(Alone(problem, batch, 7)));
        var failed = Assert.IsType<TooManyStepsException>(failures[7].Error);
        Assert.Equal((alone.Time, alone.Component), (failed.Time, failed.Component));
    }

    /// <summary>What the instruction set test compares.</summary>
    internal static IEnumerable<(string Name, double[] Values)> Samples()
    {
        foreach (var problem in Catalogue.All)
        {
            foreach (var method in (OdeMethod[])[OdeMethod.Rodas5P, OdeMethod.Auto])
            {
                var result = problem.SolveMany(Scattered(problem, method, SampleCount).Batch with { Threads = 2 });
                yield return ($"{problem.Name} by {method} in lanes", [.. result.Values, .. result.Minima!, .. result.Maxima!]);
            }
        }
    }

    private static OdeRequest Alone(OdeProblem problem, OdeBatch batch, int i)
    {
        int n = problem.States.Length, p = problem.Parameters.Length;
        return new OdeRequest
        {
            Parameters = batch.Parameters!.AsSpan(i * p, p).ToArray(),
            Initial = batch.Initial!.AsSpan(i * n, n).ToArray(),
            Times = batch.Times,
            Method = batch.Method,
            Options = batch.Options,
        };
    }

    private static (OdeBatch Batch, int[] Order) Scattered(OdeProblem problem, OdeMethod method, int count = Count)
    {
        const ulong Seed = 12;
        var random = new Philox(Seed);
        var parameters = new List<double>();
        var initial = new List<double>();
        for (var i = 0; i < count; i++)
        {
            parameters.AddRange(problem.NominalParameters.Select(p => p * random.NextDouble(0.98, 1.02)));
            initial.AddRange(problem.NominalInitial.Select(y => y * random.NextDouble(0.95, 1.05)));
        }
        var order = Enumerable.Range(0, count).ToArray();
        random.Shuffle<int>(order);
        var length = problem.End - problem.Start;
        double[] times = [problem.Start, .. new[] { 1e-5, 0.1, 0.45, 0.45, 1.0 }.Select(f => problem.Start + (length * f))];
        var options = problem.DefaultOptions with { RelativeTolerance = 1e-5 };
        return (
            new OdeBatch
            {
                Count = count,
                Parameters = [.. parameters],
                Initial = [.. initial],
                Times = times,
                Extremes = true,
                Method = method,
                Options = options,
            },
            order);
    }

    private static long[] Bits(ReadOnlySpan<double> values)
    {
        var bits = new long[values.Length];
        for (var i = 0; i < bits.Length; i++) bits[i] = BitConverter.DoubleToInt64Bits(values[i]);
        return bits;
    }
}
