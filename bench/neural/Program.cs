using System.Globalization;
using Athanor.Bench.Neural;

// Times of the neural kernels beside libtorch C++ and hand-written C++ in the same run; see README.md.
CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
var rounds = 5;
string? baselines = null;
var own = false;
for (var i = 0; i < args.Length; i++)
{
    switch (args[i])
    {
        case "--rounds" when i + 1 < args.Length && int.TryParse(args[i + 1], out rounds) && rounds > 0:
            i++;
            break;
        case "--baselines" when i + 1 < args.Length:
            baselines = args[++i];
            break;
        case "--own":
            own = true;
            break;
        case "--processor-time":
            own = true;
            Ours.ProcessorTime = true;
            break;
        default:
            Console.Error.WriteLine(
                $"unknown or incomplete argument {args[i]}; there are --rounds N, --baselines FOLDER, --own, --processor-time");
            return 2;
    }
}

var peers = own ? null : Peers.Find(baselines);
var table = new Table();
Console.WriteLine($"{rounds} rounds; {Environment.ProcessorCount} processors, vectors of {Ours.VectorBits} bits");
using var ours = new Ours();
ours.WarmUp();
for (var round = 0; round < rounds; round++)
{
    foreach (var (row, seconds) in ours.Measure()) table.Add(row, Column.Ours, seconds);
    if (peers is null) continue;
    foreach (var (row, column, seconds) in peers.Measure()) table.Add(row, column, seconds);
}
table.Print(Console.Out, ours.Errors());
return 0;
