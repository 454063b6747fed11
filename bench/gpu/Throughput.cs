using Athanor.Compute.Numerics;
using Athanor.Compute.Torch;

namespace Athanor.Bench.Gpu;

/// <summary>
/// Forward and backward of a neural ODE, and of nets side by side, in float32: each kernel started by itself (eager), and the whole as one CUDA graph.
/// The roofline is what the same library's own large product of matrices reaches in the same run.
/// </summary>
internal static class Throughput
{
    private const int OdeSteps = 50;

    public static void Print(string device, int rounds, IReadOnlyDictionary<(string Case, string Way), double> peers)
    {
        var peak = Peak(device, rounds);
        Console.WriteLine();
        var size = device == "cpu" ? 1024 : 4096;
        Console.WriteLine($"Roofline: {peak / 1e9:0} GFLOP/s (product of {size}x{size} matrices in float32, libtorch's default precision of products).");
        Console.WriteLine();
        Console.WriteLine(
            "| forward and backward, ms | ours eager | ours graph | PyTorch eager | torch.compile | ours best: GFLOP/s, of the roofline "
            + "| PyTorch's best / ours |");
        Console.WriteLine("|---|---|---|---|---|---|---|");
        foreach (var one in Cases(device))
        {
            using var all = new TensorScope();
            var step = one.Make(device);
            var eager = Median(device, rounds, step, null);
            double? graph = null;
            if (device != "cpu")
            {
                using var stream = new DeviceStream(device);
                using var captured = DeviceGraph.Capture(stream, step);
                graph = Median(device, rounds, captured.Replay, stream);
            }
            var best = Math.Min(eager, graph ?? eager);
            double? peerEager = Peer("eager"), peerCompiled = Peer("compile");
            double? peer = (peerEager, peerCompiled) is ({ } a, { } b) ? Math.Min(a, b) : peerEager ?? peerCompiled;
            Console.WriteLine(
                $"| {one.Name} | {Text(eager)} | {Text(graph)} | {Text(peerEager)} | {Text(peerCompiled)} | {one.Flops / best / 1e6:0}, "
                + $"{one.Flops / best * 1e3 / peak:0.0%} | {(peer is { } p ? $"{p / best:0.00}" : "-")} |");

            double? Peer(string way) => peers.TryGetValue((one.Name, way), out var ms) ? ms : null;
        }

        static string Text(double? ms) => ms is { } value ? $"{value:0.00}" : "-";
    }

    private static IEnumerable<Case> Cases(string device)
    {
        foreach (var batch in device == "cpu" ? (int[])[32] : [32, 1024, 16384])
            yield return new Case($"neural ODE 4-64-64-4, RK4 x {OdeSteps}, batch {batch}", 3.0 * 2 * 4608 * 4 * OdeSteps * batch, d => Ode(d, batch));
        foreach (var (nets, rows, what) in ((int, int, string)[])[(10, 1000, "ensemble"), (100, 100, "population")])
            yield return new Case($"{what}: {nets} nets 2-64-64-10 x {rows} inputs", 3.0 * 9728 * nets * rows, d => Nets(d, nets, rows));
    }

    private static Action Ode(string device, int batch)
    {
        var (w, b) = (Weights(device, [4, 64, 64, 4], 1), Biases(device, [4, 64, 64, 4], 1));
        var x = Random(device, 1.0, batch, 4);
        return () =>
        {
            using var scope = new TensorScope();
            foreach (var tensor in (Tensor[])[.. w, .. b]) tensor.ClearGrad();
            var h = x;
            const double Dt = 0.02;
            for (var step = 0; step < OdeSteps; step++)
            {
                var k1 = Field(h);
                var k2 = Field(h + k1 * (Dt / 2));
                var k3 = Field(h + k2 * (Dt / 2));
                var k4 = Field(h + k3 * Dt);
                h += (k1 + (k2 + k3) * 2 + k4) * (Dt / 6);
            }
            h.Pow(2).Mean().Backward();
        };

        Tensor Field(Tensor h)
        {
            for (var layer = 0; layer < w.Length; layer++) h = Tensor.BatchLinear(layer > 0 ? h.Tanh() : h.Reshape(1, batch, 4), w[layer], b[layer]);
            return h.Reshape(batch, 4);
        }
    }

