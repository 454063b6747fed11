using Athanor.Actors;
using Athanor.Hosting.Work;

namespace Athanor.Hosting;

/// <summary>The six families: who decides, who computes, who works. A family's lines stand together.</summary>
public static class Families
{
    /// <summary>The families' names, as addresses and commands use them.</summary>
    public static readonly IReadOnlyList<string> Names = ["twins", "training", "ensembles", "evolution", "peers", "models"];

    public static IReadOnlyList<IDecider> Deciders { get; } =
    [
    ];

    public static IReadOnlyList<IWorkHandler> WorkHandlers { get; } =
    [
    ];

    public static IReadOnlyList<IComputeHandler> ComputeHandlers { get; } =
    [
    ];
}
