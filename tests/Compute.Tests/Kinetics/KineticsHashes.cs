using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Security.Cryptography;
using Athanor.Compute.Kinetics;
using Athanor.Compute.Kinetics.Text;
using Athanor.Compute.Problems;

namespace Athanor.Compute.Tests.Kinetics;

/// <summary>What random networks give, as hashes. This test assembly, started as a program with <see cref="Variable"/> set, prints them and
/// ends: so a test can compare processes whose instruction sets differ, or that may not generate code.</summary>
internal static class KineticsHashes
{
    public const string Variable = "ATHANOR_PRINT_KINETICS_HASHES";

    [ModuleInitializer]
    internal static void PrintIfAsked()
    {
        if (Environment.GetEnvironmentVariable(Variable) is null) return;
        foreach (var line in All()) Console.Out.WriteLine(line);
        Environment.Exit(0);
    }

    public static IEnumerable<string> All()
    {
        for (var seed = 1; seed <= 6; seed++)
        {
            var network = KineticNetwork.Of(RandomNetworks.Of(seed));
            var rates = network.Rates();
            if (seed == 1) yield return $"generated {rates.IsGenerated}";
            yield return $"rates {seed} {Hash(rates.Accept(new Lanes(seed)))}";
            var problem = network.Balance(new BalanceText { Temperature = new(340, "K"), End = 1.0 }).Problem;
            yield return $"solve {seed} {Hash(problem.Solve(new() { Method = OdeMethod.Rodas4, Times = [0.3, 1.0] }).Values)}";
            var batch = new OdeBatch { Count = 5, Times = [0.3, 1.0], Method = OdeMethod.Rodas5P, Threads = 1 };
            yield return $"lanes {seed} {Hash(problem.SolveMany(batch).Values)}";
        }
    }

    private static string Hash(double[] values) => Convert.ToHexString(SHA256.HashData(MemoryMarshal.AsBytes(values.AsSpan())))[..16];

    private sealed class Lanes(int seed) : IRateSetVisitor<double[]>
    {
        public double[] Visit<TRates>(in TRates rates)
            where TRates : struct, IRateSet<TRates>
        {
            var random = new Random(seed);
            Vector512<double> Draw(double from, double to)
            {
                var drawn = Vector512<double>.Zero;
                for (var lane = 0; lane < 8; lane++) drawn = drawn.WithElement(lane, from + ((to - from) * random.NextDouble()));
                return drawn;
            }
            var c = Enumerable.Range(0, rates.SpeciesCount).Select(_ => Draw(0.0, 1000.0)).ToArray();
            var set = rates;
            var p = Enumerable.Range(0, rates.ParameterCount).Select(k => Draw(0.9 * set.Parameter(k), 1.1 * set.Parameter(k))).ToArray();
            Vector512<double>[] values = new Vector512<double>[rates.ReactionCount], slopes = new Vector512<double>[rates.Pattern.Count];
            var t = Draw(290.0, 410.0);
            rates.RatesLanes(t, c, p, values);
            rates.ConcentrationDerivativesLanes(t, c, p, slopes);
            return [.. MemoryMarshal.Cast<Vector512<double>, double>(values), .. MemoryMarshal.Cast<Vector512<double>, double>(slopes)];
        }
    }
}