    private static Action Nets(string device, int nets, int rows)
    {
        var (w, b) = (Weights(device, [2, 64, 64, 10], nets), Biases(device, [2, 64, 64, 10], nets));
        var x = Random(device, 1.0, nets, rows, 2);
        return () =>
        {
            using var scope = new TensorScope();
            foreach (var tensor in (Tensor[])[.. w, .. b]) tensor.ClearGrad();
            var h = x;
            for (var layer = 0; layer < w.Length; layer++) h = Tensor.BatchLinear(layer > 0 ? h.Tanh() : h, w[layer], b[layer]);
            h.Pow(2).Mean().Backward();
        };
    }

    private static double Peak(string device, int rounds)
    {
        using var scope = new TensorScope();
        var n = device == "cpu" ? 1024 : 4096;
        var (a, b) = (Random(device, 1.0, n, n), Random(device, 1.0, n, n));
        var ms = Median(device, rounds, () =>
        {
            using var inner = new TensorScope();
            _ = a.MatMul(b);
        }, null);
        return 2.0 * n * n * n / ms * 1e3;
    }

    /// <summary>Milliseconds of one call; each round lasts a tenth of a second or three calls.</summary>
    private static double Median(string device, int rounds, Action step, DeviceStream? stream)
    {
        var times = new List<double>();
        using var own = device != "cpu" && stream is null ? new DeviceStream(device) : null;
        var queue = stream ?? own;
        using var use = queue?.Use();
        for (var i = 0; i < 3; i++) step();
        queue?.Wait();
        for (var round = 0; round < rounds; round++)
        {
            var (begun, calls) = (TimeProvider.System.GetTimestamp(), 0);
            do
            {
                step();
                calls++;
                // What was started counts when it is done.
                if (calls % 10 == 0) queue?.Wait();
            }
            while (calls < 3 || TimeProvider.System.GetElapsedTime(begun) < TimeSpan.FromSeconds(0.1));
            queue?.Wait();
            times.Add(TimeProvider.System.GetElapsedTime(begun).TotalMilliseconds / calls);
        }
        return times.Order().ElementAt(rounds / 2);
    }

    /// <summary>[nets, in, out] of each layer.</summary>
    private static Tensor[] Weights(string device, int[] sizes, int nets) => [.. Enumerable.Range(0, sizes.Length - 1)
        .Select(layer => Leaf(Random(device, 1.0 / Math.Sqrt(sizes[layer]), nets, sizes[layer], sizes[layer + 1])))];

    /// <summary>[nets, 1, out] of each layer.</summary>
    private static Tensor[] Biases(string device, int[] sizes, int nets) => [.. Enumerable.Range(0, sizes.Length - 1)
        .Select(layer => Leaf(Random(device, 0.1, nets, 1, sizes[layer + 1])))];

    private static Tensor Leaf(Tensor tensor)
    {
        tensor.RequiresGrad = true;
        return tensor;
    }

    private static Tensor Random(string device, double bound, params ReadOnlySpan<long> shape)
    {
        var count = 1L;
        foreach (var size in shape) count *= size;
        var random = new Philox(3, (ulong)count);
        return Tensor.From([.. Enumerable.Range(0, (int)count).Select(_ => (float)random.NextDouble(-bound, bound))], shape, device);
    }

    /// <param name="Flops">Floating-point operations of forward and backward, products alone.</param>
    private sealed record Case(string Name, double Flops, Func<string, Action> Make);
}

/// <summary>What bench/gpu/peers.py measured: lines of case, way and milliseconds, separated by tabs.</summary>
internal static class Peers
{
    /// <param name="file">Empty for nothing.</param>
    public static IReadOnlyDictionary<(string Case, string Way), double> Read(string file)
    {
        var times = new Dictionary<(string, string), double>();
        foreach (var line in file.Length > 0 ? File.ReadAllLines(file) : [])
        {
            if (line.Split('\t') is [var name, var way, var ms] && double.TryParse(ms, out var value)) times[(name, way)] = value;
        }
        return times;
    }
}
