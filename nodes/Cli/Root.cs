using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace Athanor.Nodes.Cli;

/// <summary>The program's commands.</summary>
internal static class Root
{
    public static RootCommand Create()
    {
        var root = new RootCommand("""
            Athanor: a compute cluster of event-sourced actors for plant twins, training runs and peer-verified evolution.

            Start with:  athanor demo      (the whole house on measured data, a few minutes, a report at the end)
            """);
        root.Options.Add(Cli.State);
        root.Options.Add(Cli.Config);
        root.Options.Add(Cli.Json);
        foreach (var command in Commands()) root.Subcommands.Add(command);
        foreach (var help in root.Options.OfType<HelpOption>()) help.Action = new HelpWithExamples((SynchronousCommandLineAction)help.Action!);
        return root;
    }

    /// <summary>The usual help, with the command's examples below.</summary>
    private sealed class HelpWithExamples(SynchronousCommandLineAction usual) : SynchronousCommandLineAction
    {
        public override int Invoke(ParseResult parseResult)
        {
            var result = usual.Invoke(parseResult);
            var examples = Cli.Examples(parseResult.CommandResult.Command);
            if (examples.Count > 0)
                parseResult.InvocationConfiguration.Output.WriteLine("Examples:\n" + string.Join('\n', examples.Select(e => "  " + e)) + "\n");
            return result;
        }
    }

    private static IEnumerable<Command> Commands()
    {
        yield return DemoCommand.Create();
        yield return Simulation.SimulateCommand.Create();
        yield return Simulation.SweepCommand.Create();
        yield return Simulation.RtdCommand.Create();
        yield return Bifurcation.BifurcateCommand.Create();
        yield return Twins.TwinsCommands.Create();
        yield return Training.TrainingCommands.Create();
        yield return FamilyCommands.Create("ensembles", "one surrogate ensemble");
        yield return FamilyCommands.Create("evolution", "one population");
        yield return FamilyCommands.Create("peers", "one peer identity");
        yield return Models.ModelsCommands.Create();
        yield return NodeCommand.Create();
        yield return ClusterCommands.Create();
        yield return SlotCommand.Create();
        yield return ReplayCommand.Create();
        yield return JournalCommands.Create();
        yield return BlobsCommands.Create();
        yield return TrainCommand.Create();
        yield return EvolveCommand.Create();
        yield return PeerCommands.Create();
        yield return CertificateCommands.Create();
        yield return AccessCommands.Create();
        yield return ServicesCommands.Create();
        yield return ProveCommand.Create();
        yield return ChaosCommand.Create();
        yield return ChaosCommand.CreateNode();
        yield return ChaosCommand.CreateSlot();
        yield return IngestCommands.Create();
        yield return Fitting.FitCommand.Create();
        yield return ReconcileCommand.Create();
        yield return MonitorCommand.Create();
    }
}
