using System.CommandLine;
using Athanor.Hosting;
using Athanor.Hosting.Slots;

namespace Athanor.Nodes.Cli;

/// <summary><c>athanor slot</c>: what nodes start; not for people.</summary>
internal static class SlotCommand
{
    public const string Name = "slot";

    public static Command Create()
    {
        var command = new Command(Name, "Does work fed over standard input; started by a node, not by hand.") { Hidden = true };
        command.SetAction(_ => SlotProgram.Run(Families.WorkHandlers, Families.Messages));
        return command;
    }
}
