using Athanor.Compute.Benchmarks;
using Athanor.Compute.Ode;
using Athanor.Compute.Problems;

namespace Athanor.Compute.Tests.Ode.Stiff;

/// <summary>What the instruction set test compares of the stiff methods: unrolled, dense, band and sparse factors, outputs, extremes and
/// sensitivities.</summary>
public sealed class StiffSamples
{
    private static readonly string[] Names = ["robertson", "hires", "oregonator", "van-der-pol", "e5", "penicillin"];

    private static readonly OdeMethod[] Methods = [OdeMethod.Rodas4, OdeMethod.Rodas5P, OdeMethod.Esdirk5, OdeMethod.Auto];

    internal static IEnumerable<(string Name, double[] Values)> All()
    {
        foreach (var name in Names)
        {
            var problem = Catalogue.Find(name);
            foreach (var method in Methods)
            {
                var batch = problem.SolveMany(Batch(problem, method));
                yield return ($"{name} by {method}", [.. batch.Values, .. batch.Minima!, .. batch.Maxima!]);
            }
            var to = problem.SolveSensitivities(
                new OdeRequest { Times = Times(problem), Method = OdeMethod.Esdirk5, ToInitial = true, Options = Loose(problem) });
            yield return ($"{name}, sensitivities", [.. to.Values, .. to.ToParameters, .. to.ToInitial!]);
        }
        foreach (var interleaved in new[] { true, false })
        {
            var model = new BrusselatorTests.Brusselator(24, interleaved);
            var y = new double[2 * model.Dimension];
            var options = new OdeOptions { RelativeTolerance = 1e-6, AbsoluteTolerance = 1e-8 };
            Rodas5P.Solve(model, 0, model.Start(), [0.5], y.AsSpan(0, model.Dimension), options);
            Esdirk5.Solve(model, 0, model.Start(), [0.5], y.AsSpan(model.Dimension), options);
            yield return (interleaved ? "band" : "sparse", y);
        }
    }

    [Fact]
    public void A_stiff_batch_has_the_same_bits_on_any_number_of_threads_and_in_any_place()
    {
        foreach (var name in Names)
        {
            var problem = Catalogue.Find(name);
            foreach (var method in Methods)
            {
                var batch = Batch(problem, method);
                var one = problem.SolveMany(batch with { Threads = 1 });
                var four = problem.SolveMany(batch with { Threads = 4 });
                var p = problem.Parameters.Length;
                var last = problem.SolveMany(batch with { Count = 1, Parameters = batch.Parameters!.AsSpan((batch.Count - 1) * p).ToArray() });
                Assert.Equal(one.Values.Select(BitConverter.DoubleToInt64Bits), four.Values.Select(BitConverter.DoubleToInt64Bits));
                Assert.Equal(one.Maxima!.Select(BitConverter.DoubleToInt64Bits), four.Maxima!.Select(BitConverter.DoubleToInt64Bits));
                Assert.Equal(
                    one.End(batch.Count - 1).ToArray().Select(BitConverter.DoubleToInt64Bits),
                    last.End(0).ToArray().Select(BitConverter.DoubleToInt64Bits));
            }
        }
    }

    private static OdeBatch Batch(OdeProblem problem, OdeMethod method)
    {
        const int Count = 5;
        var nominal = problem.NominalParameters;
        return new OdeBatch
        {
            Count = Count,
            Parameters = [.. Enumerable.Range(0, Count).SelectMany(i => nominal.Select((v, k) => k == 0 ? v * (1 + (0.01 * i)) : v))],
            Times = Times(problem),
            Method = method,
            Extremes = true,
            Options = Loose(problem),
            Threads = 2,
        };
    }

    private static OdeOptions Loose(OdeProblem problem) => problem.DefaultOptions with { RelativeTolerance = 1e-5 };

    private static double[] Times(OdeProblem problem) =>
        [problem.Start, problem.Start + ((problem.End - problem.Start) * 0.37), problem.End];
}
