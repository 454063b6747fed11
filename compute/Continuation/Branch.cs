using System.Collections.Immutable;
using System.Numerics;

namespace Athanor.Compute.Continuation;

public enum SpecialPointKind
{
    /// <summary>Two steady states meet and vanish (saddle-node, limit point).</summary>
    Fold,

    /// <summary>A complex pair of eigenvalues crosses the imaginary axis: a cycle is born.</summary>
    Hopf,

    /// <summary>Two real eigenvalues add up to zero. No bifurcation; told because the trace (or its generalisation) vanishes there, as it
    /// does at a Hopf point.</summary>
    NeutralSaddle,

    /// <summary>Two branches of steady states cross (transcritical or pitchfork).</summary>
    BranchPoint,

    /// <summary>A stable and an unstable cycle meet and vanish.</summary>
    CycleFold,

    /// <summary>A multiplier passes -1.</summary>
    PeriodDoubling,

    /// <summary>A complex pair of multipliers crosses the unit circle (Neimark-Sacker).</summary>
    Torus,
}

/// <summary>A point of a branch where its stability or its course changes.</summary>
/// <param name="State">The steady state; of cycles the point of largest first state.</param>
/// <param name="Branch">Index of the branch (of steady states, or of cycles for the last three kinds).</param>
/// <param name="Frequency">Hopf: imaginary part ω of the pair, 1/time; else 0.</param>
/// <param name="Period">Hopf: 2π/ω at onset; of cycles their period; else 0.</param>
/// <param name="Lyapunov">Hopf: first Lyapunov coefficient, negative if supercritical (a stable cycle is born if no other eigenvalue is
/// unstable); else 0.</param>
/// <param name="Located">Whether the defining system converged; otherwise the point is known to the branch's step halved 40 times.</param>
public sealed record SpecialPoint(
    SpecialPointKind Kind, double Parameter, ImmutableArray<double> State, int Branch, double Frequency, double Period, double Lyapunov,
    bool Located)
{
    public bool IsSupercritical => Kind == SpecialPointKind.Hopf && Lyapunov < 0;
}

/// <summary>A steady state of a branch.</summary>
public sealed record BranchPoint(double Parameter, ImmutableArray<double> State, ImmutableArray<Complex> Eigenvalues, int UnstableCount)
{
    public bool IsStable => UnstableCount == 0;
}

/// <summary>Why a branch goes no further.</summary>
public enum BranchEnd
{
    /// <summary>It reached an end of the parameter's range.</summary>
    RangeEnd,

    /// <summary>A state left the box.</summary>
    LeftBox,

    /// <summary>It came back to its start: an isola.</summary>
    Closed,

    /// <summary>The step fell below the shortest one.</summary>
    StepTooSmall,

    /// <summary>It has as many points as allowed.</summary>
    PointLimit,
}

/// <summary>A curve of steady states, its points in order from one end to the other.</summary>
/// <param name="Index">Its number in the diagram.</param>
/// <param name="Points">In order.</param>
/// <param name="Start">Why the first point is the first.</param>
/// <param name="End">Why the last point is the last.</param>
public sealed record EquilibriumBranch(int Index, ImmutableArray<BranchPoint> Points, BranchEnd Start, BranchEnd End);
