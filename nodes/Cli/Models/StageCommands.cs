using System.CommandLine;
using Athanor.Hosting.Runtime;
using Athanor.Protocol.Models;

namespace Athanor.Nodes.Cli.Models;

/// <summary><c>models promote</c> and <c>models retire</c>: how far a version is trusted, with who and why in the journal.</summary>
internal static class StageCommands
{
    private static readonly Argument<string> Model = ModelArguments.Model();

    private static readonly Option<string?> Why = ModelArguments.Why("What speaks for it; the journal keeps it, with who it was.");

    public static Command Promote()
    {
        var version = ModelArguments.Version("Which version (default: the newest).");
        var candidate = new Option<bool>("--to-candidate") { Description = "Make it a candidate again: out of production, or back from being retired." };
        var promote = Cli.Command(
            "promote", "Puts a version into production, in place of the one that is there.",
            "models promote tclab-heater --version 2 --why \"half the error on the second day\"",
            "models promote tclab-heater --version 2 --to-candidate --why \"it drifts\"");
        promote.Options.Add(candidate);
        return Filled(promote, version, parsed => parsed.GetValue(candidate) ? ModelStage.Candidate : ModelStage.Production);
    }

    public static Command Retire()
    {
        var version = ModelArguments.Version("Which version.");
        var retire = Cli.Command(
            "retire", "Takes a version that nobody uses out of use: it can no longer be adopted or promoted.",
            "models retire tclab-heater --version 1 --why \"trained on the wrong sensor\"");
        return Filled(retire, version, static _ => ModelStage.Retired);
    }

    private static Command Filled(Command command, Option<int?> version, Func<ParseResult, ModelStage> stage)
    {
        command.Arguments.Add(Model);
        command.Options.Add(version);
        command.Options.Add(Why);
        command.Options.Add(Cli.Tenant);
        RemoteOptions.AddTo(command);
        command.SetAction((parsed, cancellation) => Run(parsed, parsed.GetValue(version), stage(parsed), cancellation));
        return command;
    }

    private static async Task<int> Run(ParseResult parsed, int? named, ModelStage stage, CancellationToken cancellation)
    {
        var id = parsed.GetRequiredValue(Model);
        Cli.CheckNames(parsed, id);
        if (parsed.GetValue(Why) is not { Length: > 0 } why) throw new UserException("what speaks for it? --why TEXT; the journal keeps it");
        if (stage == ModelStage.Retired && named is null) throw new UserException("which version is to be retired? --version N");
        await using var cluster = await CliCluster.Open(parsed, EmbeddedRole.AppendOnly, cancellation);
        var model = Cli.Address(parsed, cluster, "models", id);
        var before = await ModelArguments.Read(cluster.Client, model, cancellation);
        var version = ModelArguments.VersionOf(before, model, named ?? Math.Max(before.Versions.Length, 1)).Number;
        await ModelArguments.Ask(cluster.Client, model, new SetStage(version, stage, why), cancellation);
        var after = await ModelArguments.Read(cluster.Client, model, cancellation);
        if (parsed.GetValue(Cli.Json))
        {
            Cli.PrintJson(ShowCommand.Json(model, after, after.Versions[version - 1]));
            return ExitCodes.Success;
        }
        var superseded = stage == ModelStage.Production && before.Production > 0 && before.Production != version
            ? $" in place of version {before.Production}"
            : "";
        Console.Out.WriteLine(before.StageOf(version) == stage
            ? $"{ModelArguments.NameOf(model, version)} was {ShowCommand.Stage(stage)} already."
            : $"{ModelArguments.NameOf(model, version)} is {ShowCommand.Stage(stage)} now{superseded}.");
        return ExitCodes.Success;
    }
}
