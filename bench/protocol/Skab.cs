using Athanor.Compute.Faults.Protocols;

namespace Athanor.Bench.Protocol;

/// <summary>Prints the table of the SKAB runs.</summary>
internal static class Skab
{
    private const double Held = 0.70, HeldFalse = 0.15;

    public static void Run(Options options)
    {
        var folder = options.Text("data") ?? "../shared/data/skab";
        if (!Directory.Exists(folder))
            throw new ArgumentException($"there is no folder {Path.GetFullPath(folder)}: SKAB (GPL-3.0) is not shipped; --data names where it lies");
        var runs = SkabData.Read(folder);
        var protocol = new SkabProtocol(runs);
        Console.WriteLine($"{runs.Length} runs, rows after the first {SkabProtocol.Training} of each, all together\n");
        Console.WriteLine("| method | F1 | false-alarm rate | missed |\n|---|---|---|---|");
        Row("an alarm always", protocol.Always());
        Row("a clock: rows 571-975 of each run", protocol.Clock(570, 975));
        Row("T² and Q, untuned, as in ../shared/data/skab", protocol.T2AndQ());
        var choices = protocol.LeaveOut();
        var best = SkabProtocol.Sum(choices.Select(c => c.Score));
        Row("**discriminant of window moments, each run held out**", best);
        Row("the same, the whole kind of run (valve1, valve2, other) held out",
            SkabProtocol.Sum(protocol.LeaveOut(name => name.Split('/')[0]).Select(c => c.Score)));
        Console.WriteLine("\n| run | window | ridge | threshold | F1 | false-alarm rate | missed |\n|---|---|---|---|---|---|---|");
        foreach (var choice in choices)
        {
            Console.WriteLine($"| {choice.Run} | {choice.Window} | {choice.Ridge} | {choice.Threshold:0.00} | {choice.Score.F1:0.00} | "
                + $"{choice.Score.FalseAlarmRate:0.0 %} | {choice.Score.MissRate:0.0 %} |");
        }
        var (feature, correlation) = protocol.ClockInFeatures(20);
        Console.WriteLine($"\nLargest mean correlation of a feature with the row number in normal rows (windows of 20): {correlation:0.00}, {feature}");
        Console.WriteLine($"F1 {best.F1:0.00}, held to {Held:0.00}; false-alarm rate {best.FalseAlarmRate:0.0 %}, held to {HeldFalse:0.0 %}: "
            + (best.F1 >= Held && best.FalseAlarmRate <= HeldFalse ? "passed" : "FELL SHORT"));
    }

    private static void Row(string method, SkabScore score) =>
        Console.WriteLine($"| {method} | {score.F1:0.00} | {score.FalseAlarmRate:0.0 %} | {score.MissRate:0.0 %} |");
}
