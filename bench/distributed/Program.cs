using System.Diagnostics;
using System.Globalization;
using Athanor.Bench.Distributed;
using Athanor.Compute.Torch;

// Weak scaling of data-parallel training over two processes of one thread each, beside PyTorch's DDP over Gloo in the same run; see README.md.
CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
if (args is ["--member", var rank, var by, var name, var rows, var steps])
{
    Member.Run(int.Parse(rank, CultureInfo.InvariantCulture), by, name, int.Parse(rows, CultureInfo.InvariantCulture), int.Parse(steps, CultureInfo.InvariantCulture));
    return 0;
}
var rounds = 5;
if (args is ["--rounds", var given] && int.TryParse(given, out var wanted) && wanted > 0) rounds = wanted;
else if (args.Length > 0)
{
    Console.Error.WriteLine($"unknown or incomplete argument {args[0]}; there is --rounds N");
    return 2;
}

string[] ways = ProcessGroup.IsAvailable ? ["shared", "gloo"] : ["shared"];
if (ways.Length == 1) Console.WriteLine("Gloo is left out: build the shim with compute/native/build.sh");
var times = new Dictionary<(string Way, int Batch), List<double>>();
void Add(string way, int batch, double milliseconds)
{
    if (!times.TryGetValue((way, batch), out var list)) times[(way, batch)] = list = [];
    list.Add(milliseconds);
}

for (var round = 0; round < rounds; round++)
{
    foreach (var batch in (int[])[64, 256])
    {
        Add("one", batch, Members(1, "none", batch));
        Add("apart", batch, Members(2, "none", batch));
        foreach (var way in ways) Add(way, batch, Members(2, way, batch));
    }
    foreach (var (way, batch, milliseconds) in Peer.Measure()) Add(way, batch, milliseconds);
}

Console.WriteLine();
Console.WriteLine("3x512 perceptron (512-512-512-512, ReLU, float32, SGD), medians in ms a step; scaling is one process's time over two's, each with the batch");
Console.WriteLine($"{"batch each",-12}{"",-22}{"one process",14}{"two apart",12}{"two together",14}{"scaling",10}");
foreach (var batch in (int[])[64, 256])
{
    foreach (var way in ways) Print(batch, $"ours, {(way == "shared" ? "shared memory" : "Gloo")}", "one", "apart", way);
    if (times.ContainsKey(("peer-one", batch))) Print(batch, "PyTorch DDP, Gloo", "peer-one", "peer-apart", "peer");
}
return 0;

void Print(int batch, string what, string one, string apart, string together)
{
    var (a, b, c) = (Median(one), Median(apart), Median(together));
    Console.WriteLine($"{batch,-12}{what,-22}{a,14:0.00}{b,12:0.00}{c,14:0.00}{a / c,10:0%}");

    double Median(string way) => times[(way, batch)].Order().ElementAt(times[(way, batch)].Count / 2);
}

double Members(int count, string way, int batch)
{
    var name = $"bench-{Environment.ProcessId}-{Guid.NewGuid():N}";
    var members = Enumerable.Range(0, count).Select(member =>
    {
        var info = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardOutput = true };
        foreach (var argument in (string[])["--member", $"{member}", way, name, $"{batch}", "60"]) info.ArgumentList.Add(argument);
        info.Environment["DOTNET_TieredPGO"] = "0";
        return Process.Start(info)!;
    }).ToArray();
    var slowest = 0.0;
    foreach (var member in members)
    {
        var text = member.StandardOutput.ReadToEnd();
        member.WaitForExit();
        slowest = Math.Max(slowest, double.Parse(text, CultureInfo.InvariantCulture));
        member.Dispose();
    }
    return slowest;
}
