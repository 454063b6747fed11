using Athanor.Compute.Faults.Protocols;

namespace Athanor.Bench.Protocol;

/// <summary>Prints the tables of the Tennessee Eastman files.</summary>
internal static class Tep
{
    private const double Held = 0.96, HeldFalse = 0.015, HeldHidden = 0.10;

    // T2 / SPE as in data/tep/README.md.
    private static readonly (double T2, double Spe)[] Readme =
    [
        (.007, .003), (.020, .014), (.943, .034), (.771, .743), (.011, 0), (.034, .024), (.640, .634), (.060, .045), (.139, 0),
            (.113, .101), (.676, .542),
    ];

    public static void Run(Options options)
    {
        var data = new TepData(options.Text("data") ?? "data/tep");
        var protocol = new TepProtocol(data);
        Console.WriteLine("**PCA, 11 components: miss rates over rows 161-960, each statistic at its own 99 % limit on d00_te**\n");
        Console.WriteLine("| fault | T² | as in data/tep | SPE | as in data/tep |\n|---|---|---|---|---|");
        var worst = 0.0;
        foreach (var (miss, readme) in protocol.PcaTable().Zip(Readme))
        {
            worst = Math.Max(worst, Math.Max(Math.Abs(miss.T2 - readme.T2), Math.Abs(miss.Spe - readme.Spe)));
            Console.WriteLine($"| {miss.Fault} | {miss.T2:0.000} | {readme.T2:0.000} | {miss.Spe:0.000} | {readme.Spe:0.000} |");
        }
        Console.WriteLine($"\nLargest difference: {worst:0.0000}\n");
        Console.WriteLine("**Choice of the monitor: means over the 11 faults at a combined rate of 1 %, both ways**\n");
        Console.WriteLine("| monitor | detected in training files (chosen by) | in test files | false: other half | false: rows 1-160 |\n|---|---|---|---|---|");
        var chosen = protocol.Choose((candidate, ways) => Console.WriteLine(
            $"| {candidate.Name} | {ways.Average(w => w.Training.Average()):0.0 %} | {ways.Average(w => w.Detection.Average()):0.0 %} | "
            + $"{ways[0].OtherHalf:0.0 %}, {ways[1].OtherHalf:0.0 %} | {ways[0].Before:0.0 %}, {ways[1].Before:0.0 %} |"));
        Print(chosen, protocol.Evaluate(chosen));
        Classes(data);
    }

    private static void Print(TepCandidate chosen, TepWay[] ways)
    {
        Console.WriteLine($"\nChosen: {chosen.Name}.\n\n**Its detection in the test files, rows 161-960, and delay (3 min a sample)**\n");
        Console.WriteLine($"| fault | {string.Join(" | ", ways.Select(w => $"limits from {w.Limits} | samples to three alarms in a row"))} |\n|---|---|---|---|---|");
        for (var i = 0; i < TepData.TestFaults.Length; i++)
        {
            Console.WriteLine($"| {TepData.TestFaults[i]} | "
                + string.Join(" | ", ways.Select(w => $"{w.Detection[i]:0.0 %} | {w.Delays[i]?.ToString() ?? "never"}")) + " |");
        }
        Console.WriteLine($"| **mean** | {string.Join(" | ", ways.Select(w => $"**{w.Detection.Average():0.0 %}** | {w.Delays.Average():0.0}"))} |");
        Console.WriteLine($"\n| limits from | false alarms, other half | false alarms, rows 1-160 | {string.Join(" | ", TepProtocol.Hidden.Select(f => $"fault {f}"))} |");
        Console.WriteLine("|---|---|---|---|---|---|");
        foreach (var way in ways)
        {
            Console.WriteLine($"| {way.Limits} of d00_te | {way.OtherHalf:0.00 %} | {way.Before:0.00 %} | "
                + string.Join(" | ", way.Hidden.Select(h => h.ToString("0.0 %"))) + " |");
        }
        var (detected, alarms) = (ways.Average(w => w.Detection.Average()), ways.Average(w => 0.5 * (w.OtherHalf + w.Before)));
        Console.WriteLine();
        Verdict("Mean detection", detected, Held, detected >= Held);
        Verdict("Mean false-alarm rate", alarms, HeldFalse, alarms <= HeldFalse);
        var hidden = ways.Max(w => w.Hidden.Max());
        Verdict("Most on faults 3, 9, 15", hidden, HeldHidden, hidden <= HeldHidden);
    }

    private static void Classes(TepData data)
    {
        var confusion = TepClasses.Evaluate(data, TepData.TestFaults, 0.05, 0.1);
        Console.WriteLine("\n**Which fault: rows 201-960 of each test file (down) as classified (across), %**\n");
        Console.WriteLine($"| | {string.Join(" | ", confusion.Faults)} |\n|---|{string.Concat(confusion.Faults.Select(_ => "---|"))}");
        for (var i = 0; i < TepData.TestFaults.Length; i++)
            Console.WriteLine($"| **{TepData.TestFaults[i]}** | {string.Join(" | ", confusion.Confusion[i].Select(v => v < 5e-4 ? "" : (100 * v).ToString("0.0")))} |");
        Console.WriteLine($"\nRight, mean over faults: {confusion.Right.Average():0.0 %}");
        var all = TepClasses.Evaluate(data, [.. Enumerable.Range(1, 21)], 0.05, 0.1);
        Console.WriteLine($"With all 21 faults to choose from: {all.Right.Average():0.0 %} "
            + $"({string.Join(", ", TepData.TestFaults.Zip(all.Right, (f, r) => $"{f}: {100 * r:0}"))})");
        int[] known = [.. TepData.TestFaults.Where(f => f is not (18 or 20))];
        var unknown = TepClasses.Unknown(data, known, 0.05, 0.1);
        Console.WriteLine("If it does not know 18 and 20, it says of each that it knows no such fault: "
            + string.Join(", ", TepData.TestFaults.Zip(unknown, (f, u) => $"{f}: {100 * u:0} %")));
    }

    private static void Verdict(string what, double value, double held, bool passed) =>
        Console.WriteLine($"{what}: {value:0.00 %}, held to {held:0.0 %}: {(passed ? "passed" : "FELL SHORT")}  ");
}
