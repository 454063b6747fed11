using System.Numerics;
using Athanor.Compute.Numerics;
using Athanor.Compute.Training;

namespace Compute.Tests.Training;

/// <summary>y = w0 + w1 x + w2 x² through samples of a known parabola: small enough to know everything about.</summary>
internal sealed class LeastSquares<T>(int samples, double noise = 0.0, double curvature = 1.0, double breaksAbove = double.PositiveInfinity)
    : ITrainingTask<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    public static readonly double[] Truth = [0.5, -1.0, 2.0];

    private readonly (double X, double Y)[] _rows = Rows(samples, noise);

    public int ParameterCount => 3;

    public int Samples => samples;

    public IReadOnlyList<(string Name, int[] Shape)> Tensors => [("bias", []), ("weights", [2])];

    public string Model => "{\"kind\":\"least-squares\"}";

    public void Initialize(Span<T> parameters, ulong seed)
    {
        var random = new Philox(seed);
        foreach (ref var p in parameters) p = T.CreateChecked(random.NextDouble(-1.0, 1.0));
    }

    public object NewScratch() => new();

    public double Gradient(ReadOnlySpan<T> parameters, ReadOnlySpan<int> samples, Span<T> gradient, object scratch)
    {
        var sum = 0.0;
        foreach (var i in samples)
        {
            var (x, y) = _rows[i];
            double e = Value(parameters, x) - y;
            if (Math.Abs(double.CreateChecked(parameters[2])) > breaksAbove) return double.NaN;
            sum += curvature * e * e;
            gradient[0] += T.CreateChecked(2.0 * curvature * e);
            gradient[1] += T.CreateChecked(2.0 * curvature * e * x);
            gradient[2] += T.CreateChecked(2.0 * curvature * e * x * x);
        }
        return sum;
    }

    public IReadOnlyDictionary<string, double> Validate(ReadOnlySpan<T> parameters, object scratch)
    {
        var sum = 0.0;
        for (var x = -0.95; x < 1.0; x += 0.1)
        {
            var e = Value(parameters, x) - Parabola(x);
            sum += e * e;
        }
        return new Dictionary<string, double> { ["loss"] = sum / 20.0, ["first"] = double.CreateChecked(parameters[0]) };
    }

    public ITrainingTask<T> With(IReadOnlyDictionary<string, double> settings) =>
        settings.TryGetValue("samples", out var count) ? new LeastSquares<T>((int)count, noise, curvature) : this;

    private static double Value(ReadOnlySpan<T> w, double x) =>
        double.CreateChecked(w[0]) + double.CreateChecked(w[1]) * x + double.CreateChecked(w[2]) * x * x;

    private static double Parabola(double x) => Truth[0] + Truth[1] * x + Truth[2] * x * x;

    private static (double, double)[] Rows(int samples, double noise)
    {
        var random = new Philox(99);
        return [.. Enumerable.Range(0, samples).Select(_ =>
        {
            var x = random.NextDouble(-1.0, 1.0);
            return (x, Parabola(x) + noise * random.NextNormal());
        })];
    }
}

internal static class Loops
{
    public static LoopSettings Settings { get; } = new(
        new OptimiserSettings(OptimiserKind.Adam, 0.05), new ScheduleSettings(), new StopSettings(600), new GuardSettings(), 7, 16,
        Ranks: 5, CheckEvery: 20);

    public static TrainingLoop<T> Run<T>(this TrainingLoop<T> loop)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        while (loop.Advance())
        {
        }
        return loop;
    }
}
