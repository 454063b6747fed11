using System.Collections.Immutable;
using System.Numerics;

namespace Athanor.Compute.Continuation;

/// <summary>Why a branch of cycles goes no further.</summary>
public enum CycleEnd
{
    /// <summary>The parameter reached an end of its range.</summary>
    RangeEnd,

    /// <summary>The period grows without bound while the orbit comes ever nearer to a saddle.</summary>
    Homoclinic,

    /// <summary>The period grows without bound while the orbit comes ever nearer to a fold of steady states on it.</summary>
    SaddleNodeOnCycle,

    /// <summary>The period passed its bound, and no steady state was found near the orbit.</summary>
    PeriodLimit,

    /// <summary>The cycle shrinks into a Hopf point.</summary>
    Hopf,

    /// <summary>A state left the box.</summary>
    LeftBox,

    /// <summary>The step fell below the shortest one.</summary>
    StepTooSmall,

    /// <summary>It has as many cycles as allowed.</summary>
    PointLimit,
}

/// <summary>A limit cycle.</summary>
/// <param name="Period">In the model's time unit.</param>
/// <param name="Minimum">Least value of each state along the cycle.</param>
/// <param name="Maximum">Largest value of each state along the cycle.</param>
/// <param name="Multipliers">Floquet multipliers, largest first, without the trivial one.</param>
/// <param name="TrivialError">How far the trivial multiplier is from 1: a measure of the multipliers' accuracy.</param>
/// <param name="IsStable">Whether all multipliers lie within the unit circle.</param>
/// <param name="Times">Times of the mesh points, from 0 to the period, denser where the orbit is fast.</param>
/// <param name="Values">States there, shape (times, n) row-major.</param>
public sealed record Cycle(
    double Parameter, double Period, ImmutableArray<double> Minimum, ImmutableArray<double> Maximum,
    ImmutableArray<Complex> Multipliers, double TrivialError, bool IsStable, ImmutableArray<double> Times, ImmutableArray<double> Values)
{
    /// <summary>Half the difference of largest and least value of a state.</summary>
    public double Amplitude(int state) => 0.5 * (Maximum[state] - Minimum[state]);
}

/// <summary>A family of limit cycles, from the Hopf point it was born at to its end.</summary>
/// <param name="Index">Its number in the diagram.</param>
/// <param name="HopfPoint">Index among the diagram's special points of the point it is born at.</param>
/// <param name="Cycles">In order.</param>
/// <param name="End">Why the last cycle is the last.</param>
/// <param name="EndParameter">The parameter where the family ends; of an infinite period the value approached.</param>
/// <param name="EndState">The saddle or Hopf point that it ends at, if it does.</param>
public sealed record CycleBranch(
    int Index, int HopfPoint, ImmutableArray<Cycle> Cycles, CycleEnd End, double EndParameter, ImmutableArray<double>? EndState)
{
    internal bool EndsAt(SpecialPoint hopf)
    {
        if (End != CycleEnd.Hopf || EndState is not { } state) return false;
        for (var i = 0; i < state.Length; i++)
        {
            if (Math.Abs(state[i] - hopf.State[i]) > 1e-3 * (1e-12 + Math.Abs(hopf.State[i]))) return false;
        }
        return Math.Abs(EndParameter - hopf.Parameter) <= 1e-3 * (1e-12 + Math.Abs(hopf.Parameter));
    }
}
