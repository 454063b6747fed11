using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using Athanor.Compute.Training;
using Athanor.Hosting;
using Athanor.Hosting.Configuration;
using Athanor.Hosting.Runtime;
using Athanor.Hosting.Slots;
using Athanor.Hosting.Work.Training;
using Athanor.Protocol;
using Athanor.Protocol.Training;

// What a checkpoint every 2 s of training costs: the same run with and without, in turns, through slot, node and store; see README.md.
CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
if (args is ["slot"]) return SlotProgram.Run(Families.WorkHandlers, Families.Messages);
var (rounds, seconds, directory) = (8, 10.0, Path.GetTempPath());
for (var i = 0; i < args.Length; i += 2)
{
    if (i + 1 == args.Length) return Unknown(args[i]);
    switch (args[i])
    {
        case "--rounds" when int.TryParse(args[i + 1], out rounds) && rounds > 0:
        case "--seconds" when double.TryParse(args[i + 1], CultureInfo.InvariantCulture, out seconds) && seconds > 1:
            break;
        case "--directory":
            directory = args[i + 1];
            break;
        default:
            return Unknown(args[i]);
    }
}

var place = Directory.CreateDirectory(Path.Combine(directory, $"athanor-bench-training-{Environment.ProcessId}")).FullName;
try
{
    Console.WriteLine($"a checkpoint every 2 s of training; {rounds} rounds of {seconds} s each in the order without, with, with, without;");
    Console.WriteLine("steps/s: median (range); cost of a round: 1 - with / without, each the mean of its two; median (quartiles)");
    Console.WriteLine($"{"",-34}{"checkpoint",12}{"without",24}{"with",24}{"cost",22}");
    foreach (var (name, hidden) in new[]
    {
        ("perceptron 8-48-48-1", "[48,48]"), ("perceptron 8-512-512-512-1", "[512,512,512]"),
    })
    {
        double[] without = new double[rounds], with = new double[rounds];
        for (var round = 0; round < rounds; round++)
        {
            // What drifts evenly (clock, temperature, neighbours) falls out of such a round.
            TimeSpan never = TimeSpan.FromHours(1), often = TimeSpan.FromSeconds(2);
            var first = await Rate(hidden, never);
            with[round] = (await Rate(hidden, often) + await Rate(hidden, often)) / 2.0;
            without[round] = (first + await Rate(hidden, never)) / 2.0;
        }
        var costs = without.Zip(with, static (a, b) => 100.0 * (1.0 - b / a)).ToArray();
        // Weights, two moments and the best weights, in float.
        int[] sizes = [8, .. JsonSerializer.Deserialize<int[]>(hidden)!, 1];
        var size = 16.0 * sizes.Skip(1).Select((width, layer) => width * (sizes[layer] + 1)).Sum() / (1 << 20);
        var (mebibytes, cost) = ($"{size:0.00} MiB", Text(costs, "0.0", 0.25) + " %");
        Console.WriteLine($"{name,-34}{mebibytes,12}{Text(without, "0"),24}{Text(with, "0"),24}{cost,22}");
    }
}
finally
{
    Directory.Delete(place, recursive: true);
}
return 0;

async Task<double> Rate(string hidden, TimeSpan saveEvery)
{
    var state = Directory.CreateDirectory(Path.Combine(place, Guid.NewGuid().ToString("N"))).FullName;
    var options = new AthanorOptions
    {
        StateDirectory = state,
        Slots = new SlotOptions { Pools = ImmutableSortedDictionary<string, PoolOptions>.Empty.Add("cpu", new PoolOptions { Count = 1 }) },
    };
    await using var cluster = await HostedCluster.Start(options, EmbeddedRole.Full, new ClusterParts
    {
        Messages = Families.Messages,
        Deciders = Families.Deciders,
        SlotLaunch = new SlotLaunch("dotnet", [typeof(Member).Assembly.Location, "slot"]),
    });
    var table = await cluster.Client.PutBlob(Member.Table().ToBytes());
    var run = EntityAddress.Of("training", "bench");
    if (await cluster.Client.Ask(run, new StartRun(Member.Spec(hidden, table, saveEvery))) is Rejected rejected)
        throw new InvalidOperationException(rejected.Reason);
    var time = TimeProvider.System;
    (long Step, long At)? first = null;
    var (begun, seen) = (0L, 0L);
    while (true)
    {
        // The slot says where it is ten times a second; a time is taken when it has just done so.
        await Task.Delay(TimeSpan.FromMilliseconds(4), time);
        var running = await cluster.Progress.Running();
        var note = running.Select(static work => RunNote.Parse(work.Note)).FirstOrDefault(static n => n is not null);
        var now = time.GetTimestamp();
        if (note is null || note.Step == seen) continue;
        seen = note.Step;
        // The first second is the compiler's.
        if (begun == 0) begun = now;
        if (note.Step < 4 * Member.CheckEvery || time.GetElapsedTime(begun, now) < TimeSpan.FromSeconds(1)) continue;
        first ??= (note.Step, now);
        var passed = time.GetElapsedTime(first.Value.At, now).TotalSeconds;
        if (passed < seconds) continue;
        await cluster.Client.Ask(run, new CancelTraining("measured"));
        return (note.Step - first.Value.Step) / passed;
    }
}

static string Text(double[] values, string form, double outside = 0.0)
{
    var sorted = values.Order().ToArray();
    var invariant = CultureInfo.InvariantCulture;
    var edge = (int)(outside * sorted.Length);
    var middle = (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2.0;
    var (low, high) = (sorted[edge], sorted[^(1 + edge)]);
    return $"{middle.ToString(form, invariant)} ({low.ToString(form, invariant)}-{high.ToString(form, invariant)})";
}

static int Unknown(string argument)
{
    Console.Error.WriteLine($"unknown or incomplete argument {argument}; there are --rounds N, --seconds S and --directory D");
    return 2;
}

/// <summary>The run that is measured: a table of 4096 rows and a perceptron that never ends its training.</summary>
internal static class Member
{
    public const long CheckEvery = 20;

    public static TrainingTable Table()
    {
        var random = new Athanor.Compute.Numerics.Philox(1);
        var columns = Enumerable.Range(0, 9).Select(_ => new double[4096]).ToArray();
        for (var row = 0; row < 4096; row++)
        {
            var sum = 0.0;
            for (var c = 0; c < 8; c++) sum += columns[c][row] = random.NextDouble(-1.0, 1.0);
            columns[8][row] = sum * sum;
        }
        return new TrainingTable(["a", "b", "c", "d", "e", "f", "g", "h", "y"], columns);
    }

    public static RunSpec Spec(string hidden, string table, TimeSpan saveEvery) => new(
        $$"""{"hidden":{{hidden}},"kind":"perceptron"}""", $$"""{"table":"{{table}}","targets":["y"]}""", [table], RunPrecision.Float, 1,
        new RunOptimiser(RunOptimiserKind.Adam, 1e-4, 0.0, 0.9, 0.999, 1e-8, 0.0),
        new RunSchedule(RunScheduleKind.Constant, 0, 0.0, 0, 0.1),
        new RunStop(1L << 40, 0, 0.0, 0.0), new RunGuard(0.0, 0, 0, 1.0, 0.5, 5), 64, 0, 1, 0.0, 0.0, CheckEvery, [], 0, 0,
        TimeSpan.FromMinutes(30), saveEvery, "");
}
