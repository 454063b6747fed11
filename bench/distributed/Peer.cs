using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;

namespace Athanor.Bench.Distributed;

/// <summary>peer09_ddp.py of the baselines: PyTorch's DistributedDataParallel over Gloo.</summary>
internal static partial class Peer
{
    public static IEnumerable<(string Way, int Batch, double Milliseconds)> Measure()
    {
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (directory is not null && !File.Exists(Path.Combine(directory.FullName, "Cluster.sln"))) directory = directory.Parent;
        var script = Path.Combine(directory?.Parent?.FullName ?? "", "shared", "baselines", "peer09_ddp.py");
        if (!File.Exists(script))
        {
            Console.WriteLine($"PyTorch is left out: {script} is not there");
            yield break;
        }
        var info = new ProcessStartInfo("/usr/bin/python3") { RedirectStandardOutput = true, RedirectStandardError = true };
        info.ArgumentList.Add(script);
        info.Environment["OPENBLAS_NUM_THREADS"] = "1";
        using var process = Process.Start(info)!;
        var errors = process.StandardError.ReadToEndAsync();
        var text = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        if (process.ExitCode != 0)
        {
            Console.WriteLine($"PyTorch is left out (python3-torch is needed): {errors.GetAwaiter().GetResult().Trim().Split('\n')[^1]}");
            yield break;
        }
        foreach (Match match in Line().Matches(text))
        {
            var way = match.Groups[1].Value switch
            {
                "single process" => "peer-one",
                "two independent processes" => "peer-apart",
                _ => "peer",
            };
            yield return (way, int.Parse(match.Groups[2].Value, CultureInfo.InvariantCulture), double.Parse(match.Groups[3].Value, CultureInfo.InvariantCulture));
        }
    }

    [GeneratedRegex(@"3x512 (single process|two independent processes|DDP gloo 2 processes) batch (\d+)[^:]*: ([\d.]+) ms")]
    private static partial Regex Line();
}
