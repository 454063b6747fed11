using System.Diagnostics;
using System.Runtime.Intrinsics;
using Athanor.Compute.Benchmarks;
using Athanor.Compute.Ode;
using Athanor.Compute.Problems;

namespace Athanor.Bench.Ode;

/// <summary>Our side: every row through the call that commands, twins and programs make, but for the plug flow reactor, which is solved by
/// its model directly.</summary>
internal static class Ours
{
    private const int LaneCount = 512, SweepCount = 10_000;

    private static readonly OdeOptions Options = new() { RelativeTolerance = 1e-6, AbsoluteTolerance = 1e-9 };

    private static readonly OdeOptions Loose = new() { RelativeTolerance = 1e-5, AbsoluteTolerance = 1e-8 };

    // Against the ends by Radau at rtol 1e-12 (baselines; the Robertson reference has the IVP test set's digits).
    private static readonly double[] CstrEnd = [0.08137497337, 383.8460676], VanDeVusseEnd = [3, 1.11702128];
    private static readonly double[] KlattEngellEnd = [2.140209157, 1.090303894, 114.1910974, 112.9066083];
    private static readonly double[] PlugFlowEnd = [0.9615384615, 0.924556213, 0.8889963587, 0.854804191];
    private static readonly double[] RobertsonEnd = [0.01786592114, 7.274751469e-08, 0.9821340061];

    private static readonly OdeProblem Cstr = Catalogue.Find("exothermic-cstr"), Vdv = Catalogue.Find("van-de-vusse");
    private static readonly OdeProblem Klatt = Catalogue.Find("klatt-engell"), Robertson = Catalogue.Find("robertson");
    private static readonly double[] SweepParameters = Sweep();

    public static int VectorBits => Vector512.IsHardwareAccelerated ? 512 : Vector256.IsHardwareAccelerated ? 256 : 128;

    public static void WarmUp()
    {
        // Enough calls for the JIT's last tier.
        for (var i = 0; i < 3; i++) _ = Measure().Count();
    }

    public static IEnumerable<(string Row, double Microseconds, string Error)> Measure()
    {
        yield return Trajectory(Rows.Cstr, Cstr, OdeMethod.Tsit5, [10], CstrEnd);
        yield return Lanes(Rows.CstrLanes, Cstr, [10], CstrEnd);
        yield return Trajectory(Rows.VanDeVusse, Vdv, OdeMethod.Tsit5, [10], VanDeVusseEnd);
        yield return Lanes(Rows.VanDeVusseLanes, Vdv, [10], VanDeVusseEnd);
        yield return Trajectory(Rows.KlattEngell, Klatt, OdeMethod.Tsit5, [1], KlattEngellEnd);
        yield return Lanes(Rows.KlattEngellLanes, Klatt, [1], KlattEngellEnd);
        var plugFlow = new double[PlugFlow.Cells];
        var end = new[] { PlugFlow.EndSeconds };
        var time = Time(() => Tsit5.Solve(new PlugFlow(), 0, new double[PlugFlow.Cells], end, plugFlow, Options));
        yield return (Rows.PlugFlow, time, Error(plugFlow, PlugFlowEnd));
        // What is asked is LSODA's error (2.9e-6), not its tolerance; the same tolerance stands in the rows after it.
        yield return Trajectory(Rows.Robertson, Robertson, OdeMethod.Rodas5P, [1e5], RobertsonEnd, Loose);
        foreach (var (row, method) in new[] { (Rows.RobertsonSame, OdeMethod.Rodas5P), (Rows.RobertsonAuto, OdeMethod.Auto) })
            yield return Trajectory(row, Robertson, method, [1e5], RobertsonEnd);
        yield return Lanes(Rows.RobertsonLanes, Robertson, [1e5], RobertsonEnd, OdeMethod.Rodas5P);
        yield return Lanes(Rows.RobertsonLanesAuto, Robertson, [1e5], RobertsonEnd, OdeMethod.Auto);
        foreach (var (row, threads) in new[] { (Rows.SweepOne, 1), (Rows.Sweep, 2) })
        {
            BatchResult? result = null;
            var batch = new OdeBatch
            {
                Count = SweepCount,
                Parameters = SweepParameters,
                Times = [10],
                Options = Options,
                Threads = threads,
                Method = OdeMethod.Tsit5,
            };
            var sweep = Time(() => result = Cstr.SolveMany(batch));
            yield return (row, sweep, $"checksum of 200: {result!.Values.AsSpan(0, 400).ToArray().Sum():F4}");
        }
    }

