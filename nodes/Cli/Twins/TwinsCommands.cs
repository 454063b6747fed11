using System.CommandLine;

namespace Athanor.Nodes.Cli.Twins;

/// <summary>The commands of unit twins, below <c>twins</c>.</summary>
internal static class TwinsCommands
{
    public static Command[] All() =>
    [
        CreateCommand.Create(), FeedCommand.Create(), WatchCommand.Create(), AlarmCommands.CreateList(), HistoryCommand.Create(),
        CompareCommand.Create(), RewindCommand.Create(), RunCommand.Create(), OperateCommands.CreateMode(), OperateCommands.CreateSetpoint(),
        OperateCommands.CreateOverride(), OperateCommands.CreateLimits(), AlarmCommands.CreateAcknowledge(), AlarmCommands.CreateShelve(),
        WhatIfCommand.Create(),
    ];
}
