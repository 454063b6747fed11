using Athanor.Bench.Actors;

// The figures of the cluster: see README.md for what each measures and beside what.
var options = new Dictionary<string, string>(StringComparer.Ordinal);
var names = new List<string>();
for (var i = 0; i < args.Length; i++)
{
    if (!args[i].StartsWith("--", StringComparison.Ordinal)) names.Add(args[i]);
    else if (i + 1 < args.Length) options[args[i][2..]] = args[++i];
    else names.Add(args[i]);
}
var all = new Dictionary<string, Func<Bench, Task>>(StringComparer.Ordinal)
{
    ["hop"] = HopBench.Run,
    ["query"] = QueryBench.Run,
    ["command"] = CommandBench.Run,
    ["cluster"] = ClusterBench.Run,
    ["nodes"] = ClusterBench.Nodes,
    ["takeover"] = TakeoverBench.Run,
    ["recovery"] = RecoveryBench.Run,
    ["idle"] = IdleBench.Run,
};
if (names.Count == 0) names.AddRange(all.Keys);
if (names is not ["takeover-host"] && names.Find(name => !all.ContainsKey(name)) is { } unknown) return Usage($"there is no measurement '{unknown}'");

using var bench = new Bench(
    options.GetValueOrDefault("directory", Path.GetTempPath()), int.Parse(options.GetValueOrDefault("rounds", "5")),
    double.Parse(options.GetValueOrDefault("seconds", "1")), int.Parse(options.GetValueOrDefault("writers", "4")));
if (names is ["takeover-host"])
{
    await TakeoverBench.Host(bench, options["connection"]);
    return 0;
}
Console.WriteLine($"{Environment.ProcessorCount} cores, .NET {Environment.Version}; {bench.Rounds} rounds, median (range); {bench.Flush()}");
foreach (var name in names)
{
    Console.WriteLine($"{name}:");
    await all[name](bench);
}
return 0;

int Usage(string wrong)
{
    Console.Error.WriteLine($"{wrong}. Usage: bench/actors [{string.Join(" | ", all.Keys)}]... [--rounds N] [--seconds S] [--writers N] [--directory D]");
    return 2;
}
