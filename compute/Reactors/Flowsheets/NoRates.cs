using System.Runtime.Intrinsics;
using Athanor.Compute.Kinetics;

namespace Athanor.Compute.Reactors.Flowsheets;

/// <summary>No reaction at all: for tracers and mixing.</summary>
internal readonly struct NoRates(int species) : IRateSet<NoRates>
{
    private static readonly RatePattern Empty = new(0, []);

    public int SpeciesCount => species;

    public int ReactionCount => 0;

    public int ParameterCount => 0;

    public RatePattern Pattern => Empty;

    public double Parameter(int index) => throw new ArgumentOutOfRangeException(nameof(index));

    public NoRates With(ReadOnlySpan<double> parameters) => this;

    public void Rates(double temperature, ReadOnlySpan<double> concentrations, Span<double> rates) { }

    public void RatesLanes(
        Vector512<double> temperature, ReadOnlySpan<Vector512<double>> concentrations, ReadOnlySpan<Vector512<double>> parameters,
        Span<Vector512<double>> rates)
    {
    }

    public void ConcentrationDerivatives(double temperature, ReadOnlySpan<double> concentrations, Span<double> values) { }

    public void ConcentrationDerivativesLanes(
        Vector512<double> temperature, ReadOnlySpan<Vector512<double>> concentrations, ReadOnlySpan<Vector512<double>> parameters,
        Span<Vector512<double>> values)
    {
    }

    public void TemperatureDerivatives(double temperature, ReadOnlySpan<double> concentrations, Span<double> derivatives) { }

    public void ParameterDerivatives(double temperature, ReadOnlySpan<double> concentrations, Span<double> derivatives) { }
}
