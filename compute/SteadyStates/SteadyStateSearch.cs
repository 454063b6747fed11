using System.Collections.Immutable;

namespace Athanor.Compute.SteadyStates;

/// <summary>What a search for steady states found, and what is known about its completeness.</summary>
/// <param name="States">In ascending order of the first state.</param>
/// <param name="IsProven">Whether interval arithmetic has proven that the box holds these steady states and no others.</param>
/// <param name="Statement">One sentence: how it was searched and what that is worth.</param>
public sealed record SteadyStateResult(ImmutableArray<SteadyState> States, bool IsProven, string Statement)
{
    /// <summary>The states, or an error that says that there are none.</summary>
    /// <exception cref="NoSteadyStateException">There are none.</exception>
    public ImmutableArray<SteadyState> OrThrow() => States.IsEmpty ? throw new NoSteadyStateException(Statement) : States;
}

/// <summary>A box holds no steady state, or none was found.</summary>
public sealed class NoSteadyStateException(string statement) : Exception(statement);

/// <summary>
/// All steady states of x' = f(x, p) in a box at one value of p. Where the model can be evaluated in intervals (<see
/// cref="IIntervalField"/>), by subdivision and Krawczyk's operator with a proof that none is missing; otherwise, or if the boxes run
/// out before the proof is done, from many seeded starts with deflation, which proves nothing. The result says which.
/// </summary>
public static class SteadyStateSearch
{
    public const int DefaultStarts = 64;

    /// <param name="lower">Least value of each state, length n.</param>
    /// <param name="upper">Largest value of each state, length n.</param>
    /// <param name="guesses">States to start from first.</param>
    /// <param name="starts">Starts of the search that proves nothing.</param>
    /// <exception cref="ArgumentException">The box does not fit the field.</exception>
    public static SteadyStateResult Find(
        IVectorField field, double p, ReadOnlySpan<double> lower, ReadOnlySpan<double> upper, IReadOnlyList<double[]>? guesses = null,
        int starts = DefaultStarts, ulong seed = 1, CancellationToken cancellation = default)
    {
        var n = field.Dimension;
        if (lower.Length != n || upper.Length != n)
            throw new ArgumentException($"A box for {n} states has {n} lower and {n} upper bounds, not {lower.Length} and {upper.Length}.");
        for (var i = 0; i < n; i++)
        {
            if (!double.IsFinite(lower[i]) || !double.IsFinite(upper[i]) || lower[i] > upper[i])
                throw new ArgumentException($"State {i + 1} cannot lie between {lower[i]:g} and {upper[i]:g}.");
        }
        if (IsSingularThroughout(field, p, lower, upper))
        {
            return new SteadyStateResult(
                [], false,
                $"No isolated steady state at {p:g9}: the Jacobian is singular throughout the box, as in a closed system with a conserved "
                + "quantity (steady states form a line, and the start decides which is reached) or a fed batch whose volume only grows.");
        }
        var box = $"{p:g9}";
        if (field is IIntervalField intervals)
        {
            var proof = new IntervalSearch(intervals, field, p, lower, upper).Run(cancellation);
            if (proof.Undecided == 0)
            {
                var count = proof.Roots.Count switch
                {
                    0 => "holds no steady state",
                    1 => "holds one steady state and no others",
                    var k => $"holds {k} steady states and no others",
                };
                return new SteadyStateResult(
                    Describe(field, p, proof.Roots), true,
                    $"Proven by interval arithmetic ({proof.Boxes} boxes): at {box} this box {count}.");
            }
            var sampled = Sample(field, p, lower, upper, [.. guesses ?? [], .. proof.Roots], starts, seed, cancellation);
            return sampled with
            {
                Statement = $"Interval arithmetic left {proof.Undecided} of {proof.Boxes} boxes undecided (steady states that nearly "
                    + "coincide, or a model that is too wide); " + char.ToLowerInvariant(sampled.Statement[0]) + sampled.Statement[1..],
            };
        }
        return Sample(field, p, lower, upper, guesses ?? [], starts, seed, cancellation);
    }

    private static SteadyStateResult Sample(
        IVectorField field, double p, ReadOnlySpan<double> lower, ReadOnlySpan<double> upper, IReadOnlyList<double[]> guesses, int starts,
        ulong seed, CancellationToken cancellation)
    {
        var search = new MultiStartSearch(field, lower.ToArray(), upper.ToArray());
        var (roots, lastNew) = search.Run(p, starts, seed, guesses, cancellation);
        var tried = starts + guesses.Count;
        var statement = roots.Count == 0
            ? $"No steady state in this box at {p:g9}: none of {tried} starts of Newton's method reached one (this is no proof)."
            : $"{roots.Count} found at {p:g9} from {tried} starts, the last new one by start {lastNew}; no proof that there are no others.";
        return new SteadyStateResult(Describe(field, p, roots), false, statement);
    }

    /// <summary>Whether df/dx is singular to rounding at the middle of the box and around it, rows and columns scaled.</summary>
    private static bool IsSingularThroughout(IVectorField field, double p, ReadOnlySpan<double> lower, ReadOnlySpan<double> upper)
    {
        var n = field.Dimension;
        var lu = new DenseLu(n);
        var x = new double[n];
        foreach (var at in (ReadOnlySpan<double>)[0.5, 0.31, 0.73])
        {
            for (var i = 0; i < n; i++) x[i] = lower[i] + ((upper[i] - lower[i]) * (at + (0.07 * Math.Sin(i))));
            field.Jacobian(x, p, lu.Matrix);
            for (var i = 0; i < n; i++)
            {
                var row = lu.Matrix.AsSpan(i * n, n);
                var size = 0.0;
                for (var j = 0; j < n; j++)
                {
                    row[j] *= Math.Max(upper[j] - lower[j], 1e-300);
                    size = Math.Max(size, Math.Abs(row[j]));
                }
                if (!double.IsFinite(size)) return false;
                for (var j = 0; j < n && size > 0; j++) row[j] /= size;
            }
            if (!lu.Factor()) continue;
            // The diagonal holds the pivots' reciprocals.
            var least = double.PositiveInfinity;
            for (var i = 0; i < n; i++) least = Math.Min(least, 1.0 / Math.Abs(lu.Matrix[(i * n) + i]));
            if (least > 1e-14) return false;
        }
        return true;
    }

    private static ImmutableArray<SteadyState> Describe(IVectorField field, double p, List<double[]> roots) =>
        [.. roots.OrderBy(r => r[0]).Select(r => new SteadyState([.. r], p, [.. Stability.Eigenvalues(field, r, p)]))];
}
