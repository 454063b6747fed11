using System.Collections.Immutable;
using Athanor.Compute.Ode;

namespace Athanor.Compute.Problems;

/// <summary>A solution at given times.</summary>
/// <param name="Values">Shape (times, states) row-major.</param>
/// <param name="Method">The method that was used; where <see cref="OdeMethod.Auto"/> switched, the one that ended the solve.</param>
public record Trajectory(double[] Times, double[] Values, int States, OdeStatistics Statistics, OdeMethod Method)
{
    /// <summary>What happened on the way, in the order of time. A terminal event is the last, and its point the last row: the times that were
    /// asked for beyond it are missing.</summary>
    public ImmutableArray<OdeEventHit> Events { get; init; } = [];

    /// <summary>The integrals that were asked for, from the start to each time, shape (times, quadratures) row-major.</summary>
    public double[] Quadratures { get; init; } = [];

    /// <summary>All states at time number <paramref name="row"/>.</summary>
    public ReadOnlySpan<double> At(int row) => Values.AsSpan(row * States, States);

    /// <summary>State number <paramref name="state"/> at time number <paramref name="row"/>.</summary>
    public double this[int row, int state] => Values[(row * States) + state];

    /// <summary>The states at the last time.</summary>
    public ReadOnlySpan<double> End => At(Times.Length - 1);
}

/// <summary>A solution with its forward sensitivities.</summary>
/// <param name="Parameters">The parameters they are taken to, by position in the problem.</param>
/// <param name="ToParameters">dy/dp (dy/d ln p if asked), shape (times, parameters, states) row-major.</param>
/// <param name="ToInitial">dy/dy0, shape (times, states of the start, states) row-major; null unless asked for.</param>
public sealed record SensitivityTrajectory(
    double[] Times, double[] Values, int States, OdeStatistics Statistics, OdeMethod Method, int[] Parameters, double[] ToParameters,
    double[]? ToInitial)
    : Trajectory(Times, Values, States, Statistics, Method)
{
    /// <summary>d state / d parameter number <paramref name="parameter"/> of <see cref="Parameters"/>.</summary>
    public double ToParameter(int row, int parameter, int state) =>
        ToParameters[(((row * Parameters.Length) + parameter) * States) + state];
}

/// <summary>A trajectory of a batch that could not go on.</summary>
public sealed record BatchFailure(int Trajectory, OdeException Error);

/// <summary>The solutions of a batch.</summary>
/// <param name="Values">Shape (count, times, states) row-major; NaN throughout for a trajectory listed in
/// <paramref name="Failures"/>.</param>
/// <param name="Minima">Least value of every state over the accepted steps' ends and their interior extremes, shape (count, states);
/// null unless asked for.</param>
/// <param name="Maxima">Largest value, likewise.</param>
/// <param name="Failures">In the order of the trajectories.</param>
public sealed record BatchResult(
    int Count, double[] Times, double[] Values, int States, double[]? Minima, double[]? Maxima, OdeStatistics Statistics,
    OdeMethod Method, IReadOnlyList<BatchFailure> Failures)
{
    /// <summary>All states of a trajectory at time number <paramref name="row"/>.</summary>
    public ReadOnlySpan<double> At(int trajectory, int row) => Values.AsSpan(((trajectory * Times.Length) + row) * States, States);

    /// <summary>The states of a trajectory at the last time.</summary>
    public ReadOnlySpan<double> End(int trajectory) => At(trajectory, Times.Length - 1);
}
