using System.CommandLine;

namespace Athanor.Nodes.Cli.Models;

/// <summary><c>models</c>: what is registered, how its versions compare, which is in production, and their ways in and out.</summary>
internal static class ModelsCommands
{
    public static Command Create() => FamilyCommands.Create(
        "models", "one registered model", ListCommand.Create(), ShowCommand.Create(), CompareCommand.Create(), StageCommands.Promote(),
        StageCommands.Retire(), ExportCommand.Create(), ImportCommand.Create());
}
