using System.CommandLine;

namespace Athanor.Nodes.Cli.Twins;

/// <summary><c>twins</c>: what every family has, and the commands of unit twins.</summary>
internal static class TwinsCommands
{
    public static Command Create()
    {
        var twins = FamilyCommands.Create(
            "twins", "the twin of one plant unit", CreateCommand.Create(), FeedCommand.Create(), WatchCommand.Create(), AlarmCommands.CreateList(),
            HistoryCommand.Create(), CompareCommand.Create(), RewindCommand.Create(), RunCommand.Create(), Models.AdoptCommand.Create(),
            OperateCommands.CreateMode(), OperateCommands.CreateSetpoint(), OperateCommands.CreateOverride(), OperateCommands.CreateLimits(),
            AlarmCommands.CreateAcknowledge(), AlarmCommands.CreateShelve(), WhatIfCommand.Create());
        twins.Description = "Creates, feeds, watches, controls and rewinds the twins of plant units; runs one against a simulated plant; lists and shows them.";
        return twins;
    }
}
