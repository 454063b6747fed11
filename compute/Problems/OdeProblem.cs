using System.Collections.Immutable;
using Athanor.Compute.Ode;
using Athanor.Compute.SteadyStates;

namespace Athanor.Compute.Problems;

/// <summary>
/// An initial value problem y' = f(t, y; p) with names, units and a source: what commands, twins, fits and programs share, by name at run
/// time. Every member is safe to call from several threads.
/// </summary>
public abstract class OdeProblem
{
    /// <summary>Output times when a request names none: this many even points from start to end.</summary>
    public const int DefaultTimes = 201;

    /// <summary>Kebab-case, as typed on the command line.</summary>
    public required string Name { get; init; }

    /// <summary>One line.</summary>
    public required string Title { get; init; }

    /// <summary>The publication that equations and numbers are from.</summary>
    public required string Source { get; init; }

    /// <summary>Unit of time, e.g. "min".</summary>
    public required string TimeUnit { get; init; }

    /// <summary>What the independent variable is called: t, or z along a length.</summary>
    public string Variable { get; init; } = "t";

    public double Start { get; init; }

    /// <summary>The end unless a request names times.</summary>
    public required double End { get; init; }

    public required ImmutableArray<OdeState> States { get; init; }

    public required ImmutableArray<OdeParameter> Parameters { get; init; }

    /// <summary>The equations for intervals, where they are known in such a form: then a search for steady states can be proven
    /// complete.</summary>
    public IIntervalModel? Intervals { get; init; }

    /// <summary>rtol 1e-6 and the states' own absolute tolerances.</summary>
    public OdeOptions DefaultOptions => new() { AbsoluteTolerances = [.. States.Select(s => s.AbsoluteTolerance)] };

    /// <summary>Values of the parameters when a request gives none.</summary>
    public double[] NominalParameters => [.. OwnParameters];

    /// <summary>The start when a request gives none.</summary>
    public double[] NominalInitial => [.. OwnInitial];

    // For reading alone.
    private protected double[] OwnParameters => field ??= [.. Parameters.Select(p => p.Value)];

    private protected double[] OwnInitial => field ??= [.. States.Select(s => s.Initial)];

    /// <summary>Solves once.</summary>
    /// <exception cref="OdeException">The solve could not go on; the message names time and state.</exception>
    /// <exception cref="ArgumentException">The request does not fit the problem.</exception>
    public abstract Trajectory Solve(OdeRequest request, CancellationToken cancellation = default);

    /// <summary>Solves once, with the derivatives of the states to the parameters (and to the start, if asked).</summary>
    public abstract SensitivityTrajectory SolveSensitivities(OdeRequest request, CancellationToken cancellation = default);

    /// <summary>Solves many times: eight trajectories at a time in the lanes of a vector, batches on several threads. A trajectory's
    /// result has the same bits whatever the number of threads, its place in the batch, and the width of the machine's registers.</summary>
    public abstract BatchResult SolveMany(OdeBatch batch, CancellationToken cancellation = default);

    /// <summary>Writes f(t, y; p), length n.</summary>
    public abstract void Rhs(double t, ReadOnlySpan<double> y, ReadOnlySpan<double> parameters, Span<double> dy);

    /// <summary>Writes df/dy, shape (n, n) row-major.</summary>
    public abstract void Jacobian(double t, ReadOnlySpan<double> y, ReadOnlySpan<double> parameters, Span<double> jacobian);

    /// <summary>Writes df/dp, shape (parameters, n) row-major.</summary>
    public abstract void ParameterDerivatives(double t, ReadOnlySpan<double> y, ReadOnlySpan<double> parameters, Span<double> derivatives);

    /// <summary>The position of a state.</summary>
    /// <exception cref="ArgumentException">There is none of this name; the message lists them.</exception>
    public int StateIndex(string name) => Index(name, "state", States.Select(s => s.Name));

    /// <summary>The position of a parameter.</summary>
    /// <exception cref="ArgumentException">There is none of this name; the message lists them.</exception>
    public int ParameterIndex(string name) => Index(name, "parameter", Parameters.Select(p => p.Name));

    /// <summary>Hands over the model's own struct, where there is one.</summary>
    internal virtual TResult Accept<TVisitor, TResult>(in TVisitor visitor)
        where TVisitor : IProblemVisitor<TResult> => visitor.Visit(new ErasedModel(this, NominalParameters));

    private int Index(string name, string kind, IEnumerable<string> names)
    {
        var i = 0;
        foreach (var other in names)
        {
            if (string.Equals(other, name, StringComparison.OrdinalIgnoreCase)) return i;
            i++;
        }
        throw new ArgumentException($"{Name} has no {kind} {name}; it has {string.Join(", ", names)}");
    }
}
