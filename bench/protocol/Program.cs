using System.Diagnostics;
using System.Globalization;
using Athanor.Compute.Neural.Models.Protocols;

CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
switch (args)
{
    case ["reactors", .. var rest]:
        Reactors(rest);
        break;
    default:
        Console.Error.WriteLine("reactors [--seeds N] [--steps N] [--case TEXT]");
        return 1;
}
return 0;

static void Reactors(string[] rest)
{
    var (seeds, steps, only, hybrid, rate) = (5, 3000, "", false, 1e-2);
    for (var i = 0; i + 1 < rest.Length; i += 2)
    {
        if (rest[i] == "--seeds") seeds = int.Parse(rest[i + 1], CultureInfo.InvariantCulture);
        if (rest[i] == "--steps") steps = int.Parse(rest[i + 1], CultureInfo.InvariantCulture);
        if (rest[i] == "--hybrid") hybrid = true;
        if (rest[i] == "--rate") rate = double.Parse(rest[i + 1], CultureInfo.InvariantCulture);
        if (rest[i] == "--case") only = rest[i + 1];
    }
    foreach (var reactor in ReactorCase.All.Where(c => c.Name.Contains(only, StringComparison.OrdinalIgnoreCase)))
    {
        Console.WriteLine($"\n## {reactor.Name}");
        for (var seed = 42ul; seed < 42ul + (ulong)seeds; seed++)
        {
            var clock = Stopwatch.StartNew();
            foreach (var r in new ReactorProtocol(reactor, steps, rate, (step, loss) =>
            {
                if (step % 50 == 0) Console.Error.Write($"\r{step} {loss:E2} {clock.Elapsed.TotalSeconds:0.0} s   ");
            }).Run(seed, hybrid))
            {
                Console.WriteLine(
                    $"{seed} {r.Model,-22} {r.Whole:E2} {r.LastHalf:E2} neg {r.Violations.Negative}/{r.Violations.States} mass {r.Violations.MassDrift:E1}"
                    + $" energy {r.Violations.EnergyDrift:E1} refused {r.Violations.Refused} period {r.Period:P2} amplitude {r.Amplitude:P2} "
                    + string.Join(" ", r.Constants.Select(c => $"{c.Key}={c.Value:G5}")));
            }
            Console.WriteLine($"  {clock.Elapsed.TotalSeconds:0.0} s");
        }
    }
}
