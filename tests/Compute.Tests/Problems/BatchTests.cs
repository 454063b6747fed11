using Athanor.Compute.Benchmarks;
using Athanor.Compute.Numerics;
using Athanor.Compute.Ode;
using Athanor.Compute.Problems;

namespace Athanor.Compute.Tests.Problems;

public sealed class BatchTests
{
    private const int Count = 53;

    /// <summary>Problems that an explicit method solves.</summary>
    public static TheoryData<string> Smooth => [.. SmoothNames];

    private static readonly string[] SmoothNames =
        ["exothermic-cstr", "van-de-vusse", "klatt-engell", "bioreactor", "consecutive", "parallel", "williams-otto"];

    [Theory]
    [MemberData(nameof(Smooth))]
    public void A_trajectory_has_the_same_bits_alone_in_lanes_anywhere_in_a_batch_and_on_any_number_of_threads(string name)
    {
        var problem = Catalogue.Find(name);
        var (batch, order) = Scattered(problem);
        batch = batch with { Method = OdeMethod.Tsit5 };
        var one = problem.SolveMany(batch with { Threads = 1 });
        var two = problem.SolveMany(batch with { Threads = 3 });
        Assert.Equal(Bits(one.Values), Bits(two.Values));
        Assert.Equal(Bits(one.Maxima!), Bits(two.Maxima!));
        Assert.Equal(one.Statistics, two.Statistics);
        int n = problem.States.Length, p = problem.Parameters.Length;
        var shuffled = problem.SolveMany(
            batch with
            {
                Parameters = [.. order.SelectMany(i => batch.Parameters!.AsSpan(i * p, p).ToArray())],
                Initial = [.. order.SelectMany(i => batch.Initial!.AsSpan(i * n, n).ToArray())],
            });
        for (var i = 0; i < Count; i++)
        {
            var alone = problem.Solve(
                new OdeRequest
                {
                    Parameters = batch.Parameters!.AsSpan(i * p, p).ToArray(),
                    Initial = batch.Initial!.AsSpan(i * n, n).ToArray(),
                    Times = batch.Times,
                    Method = OdeMethod.Tsit5,
                });
            var place = Array.IndexOf(order, i);
            for (var row = 0; row < batch.Times!.Length; row++)
            {
                Assert.Equal(Bits(alone.At(row)), Bits(one.At(i, row)));
                Assert.Equal(Bits(alone.At(row)), Bits(shuffled.At(place, row)));
            }
        }
    }

    [Fact]
    public void Extremes_are_those_of_a_fine_sampling()
    {
        var problem = Catalogue.Find("exothermic-cstr");
        var (batch, _) = Scattered(problem);
        var options = new OdeOptions { RelativeTolerance = 1e-9, AbsoluteTolerance = 1e-10 };
        var result = problem.SolveMany(batch with { Options = options, Method = OdeMethod.Tsit5 });
        double[] times = [.. Enumerable.Range(0, 20_001).Select(i => problem.End * i / 20_000)];
        for (var i = 0; i < 6; i++)
        {
            var fine = problem.Solve(
                new OdeRequest
                {
                    Parameters = batch.Parameters!.AsSpan(i * 8, 8).ToArray(),
                    Initial = batch.Initial!.AsSpan(i * 2, 2).ToArray(),
                    Times = times,
                    Options = options,
                    Method = OdeMethod.Tsit5,
                });
            for (var state = 0; state < 2; state++)
            {
                var sampled = Enumerable.Range(0, times.Length).Select(row => fine[row, state]).ToArray();
                var scale = sampled.Max(Math.Abs);
                // A sampling falls short of a sharp peak by the square of its distance from it.
                Assert.InRange((result.Maxima![(i * 2) + state] - sampled.Max()) / scale, -1e-9, 1e-5);
                Assert.InRange((sampled.Min() - result.Minima![(i * 2) + state]) / scale, -1e-9, 1e-5);
            }
        }
    }

