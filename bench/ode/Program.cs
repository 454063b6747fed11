using System.Globalization;
using Athanor.Bench.Ode;

// Times of the solvers on the problems of ../shared/baselines, beside hand-written C++, CVODE and SciPy in the same run; see README.md.
CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
var rounds = 9;
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
        case "--stiff":
            StiffTable.Print();
            return 0;
        case "--auto":
            AutoTable.Print(args.Contains("--times"));
            return 0;
        case "--own":
            own = true;
            break;
        case "--processor-time":
            own = true;
            Ours.ProcessorTime = true;
            break;
        default:
            Console.Error.WriteLine($"unknown or incomplete argument {args[i]}; there are --rounds N, --baselines FOLDER, --stiff, --own, --processor-time");
            return 2;
    }
}

var peers = own ? null : Peers.Find(baselines);
var table = new Table();
Console.WriteLine($"{rounds} rounds, rtol 1e-6, atol 1e-9; {Environment.ProcessorCount} processors, vectors of {Ours.VectorBits} bits");
if (peers is not null) Console.WriteLine(peers.Describe());
Ours.WarmUp();
for (var round = 0; round < rounds; round++)
{
    foreach (var (row, microseconds, error) in Ours.Measure()) table.Add(row, Column.Ours, microseconds, error);
    if (peers is null) continue;
    foreach (var (row, column, microseconds, error) in peers.Measure(first: round == 0)) table.Add(row, column, microseconds, error);
}
table.Print(Console.Out);
return 0;
