using Athanor.Actors;
using Athanor.Hosting.Work;
using Athanor.Protocol;

namespace Athanor.Hosting;

/// <summary>The six families: who decides, who computes, who works. A family's lines stand together.</summary>
public static class Families
{
    /// <summary>The families' names, as addresses and commands use them.</summary>
    public static readonly IReadOnlyList<string> Names = ["twins", "training", "ensembles", "evolution", "peers", "models"];

    /// <summary>Every kind of message that this build reads and writes.</summary>
    public static MessageRegistry Messages { get; } = MessageRegistry.Of(ProtocolMessages.AddTo, ActorsMessages.AddTo);

    public static IReadOnlyList<IDecider> Deciders { get; } =
    [
        new Actors.Twins.TwinDecider(),
        new Actors.Evolution.PopulationDecider(),
        new Actors.Peers.PeerDecider(),
        new Actors.Training.TrainingDecider(),
        new Actors.Ensembles.EnsembleDecider(),
        new Actors.Models.ModelDecider(),
    ];

    public static IReadOnlyList<IWorkHandler> WorkHandlers { get; } =
    [
        new Work.Evolution.EvaluateHandler(),
        new Work.Evolution.AuditHandler(),
        new Work.Training.TrainingSegmentHandler(Work.Training.TrainingTasks.All),
        new Work.Training.RunSegmentHandler(TimeProvider.System),
        new Work.Ensembles.FitSplitHandler(),
        new Work.Models.FitKineticsHandler(),
        new Work.Models.FitModelHandler(),
        new Work.Models.FitAnalysisHandler(),
        new Work.Models.FitProfileHandler(),
        new Work.Ensembles.SweepHandler(),
    ];

    public static IReadOnlyList<IComputeHandler> ComputeHandlers { get; } =
    [
        new Work.Evolution.DrawHandler(),
        new Work.Twins.FilterHandler(),
        new Work.Twins.Units.StepUnitHandler(),
        new Work.Twins.Units.PlanMoveHandler(TimeProvider.System),
        new Work.Twins.Units.RollOutHandler(),
    ];
}
