using System.Collections.Immutable;

namespace Athanor.Compute.Continuation;

/// <summary>What is known about a parameter's steady states and cycles.</summary>
/// <param name="From">One end of the parameter's range, as asked.</param>
/// <param name="To">The other.</param>
/// <param name="Branches">Curves of steady states.</param>
/// <param name="Cycles">Curves of limit cycles.</param>
/// <param name="SpecialPoints">Along the branches, in order.</param>
/// <param name="Searches">One sentence for each parameter value searched for steady states: how, and what that proves.</param>
public sealed record BifurcationDiagram(
    double From, double To, ImmutableArray<EquilibriumBranch> Branches, ImmutableArray<CycleBranch> Cycles,
    ImmutableArray<SpecialPoint> SpecialPoints, ImmutableArray<string> Searches);

/// <summary>Where a computation is.</summary>
/// <param name="Stage">In words: "steady states at 305", "branch 1", "cycle from the Hopf point at 306.22".</param>
/// <param name="Share">Share of the stage, 0 to 1, estimated.</param>
public readonly record struct BifurcationProgress(string Stage, double Share);
