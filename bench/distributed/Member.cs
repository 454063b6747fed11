using System.Globalization;
using Athanor.Compute.Neural;
using Athanor.Compute.Numerics;
using Athanor.Compute.Torch;
using Athanor.Compute.Training;
using Athanor.Compute.Training.Distributed;

namespace Athanor.Bench.Distributed;

/// <summary>One process of a group: trains, and prints the median time of a step.</summary>
internal static class Member
{
    private const int WarmUp = 20;

    public static void Run(int rank, string way, string name, int batch, int steps)
    {
        var members = way == "none" ? 1 : 2;
        var task = new Regression(batch * members);
        var settings = new LoopSettings(
            new OptimiserSettings(OptimiserKind.Sgd, 1e-3), new ScheduleSettings(ScheduleKind.Constant), new StopSettings(1_000_000),
            new GuardSettings(), 1, batch * members, Ranks: members, CheckEvery: 1_000_000);
        using var exchange = Exchange(way, name, rank, members, task.ParameterCount);
        var loop = new TrainingLoop<float>(task, settings, "", exchange: exchange);
        var times = new List<double>();
        var begun = TimeProvider.System.GetTimestamp();
        using var stop = new CancellationTokenSource();
        try
        {
            loop.Advance(stop.Token, (step, _) =>
            {
                var now = TimeProvider.System.GetTimestamp();
                if (step > WarmUp) times.Add(TimeProvider.System.GetElapsedTime(begun, now).TotalMilliseconds);
                begun = now;
                // Both members end after the same step, before the next collective.
                if (step == WarmUp + steps) stop.Cancel();
            });
        }
        catch (OperationCanceledException)
        {
            // The steps are done.
        }
        Console.WriteLine(times.Order().ElementAt(times.Count / 2).ToString("R", CultureInfo.InvariantCulture));
    }

    private static IGradientExchange<float>? Exchange(string way, string name, int rank, int members, int count)
    {
        var place = new Membership(rank, members, members);
        var path = SharedMemory.Path(name);
        switch (way)
        {
            case "none":
                return null;
            case "shared":
                var shared = rank == 0 ? SharedMemoryExchange<float>.Create(path, place, count, TimeProvider.System) : Await(
                    () => SharedMemoryExchange<float>.Join(path, place, count, TimeProvider.System));
                shared.Meet(path, default);
                return shared;
            default:
                var timeout = TimeSpan.FromSeconds(30);
                var port = path + ".port";
                var group = rank == 0
                    ? ProcessGroup.Host("127.0.0.1", members, timeout, p => File.WriteAllText(port, $"{p};"))
                    : ProcessGroup.Join("127.0.0.1", Await(() => int.Parse(File.ReadAllText(port).Split(';')[..^1][0], CultureInfo.InvariantCulture)), "127.0.0.1", rank, members, timeout);
                if (rank == 0) File.Delete(port);
                return new ProcessGroupExchange<float>(group, [.. Enumerable.Range(0, members).Select(m => new Membership(m, members, members).Own)], members, count);
        }
    }

    /// <summary>The other process may not be so far yet.</summary>
    private static T Await<T>(Func<T> open)
    {
        var begun = TimeProvider.System.GetTimestamp();
        while (true)
        {
            try
            {
                return open();
            }
            catch (Exception) when (TimeProvider.System.GetElapsedTime(begun) < TimeSpan.FromSeconds(30))
            {
                Thread.Yield();
            }
        }
    }
}

/// <summary>Mean squared error of a 3x512 perceptron on normal noise: what the peer trains.</summary>
internal sealed class Regression : ITrainingTask<float>
{
    private const int Width = 512;
    private readonly DenseNet<float> _net = new([Width, Width, Width, Width], Activation.Relu);
    private readonly float[] _x, _y;

    public Regression(int samples)
    {
        Samples = samples;
        var random = new Philox(1, 2);
        _x = [.. Enumerable.Range(0, samples * Width).Select(_ => (float)(random.NextDouble() * 2 - 1))];
        _y = [.. Enumerable.Range(0, samples * Width).Select(_ => (float)(random.NextDouble() * 2 - 1))];
    }

    public int ParameterCount => _net.ParameterCount;

    public int Samples { get; }

    public IReadOnlyList<(string Name, int[] Shape)> Tensors => [("all", [ParameterCount])];

    public string Model => "{}";

    public void Initialize(Span<float> parameters, ulong seed) => _net.Initialize(parameters, seed);

    public object NewScratch() => new Scratch(_net.NewTape(Samples), new float[Samples * Width], new float[Samples * Width], new float[Samples * Width]);

    public double Gradient(ReadOnlySpan<float> parameters, ReadOnlySpan<int> samples, Span<float> gradient, object scratch)
    {
        var (tape, x, y, slope) = (Scratch)scratch;
        var length = samples.Length * Width;
        for (var i = 0; i < samples.Length; i++) _x.AsSpan(samples[i] * Width, Width).CopyTo(x.AsSpan(i * Width));
        _net.Forward(parameters, x.AsSpan(0, length), samples.Length, y.AsSpan(0, length), tape);
        var loss = 0.0f;
        for (var i = 0; i < samples.Length; i++)
        {
            for (var j = 0; j < Width; j++)
            {
                var d = y[i * Width + j] - _y[samples[i] * Width + j];
                loss += d * d;
                slope[i * Width + j] = d * (2.0f / Width);
            }
        }
        _net.Vjp(parameters, tape, slope.AsSpan(0, length), [], gradient);
        return loss / Width;
    }

    public IReadOnlyDictionary<string, double> Validate(ReadOnlySpan<float> parameters, object scratch) => new Dictionary<string, double>();

    private sealed record Scratch(NetTape<float> Tape, float[] X, float[] Y, float[] Slope);
}
