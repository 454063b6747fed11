using System.Collections.Immutable;
using Athanor.Compute.Ode;

namespace Athanor.Compute.Problems;

/// <summary>What is asked of one solve. Everything left out is taken from the problem.</summary>
public sealed record OdeRequest
{
    /// <summary>By parameter of the problem, in its order; null for its nominal values.</summary>
    public double[]? Parameters { get; init; }

    /// <summary>By state, in the problem's order; null for its start.</summary>
    public double[]? Initial { get; init; }

    /// <summary>Time of the start; null for the problem's.</summary>
    public double? Start { get; init; }

    /// <summary>Output times, not falling, none before the start; null for <see cref="OdeProblem.DefaultTimes"/> even points.</summary>
    public double[]? Times { get; init; }

    /// <summary>Null for <see cref="OdeProblem.DefaultOptions"/>: rtol 1e-6 and the states' own absolute tolerances.</summary>
    public OdeOptions? Options { get; init; }

    public OdeMethod Method { get; init; }

    /// <summary>What is looked for on the way (not in sensitivities).</summary>
    public ImmutableArray<OdeEvent> Events { get; init; } = [];

    /// <summary>Integrals along the solution (not in sensitivities).</summary>
    public ImmutableArray<OdeQuadrature> Quadratures { get; init; } = [];

    /// <summary>For sensitivities: the parameters they are taken to, by position; null for all.</summary>
    public int[]? SensitivityTo { get; init; }

    /// <summary>For sensitivities: to the logarithms of the parameters instead.</summary>
    public bool Logarithmic { get; init; }

    /// <summary>For sensitivities: also to the states at the start.</summary>
    public bool ToInitial { get; init; }

    /// <summary>Sensitivities at the start where it depends on the parameters, shape (parameters, states); null for zeros.</summary>
    internal double[]? StartSensitivities { get; init; }
}

/// <summary>What is asked of many solves of one problem: trajectory i has row i of parameters and starts.</summary>
public sealed record OdeBatch
{
    public required int Count { get; init; }

    /// <summary>Shape (count, parameters) row-major; null for the nominal ones throughout.</summary>
    public double[]? Parameters { get; init; }

    /// <summary>Shape (count, states) row-major; null for the problem's start throughout.</summary>
    public double[]? Initial { get; init; }

    /// <summary>Time of all starts; null for the problem's.</summary>
    public double? Start { get; init; }

    /// <summary>Output times of every trajectory; null for the problem's end alone.</summary>
    public double[]? Times { get; init; }

    /// <summary>Whether the least and largest value of every state over the steps are wanted.</summary>
    public bool Extremes { get; init; }

    public OdeOptions? Options { get; init; }

    public OdeMethod Method { get; init; }

    /// <summary>Threads; 0 for one per processor. The result is the same bits for any number.</summary>
    public int Threads { get; init; }

    /// <summary>A trajectory that fails ends the batch with its error when false; when true its values are NaN and it is listed in
    /// <see cref="BatchResult.Failures"/>.</summary>
    public bool CollectFailures { get; init; }

    /// <summary>Told the number of trajectories done, from any thread.</summary>
    public IProgress<int>? Progress { get; init; }
}
