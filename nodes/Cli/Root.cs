using System.CommandLine;

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
        return root;
    }

    private static IEnumerable<Command> Commands()
    {
        yield break;
    }
}