    [Fact]
    public void Stiff_trajectories_of_a_batch_leave_their_lanes_and_have_the_bits_of_a_single_solve()
    {
        var problem = Catalogue.Find("robertson");
        double[] parameters = [.. Enumerable.Range(0, 20).SelectMany(i => new[] { 0.04 * (1 + (0.01 * i)), 3e7, 1e4 })];
        var batch = problem.SolveMany(new OdeBatch { Count = 20, Parameters = parameters, Times = [1, 100], Extremes = true });
        for (var i = 0; i < 20; i++)
        {
            var alone = problem.Solve(new OdeRequest { Parameters = parameters.AsSpan(3 * i, 3).ToArray(), Times = [1, 100] });
            Assert.NotEqual(OdeMethod.Tsit5, alone.Method);
            Assert.Equal(Bits(alone.End), Bits(batch.End(i)));
        }
        Assert.InRange(batch.Maxima![1], 3.4e-5, 3.7e-5); // the short-lived peak of the intermediate
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public void The_first_failure_ends_a_batch_whatever_the_number_of_threads(int threads)
    {
        var problem = Catalogue.Find("exothermic-cstr");
        var (batch, _) = Scattered(problem);
        var options = new OdeOptions { MaxSteps = 120 };
        var failures = problem.SolveMany(batch with { CollectFailures = true, Options = options, Threads = threads, Method = OdeMethod.Tsit5 }).Failures;
        Assert.InRange(failures.Count, 2, Count - 1);
        var error = Assert.Throws<TooManyStepsException>(
            () => problem.SolveMany(batch with { Options = options, Threads = threads, Method = OdeMethod.Tsit5 }));
        Assert.Equal(failures[0].Error.Message, error.Message);
        Assert.Contains($"of trajectory {failures[0].Trajectory} of exothermic-cstr", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Failures_that_are_collected_leave_NaN_in_their_rows_alone()
    {
        var problem = Catalogue.Find("exothermic-cstr");
        var (batch, _) = Scattered(problem);
        var result = problem.SolveMany(batch with { CollectFailures = true, Options = new OdeOptions { MaxSteps = 120 }, Method = OdeMethod.Tsit5 });
        var failed = result.Failures.Select(f => f.Trajectory).ToHashSet();
        for (var i = 0; i < Count; i++)
            Assert.Equal(failed.Contains(i), double.IsNaN(result.End(i)[0]) && double.IsNaN(result.Maxima![2 * i]));
    }

    [Fact]
    public void A_batch_that_does_not_fit_is_refused_and_a_cancelled_one_ends()
    {
        var problem = Catalogue.Find("exothermic-cstr");
        Assert.Contains("are 3 numbers, not 2 x 8", Refused(new OdeBatch { Count = 2, Parameters = new double[3] }), StringComparison.Ordinal);
        double[] bad = [.. problem.NominalParameters, .. problem.NominalParameters];
        bad[9] = double.NaN;
        Assert.Contains("parameter Tf of trajectory 1 is NaN", Refused(new OdeBatch { Count = 2, Parameters = bad }), StringComparison.Ordinal);
        using var source = new CancellationTokenSource();
        source.Cancel();
        Assert.ThrowsAny<OperationCanceledException>(() => problem.SolveMany(new OdeBatch { Count = 100 }, source.Token));
        Assert.Empty(problem.SolveMany(new OdeBatch { Count = 0 }).Values);

        string Refused(OdeBatch batch) => Assert.Throws<ArgumentException>(() => problem.SolveMany(batch)).Message;
    }

    [Fact]
    public void Progress_counts_every_trajectory()
    {
        var seen = new Counter();
        Catalogue.Find("van-de-vusse").SolveMany(new OdeBatch { Count = 300, Progress = seen, Threads = 2 });
        Assert.Equal(300, seen.Largest);
    }

    /// <summary>What the instruction set test compares: outputs, extremes and the ends at exact times of every smooth problem.</summary>
    internal static IEnumerable<(string Name, double[] Values)> Samples()
    {
        foreach (var name in SmoothNames)
        {
            var problem = Catalogue.Find(name);
            var (batch, _) = Scattered(problem);
            var dense = problem.SolveMany(batch with { Threads = 2 });
            var exact = problem.SolveMany(batch with { Options = new OdeOptions { HitOutputTimes = true } });
            var stiff = problem.SolveMany(batch with { Count = 3, Parameters = null, Initial = null, Method = OdeMethod.Rodas4 });
            yield return (name, [.. dense.Values, .. dense.Maxima!, .. dense.Minima!, .. exact.Values, .. stiff.Values]);
        }
    }

    private static (OdeBatch Batch, int[] Order) Scattered(OdeProblem problem)
    {
        const ulong Seed = 4;
        var random = new Philox(Seed);
        var parameters = new List<double>();
        var initial = new List<double>();
        for (var i = 0; i < Count; i++)
        {
            parameters.AddRange(problem.NominalParameters.Select(p => p * random.NextDouble(0.98, 1.02)));
            initial.AddRange(problem.NominalInitial.Select(y => y * random.NextDouble(0.95, 1.05)));
        }
        var order = Enumerable.Range(0, Count).ToArray();
        random.Shuffle<int>(order);
        double[] times = [problem.Start, .. new[] { 0.1, 0.103, 0.45, 0.45, 1.0 }.Select(f => problem.Start + ((problem.End - problem.Start) * f))];
        return (new OdeBatch { Count = Count, Parameters = [.. parameters], Initial = [.. initial], Times = times, Extremes = true }, order);
    }

    private static long[] Bits(ReadOnlySpan<double> values)
    {
        var bits = new long[values.Length];
        for (var i = 0; i < bits.Length; i++) bits[i] = BitConverter.DoubleToInt64Bits(values[i]);
        return bits;
    }

    private sealed class Counter : IProgress<int>
    {
        private int _largest;

        public int Largest => _largest;

        public void Report(int value)
        {
            for (int old; value > (old = Volatile.Read(ref _largest)) && Interlocked.CompareExchange(ref _largest, value, old) != old;)
            {
            }
        }
    }
}
