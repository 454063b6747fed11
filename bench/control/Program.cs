using System.Globalization;
using Athanor.Bench.Control;

// Model predictive control beside Ipopt and hand-written C++ in the same run; see README.md.
CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
var samples = 4000;
string? baselines = null;
for (var i = 0; i < args.Length; i++)
{
    if (args[i] == "--samples" && i + 1 < args.Length && int.TryParse(args[i + 1], out samples) && samples >= 400) i++;
    else if (args[i] == "--baselines" && i + 1 < args.Length) baselines = args[++i];
    else if (args[i] is not ("speed" or "loop" or "--own"))
    {
        Console.Error.WriteLine($"unknown or incomplete argument {args[i]}; there are speed, loop, --own, --samples N (400 or more), --baselines FOLDER");
        return 2;
    }
}
foreach (var (name, (median, p99)) in Speed.Measure(samples)) Console.WriteLine($"{name,-40} {median,8:F2} us   p99 {p99,8:F2} us");
return 0;