    private static (string Row, double Microseconds, string Error) Trajectory(
        string row, OdeProblem problem, OdeMethod method, double[] times, double[] reference, OdeOptions? options = null)
    {
        var request = new OdeRequest { Times = times, Options = options ?? Options, Method = method };
        Trajectory? result = null;
        var time = Time(() => result = problem.Solve(request));
        return (row, time, Error(result!.End, reference));
    }

    private static (string Row, double Microseconds, string Error) Lanes(
        string row, OdeProblem problem, double[] times, double[] reference, OdeMethod method = OdeMethod.Tsit5)
    {
        var batch = new OdeBatch { Count = LaneCount, Times = times, Options = Options, Threads = 1, Method = method };
        BatchResult? result = null;
        var time = Time(() => result = problem.SolveMany(batch));
        return (row, time / LaneCount, Error(result!.End(77), reference));
    }

    /// <summary>The largest relative error of the first components of a row's end.</summary>
    public static string? Error(string row, ReadOnlySpan<double> end) => row switch
    {
        Rows.Cstr => Error(end, CstrEnd),
        Rows.VanDeVusse => Error(end, VanDeVusseEnd),
        Rows.KlattEngell => Error(end, KlattEngellEnd),
        Rows.PlugFlow => Error(end, PlugFlowEnd),
        Rows.Robertson => Error(end, RobertsonEnd),
        _ => null,
    };

    private static string Error(ReadOnlySpan<double> actual, ReadOnlySpan<double> reference)
    {
        var worst = 0.0;
        for (var i = 0; i < reference.Length; i++) worst = Math.Max(worst, Math.Abs((actual[i] / reference[i]) - 1));
        return worst.ToString("E1");
    }

    /// <summary>Whether processor time is measured in place of the clock's: for a busy machine and one thread.</summary>
    public static bool ProcessorTime { get; set; }

    private static double Now => ProcessorTime
        ? Environment.CpuUsage.TotalTime.TotalMicroseconds
        : Stopwatch.GetTimestamp() * (1e6 / Stopwatch.Frequency);

    /// <summary>Microseconds a call: the median of seven blocks of about 4 ms.</summary>
    private static double Time(Action action)
    {
        var start = Now;
        action();
        var calls = Math.Clamp((int)(4e3 / Math.Max(Now - start, 0.1)), 1, 10_000);
        var times = new double[7];
        for (var block = 0; block < times.Length; block++)
        {
            start = Now;
            for (var i = 0; i < calls; i++) action();
            times[block] = (Now - start) / calls;
        }
        Array.Sort(times);
        return times[times.Length / 2];
    }

    /// <summary>The baselines' conditions: Tc, Tf, Cf, q from a linear congruential generator; the other parameters are nominal.</summary>
    private static double[] Sweep()
    {
        double[] low = [285, 340, 0.8, 80], high = [315, 360, 1.2, 120], nominal = Cstr.NominalParameters;
        var parameters = new double[SweepCount * nominal.Length];
        ulong s = 12345;
        for (var i = 0; i < SweepCount; i++)
        {
            nominal.CopyTo(parameters, i * nominal.Length);
            for (var j = 0; j < 4; j++)
            {
                s = (s * 6364136223846793005UL) + 1442695040888963407UL;
                parameters[(i * nominal.Length) + j] = low[j] + ((high[j] - low[j]) * ((s >> 11) / 9007199254740992.0));
            }
        }
        return parameters;
    }
}
