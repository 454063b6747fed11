using System.Runtime.Intrinsics;

namespace Athanor.Compute.Kinetics;

/// <summary>
/// The rates of a network's reactions by themselves: what reactor units put into their balances. Units are those of the network the set was
/// made for (<see cref="CompiledRates.Units"/>; SI unless another was asked for): concentrations in mol/m³, temperature in K, rates in
/// mol/(m³ s). Parameters keep the units in which they were written.
/// </summary>
/// <remarks>The spans of arguments and results must not overlap. Scalar and lane forms give the same bits, generated or interpreted.</remarks>
public interface IRateSet
{
    int SpeciesCount { get; }

    int ReactionCount { get; }

    int ParameterCount { get; }

    /// <summary>Where d rate / d concentration can differ from zero.</summary>
    RatePattern Pattern { get; }

    double Parameter(int index);

    /// <summary>Writes the rate of every reaction, length <see cref="ReactionCount"/>.</summary>
    /// <param name="concentrations">Length <see cref="SpeciesCount"/>.</param>
    void Rates(double temperature, ReadOnlySpan<double> concentrations, Span<double> rates);

    /// <summary>Per lane; each lane has its own temperature, concentrations and parameters.</summary>
    /// <param name="parameters">Length <see cref="ParameterCount"/>; the set's own numbers are not looked at.</param>
    void RatesLanes(
        Vector512<double> temperature, ReadOnlySpan<Vector512<double>> concentrations, ReadOnlySpan<Vector512<double>> parameters,
        Span<Vector512<double>> rates);

    /// <summary>Writes d rate / d concentration in the order of <see cref="Pattern"/>.</summary>
    void ConcentrationDerivatives(double temperature, ReadOnlySpan<double> concentrations, Span<double> values);

    /// <summary>The same per lane.</summary>
    void ConcentrationDerivativesLanes(
        Vector512<double> temperature, ReadOnlySpan<Vector512<double>> concentrations, ReadOnlySpan<Vector512<double>> parameters,
        Span<Vector512<double>> values);

    /// <summary>Writes d rate / dT, length <see cref="ReactionCount"/>.</summary>
    void TemperatureDerivatives(double temperature, ReadOnlySpan<double> concentrations, Span<double> derivatives);

    /// <summary>Writes d rate / d parameter, shape (parameters, reactions) row-major.</summary>
    void ParameterDerivatives(double temperature, ReadOnlySpan<double> concentrations, Span<double> derivatives);
}

/// <summary>A set of rates whose parameters can be set. Reactor units are generic over it, so that the JIT compiles them for each
/// network: <see cref="CompiledRates.Accept"/> hands the generated type over.</summary>
public interface IRateSet<TSelf> : IRateSet
    where TSelf : struct, IRateSet<TSelf>
{
    /// <summary>The same rates with these parameters, in the order of <see cref="IRateSet.Parameter"/>.</summary>
    TSelf With(ReadOnlySpan<double> parameters);
}

/// <summary>Is handed a set of rates with its type, which for generated ones has no name in the source.</summary>
public interface IRateSetVisitor<out TResult>
{
    TResult Visit<TRates>(in TRates rates)
        where TRates : struct, IRateSet<TRates>;
}

/// <summary>Places of entries in a matrix of reactions (rows) and species (columns).</summary>
public sealed class RatePattern
{
    internal RatePattern(int rows, (int Row, int State)[] entries)
    {
        RowStarts = new int[rows + 1];
        Columns = [.. entries.Select(static entry => entry.State)];
        foreach (var (row, _) in entries) RowStarts[row + 1]++;
        for (var i = 0; i < rows; i++) RowStarts[i + 1] += RowStarts[i];
    }

    /// <summary>Length reactions + 1: reaction i has the entries RowStarts[i] to RowStarts[i + 1] - 1.</summary>
    public int[] RowStarts { get; }

    /// <summary>Species of each entry, rising within a row.</summary>
    public int[] Columns { get; }

    public int Count => Columns.Length;
}
