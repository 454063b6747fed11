using System.CommandLine;
using Athanor.Hosting;
using Athanor.Hosting.Journal.Levels;

namespace Athanor.Nodes.Cli;

/// <summary><c>cluster feature-level</c>: which messages may be written, and the step after which an older build does not come back.</summary>
internal static class FeatureLevelCommand
{
    public static Command Create()
    {
        var raise = new Option<bool>("--raise")
        {
            Description = "Allow what this build brings. Refused while an older node lives; afterwards an older build is not let in again.",
        };
        var command = Cli.Command(
            "feature-level", "Shows the recorded feature level and what this build would add to it.",
            "cluster feature-level", "cluster feature-level --raise");
        command.Options.Add(raise);
        command.SetAction(async (parsed, cancellation) =>
        {
            await using var end = await JournalEnd.OpenOwn(CliCluster.OptionsOfCluster(parsed), cancellation);
            var before = (await end.Store.ReadCluster(cancellation)).FeatureLevel;
            if (parsed.GetValue(raise))
                await FeatureLevels.Raise(end.Store, Families.Messages, FeatureLevels.Current, cancellation);
            var now = (await end.Store.ReadCluster(cancellation)).FeatureLevel;
            var waiting = FeatureLevels.KindsAbove(Families.Messages, now);
            if (parsed.GetValue(Cli.Json))
            {
                Cli.PrintJson(new { recorded = now, build = FeatureLevels.Current, raised = now != before, notYetWritten = waiting });
                return ExitCodes.Success;
            }
            Console.Out.WriteLine(now == before
                ? $"{end.Name} is at feature level {now}; this build knows {FeatureLevels.Current}."
                : $"{end.Name} went from feature level {before} to {now}. Builds that do not know it are refused from now on.");
            if (waiting.Length > 0) Console.Out.WriteLine($"Not written before --raise: {string.Join(", ", waiting)}");
            return ExitCodes.Success;
        });
        return command;
    }
}
