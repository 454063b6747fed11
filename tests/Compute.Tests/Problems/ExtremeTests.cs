using Athanor.Compute.Benchmarks;
using Athanor.Compute.Numerics;
using Athanor.Compute.Ode;
using Athanor.Compute.Problems;

namespace Athanor.Compute.Tests.Problems;

public sealed class ExtremeTests
{
    // By an explicit method Van der Pol's oscillator with mu = 5 (where stability bounds the steps, their continuous extension ripples by the
    // tolerance within a step, which is not looked for), the Oregonator only over its first moments.
    public static TheoryData<string, OdeMethod, double> Solves => new()
    {
        { "exothermic-cstr", OdeMethod.Auto, 10 },
        { "exothermic-cstr", OdeMethod.Tsit5, 10 },
        { "exothermic-cstr", OdeMethod.Rodas4, 10 },
        { "exothermic-cstr", OdeMethod.Rodas5P, 10 },
        { "exothermic-cstr", OdeMethod.Esdirk5, 10 },
        { "van-der-pol", OdeMethod.Auto, 2000 },
        { "van-der-pol", OdeMethod.Rodas5P, 2000 },
        { "van-der-pol", OdeMethod.Esdirk5, 2000 },
        { "van-der-pol", OdeMethod.Tsit5, 20 },
        { "oregonator", OdeMethod.Auto, 360 },
        { "oregonator", OdeMethod.Rodas5P, 360 },
        { "oregonator", OdeMethod.Esdirk5, 360 },
        { "oregonator", OdeMethod.Tsit5, 0.3 },
    };

    [Theory]
    [MemberData(nameof(Solves))]
    public void Extremes_of_a_batch_are_the_dense_ones_of_single_solves(string name, OdeMethod method, double end)
    {
        const int Count = 3;
        var problem = Catalogue.Find(name);
        var nominal = problem.NominalParameters;
        if (name == "van-der-pol" && method == OdeMethod.Tsit5) nominal[problem.ParameterIndex("mu")] = 5.0;
        int n = problem.States.Length, p = nominal.Length;
        double[] parameters = [.. Enumerable.Range(0, Count).SelectMany(i => nominal.Select((v, k) => k == 0 ? v * (1 + (0.004 * i)) : v))];
        var batch = problem.SolveMany(
            new OdeBatch { Count = Count, Parameters = parameters, Times = [end], Extremes = true, Method = method, Threads = 2 });
        for (var i = 0; i < Count; i++)
        {
            var request = new OdeRequest { Parameters = parameters.AsSpan(i * p, p).ToArray(), Method = method };
            for (var state = 0; state < n; state++)
            {
                var most = Dense(request, state, 1.0);
                var least = -Dense(request, state, -1.0);
                double high = batch.Maxima![(i * n) + state], low = batch.Minima![(i * n) + state], scale = Math.Max(Math.Abs(most), Math.Abs(least));
                Assert.True(
                    Math.Abs(high - most) <= 1e-6 * scale && Math.Abs(low - least) <= 1e-6 * scale,
                    $"{problem.States[state].Name} of {name} {i} by {method}: {low:R} to {high:R}, sampled {least:R} to {most:R}");
            }
        }

        // The largest of sign times the state: of even samples, of more in every interval in which it jumps (a peak there can be narrower than
        // any even net), and of ever finer nets around the largest.
        double Dense(OdeRequest request, int state, double sign)
        {
            const int Samples = 2000;
            double[] times = Net(problem.Start, end, Samples);
            var (best, at, values) = Largest(times);
            var range = values.Max() - values.Min();
            double[] jumps =
            [
                .. Enumerable.Range(0, values.Length - 1).Where(j => Math.Abs(values[j + 1] - values[j]) > 0.1 * range)
                    .SelectMany(j => Net(times[j], times[j + 1], Samples)), end,
            ];
            var (other, there, _) = Largest(jumps);
            if (other > best) (best, at, times) = (other, there, jumps);
            for (var round = 0; round < 3; round++)
            {
                times = [.. Net(times[Math.Max(at - 2, 0)], times[Math.Min(at + 2, times.Length - 1)], Samples), end];
                (var finer, at, _) = Largest(times);
                best = Math.Max(best, finer);
            }
            return best;

            (double, int, double[]) Largest(double[] at)
            {
                var trajectory = problem.Solve(request with { Times = at });
                double[] found = [.. Enumerable.Range(0, at.Length).Select(j => sign * trajectory[j, state])];
                return (found.Max(), Array.IndexOf(found, found.Max()), found);
            }
        }

        static double[] Net(double from, double to, int samples) =>
            [.. Enumerable.Range(0, samples + 1).Select(j => j == samples ? to : from + ((to - from) * j / samples))];
    }

    [Theory]
    [InlineData(OdeMethod.Auto)]
    [InlineData(OdeMethod.Rodas5P)]
    public void Looking_for_extremes_does_not_change_the_trajectory(OdeMethod method)
    {
        foreach (var hit in new[] { false, true })
        {
            var problem = Catalogue.Find("oregonator");
            var batch = new OdeBatch
            {
                Count = 2,
                Times = [0, 30, 30, 360],
                Method = method,
                Options = problem.DefaultOptions with { HitOutputTimes = hit },
            };
            var plain = problem.SolveMany(batch);
            var watched = problem.SolveMany(batch with { Extremes = true });
            Assert.Equal(plain.Values, watched.Values);
            Assert.Equal(plain.Statistics, watched.Statistics);
        }
    }

    [Theory]
    [InlineData(1e-3)]
    [InlineData(1e-4)]
    [InlineData(1e-6)]
    [InlineData(1e-8)]
    public void On_problems_that_are_not_stiff_Auto_works_as_much_as_the_explicit_method(double rtol)
    {
        foreach (var name in (string[])["exothermic-cstr", "van-de-vusse", "klatt-engell", "consecutive", "parallel", "williams-otto"])
        {
            var problem = Catalogue.Find(name);
            const int Count = 200;
            var random = new Philox(11);
            double[] parameters = [.. Enumerable.Range(0, Count).SelectMany(
                _ => problem.NominalParameters.Select(v => v * random.NextDouble(0.98, 1.02)))];
            if (name == "exothermic-cstr")
            {
                // The speed table's sweep: coolant, feed temperature, feed, flow.
                double[] low = [285, 340, 0.8, 80], high = [315, 360, 1.2, 120], nominal = problem.NominalParameters;
                for (var i = 0; i < parameters.Length; i++)
                    parameters[i] = i % nominal.Length < 4 ? random.NextDouble(low[i % nominal.Length], high[i % nominal.Length]) : nominal[i % nominal.Length];
            }
            var options = problem.DefaultOptions with { RelativeTolerance = rtol };
            var batch = new OdeBatch { Count = Count, Parameters = parameters, Options = options };
            double auto = problem.SolveMany(batch).Statistics.Work;
            var alone = problem.SolveMany(batch with { Method = OdeMethod.Tsit5 }).Statistics.Work;
            // An ignition leaves a concentration slaved to the temperature for a while: there the stiff method may be asked.
            Assert.True(auto <= 1.03 * alone, $"{name} at rtol {rtol}: {auto} explicit steps' worth, {alone} by Tsit5 alone");
        }
    }
}
