namespace Athanor.Nodes.Demo;

/// <summary>The demo's acts in order.</summary>
internal static class DemoSteps
{
    public static IReadOnlyList<IDemoStep> All { get; } =
    [
        new KineticsStep(),
        new TwinStep(),
        new EnsembleStep(),
        new SweepStep(),
        new EvolutionStep(),
    ];
}
