using System.Collections.Immutable;

namespace Athanor.Compute.Problems;

/// <summary>A number made of the time and the states.</summary>
public delegate double OdeFunction(double t, ReadOnlySpan<double> y);

/// <summary>Which crossings of zero count.</summary>
public enum EventDirection
{
    Both = 0,
    Rising = 1,
    Falling = 2,
}

/// <summary>Something that happens where a function of time and states crosses zero. It is looked for at the ends and the quarters of every
/// step and located on the continuous extension to rounding; a function that touches zero without crossing it is no event.</summary>
/// <param name="Terminal">Whether the solve ends there: that point is then the trajectory's last row.</param>
public sealed record OdeEvent(string Name, OdeFunction Root, EventDirection Direction = EventDirection.Both, bool Terminal = false)
{
    /// <summary>A state reaching a value.</summary>
    public static OdeEvent Reaches(
        OdeProblem problem, string state, double value, EventDirection direction = EventDirection.Both, bool terminal = false)
    {
        var i = problem.StateIndex(state);
        return new OdeEvent(FormattableString.Invariant($"{state} = {value:R}"), (_, y) => y[i] - value, direction, terminal);
    }
}

/// <summary>An event that happened.</summary>
/// <param name="Rising">Whether its function went from below zero to above.</param>
public sealed record OdeEventHit(OdeEvent Event, double Time, ImmutableArray<double> States, bool Rising);

/// <summary>An integral over time along the solution, by Gauss quadrature of five points on the continuous extension of every
/// step.</summary>
public sealed record OdeQuadrature(string Name, string Unit, OdeFunction Rate);
