using System.Runtime.Intrinsics;
using Athanor.Compute.Kinetics;
using Athanor.Compute.Numerics;
using Athanor.Compute.Problems;
using Athanor.Compute.Reactors.Flowsheets;

namespace Athanor.Compute.Tests.Reactors.Flowsheets;

/// <summary>A → B with k1 exp(-E/T), B → C with k2: by hand, so that these tests stand on the balances alone.</summary>
internal readonly struct TestRates(double k1, double activation, double k2) : IRateSet<TestRates>
{
    private static readonly RatePattern Places = new(2, [(0, 0), (1, 1)]);

    public static OdeParameter[] Names(double k1, double activation, double k2) =>
        [new("k1", "", k1), new("E", "K", activation), new("k2", "", k2)];

    public int SpeciesCount => 3;

    public int ReactionCount => 2;

    public int ParameterCount => 3;

    public RatePattern Pattern => Places;

    public double Parameter(int index) => index switch { 0 => k1, 1 => activation, _ => k2 };

    public TestRates With(ReadOnlySpan<double> parameters) => new(parameters[0], parameters[1], parameters[2]);

    public void Rates(double temperature, ReadOnlySpan<double> c, Span<double> rates)
    {
        rates[0] = k1 * DetMath.Exp(-activation / temperature) * c[0];
        rates[1] = k2 * c[1];
    }

    public void RatesLanes(
        Vector512<double> temperature, ReadOnlySpan<Vector512<double>> c, ReadOnlySpan<Vector512<double>> parameters,
        Span<Vector512<double>> rates)
    {
        rates[0] = parameters[0] * DetMath.Exp(-parameters[1] / temperature) * c[0];
        rates[1] = parameters[2] * c[1];
    }

    public void ConcentrationDerivatives(double temperature, ReadOnlySpan<double> c, Span<double> values)
    {
        values[0] = k1 * DetMath.Exp(-activation / temperature);
        values[1] = k2;
    }

    public void ConcentrationDerivativesLanes(
        Vector512<double> temperature, ReadOnlySpan<Vector512<double>> c, ReadOnlySpan<Vector512<double>> parameters,
        Span<Vector512<double>> values) => throw new NotSupportedException();

    public void TemperatureDerivatives(double temperature, ReadOnlySpan<double> c, Span<double> derivatives)
    {
        derivatives[0] = k1 * DetMath.Exp(-activation / temperature) * c[0] * activation / (temperature * temperature);
        derivatives[1] = 0.0;
    }

    public void ParameterDerivatives(double temperature, ReadOnlySpan<double> c, Span<double> derivatives)
    {
        derivatives.Clear();
        var unit = DetMath.Exp(-activation / temperature) * c[0];
        derivatives[0] = unit;
        derivatives[2] = -k1 * unit / temperature;
        derivatives[5] = c[1];
    }
}

/// <summary>Flowsheets of the tests.</summary>
internal static class Sheets
{
    public static readonly double[] Stoichiometry = [-1, 1, 0, 0, -1, 1];

    public static FlowsheetSpec Of(UnitSpec[] units, FeedSpec[]? feeds = null, LinkSpec[]? links = null, double end = 10) => new()
    {
        Name = "test",
        Species = [new("A", "mol/L"), new("B", "mol/L"), new("C", "mol/L")],
        Stoichiometry = [.. Stoichiometry],
        Enthalpies = [-5e4, -2e4],
        HeatCapacity = 239.0,
        Units = [.. units],
        Feeds = [.. feeds ?? []],
        Links = [.. links ?? []],
        TimeUnit = "min",
        VolumeUnit = "L",
        End = end,
    };

    public static UnitProblem Problem(FlowsheetSpec spec, double k1 = 7.2e10, double activation = 8750, double k2 = 0.05) =>
        Flowsheet.Problem(spec, new TestRates(k1, activation, k2), TestRates.Names(k1, activation, k2));

    public static FeedSpec Feed(string to, double flow, double a, double kelvin = 350) =>
        new("feed", to, Signal.Constant(flow), [Signal.Constant(a), Signal.Constant(0), Signal.Constant(0)], Signal.Constant(kelvin));

    /// <summary>Everything at once: a tank with a jacket and a tube with dispersion and heat, a recycle, a ramp and a step.</summary>
    public static UnitProblem Plant() => Problem(Of(
        [
            new TankSpec("tank", 100)
            {
                Initial = [0.5, 0.1, 0],
                Isothermal = false,
                Temperature = Signal.Constant(350),
                Cooling = new CoolingSpec(5e4, Signal.Ramp(300, 310, 1, 4), new JacketSpec(5e4, Signal.Constant(2e5), 305)),
            },
            new TubeSpec("tube", 2, 10)
            {
                Cells = 6,
                Dispersion = 0.05,
                Initial = [0.2, 0.3, 0.1],
                Isothermal = false,
                Temperature = Signal.Constant(360),
                Cooling = new CoolingSpec(300, Signal.Constant(320)),
            },
            new TankSpec("drum", 40) { Initial = [0.1, 0.1, 0.1], Temperature = Signal.Constant(330), Outflow = Signal.Constant(20) },
        ],
        [
            new("fresh", "tank", Signal.Steps(100, (2, 120)), [Signal.Constant(1), Signal.Constant(0), Signal.Constant(0)],
                Signal.Constant(350)),
            new("side", "tube", Signal.Constant(5), [Signal.Constant(0), Signal.Constant(1), Signal.Constant(0)], Signal.Constant(340)),
        ],
        [new("tank", "tube"), new("tube", "tank", 0.3), new("tube", "drum", 0.2)]));
}
