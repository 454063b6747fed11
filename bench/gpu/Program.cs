using System.Globalization;
using Athanor.Bench.Gpu;
using Athanor.Compute.Torch;

// Correctness of libtorch's runs against float64 on the CPU, and their speed beside PyTorch's; started by bench/gpu.sh, see bench/README.md.
CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
var (device, name, peers, rounds) = ("", "", "", 5);
for (var i = 0; i < args.Length; i += 2)
{
    var value = i + 1 < args.Length ? args[i + 1] : "";
    switch (args[i])
    {
        case "--device" when value.Length > 0:
            device = value;
            break;
        case "--name" when value.Length > 0:
            name = value;
            break;
        case "--peers" when File.Exists(value):
            peers = value;
            break;
        case "--rounds" when int.TryParse(value, out rounds) && rounds > 0:
            break;
        default:
            Console.Error.WriteLine(
                $"unknown or incomplete argument {args[i]}; there are --device cpu|cuda|cuda:N, --name TEXT, --peers FILE and --rounds N");
            return 2;
    }
}
if (TorchRuntime.Problem is { } problem)
{
    Console.Error.WriteLine($"libtorch is not available: {problem}");
    return 1;
}
if (device.Length == 0) device = TorchRuntime.CudaIsAvailable ? "cuda" : "cpu";
if (TorchRuntime.ProblemOf(device) is { } wrong)
{
    Console.Error.WriteLine(wrong);
    return 1;
}
if (device == "cpu") Console.WriteLine("no CUDA device: CPU rows only");
Console.WriteLine($"Device: {(name.Length > 0 ? $"{name} ({device})" : device)}; threads of libtorch: {TorchRuntime.NumThreads}.");
var right = Correctness.Print(device);
Throughput.Print(device, rounds, Peers.Read(peers));
return right ? 0 : 1;
