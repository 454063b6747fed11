using System.Globalization;
using Athanor.Bench.Control;

// Model predictive control beside Ipopt and hand-written C++ in the same run; see README.md.
CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
var samples = 4000;
var plants = 10;
string? baselines = null;
for (var i = 0; i < args.Length; i++)
{
    if (args[i] == "--samples" && i + 1 < args.Length && int.TryParse(args[i + 1], out samples) && samples >= 400) i++;
    else if (args[i] == "--plants" && i + 1 < args.Length && int.TryParse(args[i + 1], out plants) && plants is >= 1 and <= 10) i++;
    else if (args[i] == "--baselines" && i + 1 < args.Length) baselines = args[++i];
    else if (args[i] is not ("speed" or "loop" or "--own"))
    {
        Console.Error.WriteLine($"unknown or incomplete argument {args[i]}; " +
            "there are speed, loop, --own, --samples N (400 or more), --plants N (1 to 10), --baselines FOLDER");
        return 2;
    }
}
if (args.Contains("loop"))
{
    Peers.Build(baselines);
    Loop.Print(plants);
    return 0;
}
var peers = args.Contains("--own") ? [] : Peers.Run(baselines);
Speed.Print(peers, samples);
return 0;
