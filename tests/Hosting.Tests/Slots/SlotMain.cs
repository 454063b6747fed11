using Athanor.Hosting;
using Athanor.Hosting.Slots;
using Athanor.Protocol;

namespace Hosting.Tests.Slots;

/// <summary>The test assembly as a slot program: <c>dotnet Hosting.Tests.dll slot</c>.</summary>
internal static class SlotMain
{
    public static MessageRegistry Messages { get; } = MessageRegistry.Of(
        ProtocolMessages.AddTo, Athanor.Actors.ActorsMessages.AddTo, global::Hosting.Tests.TestsMessages.AddTo);

    public static SlotLaunch Launch { get; } = new("dotnet", [typeof(SlotMain).Assembly.Location, "slot"]);

    /// <summary>Trains; no death is ordered.</summary>
    public static SlotLaunch RunLaunch { get; } = new("dotnet", [typeof(SlotMain).Assembly.Location, "run-slot", AppContext.BaseDirectory + "no-deaths"]);

    public static int Main(string[] args) => args switch
    {
        ["slot"] => SlotProgram.Run(TestWork.Handlers, Messages),
        ["run-slot", var deaths] => SlotProgram.Run([new Training.DyingRunHandler(deaths)], Messages),
        ["slot-parent"] => SlotParent.Run(),
        ["worker", var connection, var name, var directory] => Work.WorkerProgram.Run(connection, name, directory),
        _ => throw new ArgumentException("the tests run under 'dotnet test'"),
    };
}
