namespace Athanor.Compute.SteadyStates;

/// <summary>A field that can be evaluated in intervals, so that a search of a box can be proven complete.</summary>
public interface IIntervalField
{
    int Dimension { get; }

    /// <summary>Writes an enclosure of f over the box <paramref name="x"/> at <paramref name="p"/>.</summary>
    void Rhs(ReadOnlySpan<Interval> x, double p, Span<Interval> f);

    /// <summary>Writes an enclosure of df/dx over the box, shape (n, n) row-major.</summary>
    void Jacobian(ReadOnlySpan<Interval> x, double p, Span<Interval> jacobian);
}

/// <summary>A right-hand side written once for every kind of number; from it follow both methods of
/// <see cref="IIntervalField"/>.</summary>
public interface IGenericField
{
    int Dimension { get; }

    /// <summary>Writes f(x, parameters).</summary>
    void Rhs<T>(ReadOnlySpan<T> x, ReadOnlySpan<double> parameters, Span<T> f)
        where T : struct, IEnclosure<T>;
}
