using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Security.Cryptography;
using Athanor.Compute.Kernels;
using Athanor.Compute.Numerics;

namespace Athanor.Compute.Tests.Kernels;

/// <summary>
/// What the deterministic kernels give, as hashes. This test assembly, started as a program with <see cref="Variable"/> set, prints them
/// and ends: so a test can compare them between processes whose instruction sets differ.
/// </summary>
internal static class KernelHashes
{
    public const string Variable = "ATHANOR_PRINT_KERNEL_HASHES";

    [ModuleInitializer]
    internal static void PrintIfAsked()
    {
        if (Environment.GetEnvironmentVariable(Variable) is null) return;
        Console.Out.WriteLine($"width {WidestVector()}");
        foreach (var line in All()) Console.Out.WriteLine(line);
        Environment.Exit(0);
    }

    public static int WidestVector() =>
        Vector512.IsHardwareAccelerated ? 512 : Vector256.IsHardwareAccelerated ? 256 : Vector128.IsHardwareAccelerated ? 128 : 0;

    public static IEnumerable<string> All()
    {
        var random = new Philox(42);
        var doubles = new double[4099];
        var floats = new float[4099];
        for (var i = 0; i < doubles.Length; i++)
        {
            doubles[i] = random.NextDouble(-760.0, 720.0);
            floats[i] = (float)random.NextDouble(-12.0, 12.0);
        }
        var result = new double[doubles.Length];
        DetMath.Exp(doubles, result);
        yield return $"exp double {Hash<double>(result)}";
        DetMath.Tanh(doubles, result);
        yield return $"tanh double {Hash<double>(result)}";
        var single = new float[floats.Length];
        DetMath.Exp(floats, single);
        yield return $"exp float {Hash<float>(single)}";
        DetMath.Tanh(floats, single);
        yield return $"tanh float {Hash<float>(single)}";
        for (var i = 0; i < result.Length; i++)
            result[i] = DetMath.Log(Math.Abs(doubles[i])) + random.NextNormal() + DetMath.CosPi(doubles[i]);
        yield return $"log, normal, cos {Hash<double>(result)}";
        for (var i = 0; i + 8 <= result.Length; i += 8)
        {
            var x = Vector512.Abs(Vector512.Create(doubles, i));
            (DetMath.Log(x) + DetMath.Pow(x, Vector512.Create(0.37))).CopyTo(result, i);
        }
        yield return $"log, power {Hash<double>(result)}";

        var trainer = PerceptronTrainerTests.Trainer(seed: 9);
        trainer.Run(40);
        yield return $"perceptron {trainer.Hash()}";

        foreach (var (name, bytes) in Neural.NeuralSamples.All()) yield return $"neural {name} {Hash<byte>(bytes)}";

        var (_, peaks) = Reactors.CstrSweepTests.Map(side: 12);
        yield return $"sweep {Hash<double>(peaks)}";
        foreach (var (name, values) in Problems.BatchTests.Samples()) yield return $"batch of {name} {Hash<double>(values)}";
        foreach (var (name, values) in Problems.StiffLaneTests.Samples()) yield return $"{name} {Hash<double>(values)}";
        foreach (var (name, values) in Ode.Stiff.StiffSamples.All()) yield return $"stiff {name} {Hash<double>(values)}";
        var fit = Fitting.AlphaPinene.Fit();
        yield return $"fit {Hash<double>(fit.Search(fit.Start(seed: 3, index: 0)).Parameters)}";
    }

    private static string Hash<T>(ReadOnlySpan<T> values)
        where T : unmanaged => Convert.ToHexStringLower(SHA256.HashData(MemoryMarshal.AsBytes(values)));
}
