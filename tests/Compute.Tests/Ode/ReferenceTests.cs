using Athanor.Compute.Benchmarks;
using Athanor.Compute.Ode;
using Athanor.Compute.Reactors;

namespace Athanor.Compute.Tests.Ode;

public sealed class ReferenceTests
{
    // Final states by an independent implicit code of order 5 at a relative tolerance of 1e-12.
    private static readonly double[] CstrEnd = [0.08137497337, 383.8460676];
    private static readonly double[] VanDeVusseEnd = [3, 1.11702128];
    private static readonly double[] KlattEngellEnd = [2.140209157, 1.090303894, 114.1910974, 112.9066083];
    private static readonly double[] RobertsonEnd = [0.01786592114, 7.274751469e-08, 0.9821340061];

    private static readonly OdeOptions Tight = new() { RelativeTolerance = 1e-11, AbsoluteTolerance = 1e-13 };

    [Fact]
    public void The_limit_cycle_of_the_CSTR_ends_where_the_reference_does_by_both_methods()
    {
        var model = new Cstr(305, 350);
        AssertClose(CstrEnd, Explicit(model, [0.5, 350], 10, Tight), 5e-9);
        AssertClose(CstrEnd, Stiff(model, [0.5, 350], 10, Tight), 5e-8);
    }

    [Fact]
    public void Van_de_Vusse_ends_where_the_reference_does_by_both_methods()
    {
        AssertClose(VanDeVusseEnd, Explicit(new VanDeVusse(), [10, 0], 10, Tight), 1e-8);
        AssertClose(VanDeVusseEnd, Stiff(new VanDeVusse(), [10, 0], 10, Tight), 1e-8);
    }

    [Fact]
    public void Klatt_and_Engells_reactor_ends_where_the_reference_does_by_both_methods()
    {
        AssertClose(KlattEngellEnd, Explicit(new KlattEngell(), [5.1, 0, 104.9, 104.9], 1, Tight), 1e-9);
        AssertClose(KlattEngellEnd, Stiff(new KlattEngell(), [5.1, 0, 104.9, 104.9], 1, Tight), 1e-9);
    }

    [Fact]
    public void Robertson_ends_where_the_reference_does() =>
        AssertClose(RobertsonEnd, Stiff(new Robertson(), Starts.Robertson, 1e5, Tight with { AbsoluteTolerance = 1e-15 }), 1e-8);

    [Theory]
    [InlineData(1e-4)]
    [InlineData(1e-6)]
    [InlineData(1e-8)]
    public void Tighter_tolerances_give_smaller_errors_in_proportion(double rtol)
    {
        var options = new OdeOptions { RelativeTolerance = rtol, AbsoluteTolerance = rtol * 1e-3 };
        AssertClose(CstrEnd, Explicit(new Cstr(305, 350), [0.5, 350], 10, options), 60 * rtol);
        AssertClose(KlattEngellEnd, Explicit(new KlattEngell(), [5.1, 0, 104.9, 104.9], 1, options), 10 * rtol);
        AssertClose(RobertsonEnd, Stiff(new Robertson(), Starts.Robertson, 1e5, options with { AbsoluteTolerance = rtol * 1e-6 }), 10 * rtol);
    }

    [Fact]
    public void Van_der_Pols_equation_of_the_IVP_test_set_is_met_to_six_digits() => AssertDigits(
        6, [1.706167732170469, -0.0008928097010248125], rtol => Stiff(new VanDerPol(), [2, 0], 2000, rtol));

    [Fact]
    public void The_Oregonator_of_the_IVP_test_set_is_met_to_six_digits() => AssertDigits(
        6, [1.000814870318523, 1228.178521549917, 132.0554942846706], rtol => Stiff(new Oregonator(), [1, 2, 3], 360, rtol));

    [Fact]
    public void Hires_of_the_IVP_test_set_is_met_to_six_digits() => AssertDigits(
        6,
        [
            0.0007371312573325668, 0.0001442485726316185, 5.888729740967575e-05, 0.001175651343283149,
            0.002386356198831331, 0.006238968252742796, 0.002849998395185769, 0.002850001604814231,
        ],
        rtol => Stiff(new Hires(), [1, 0, 0, 0, 0, 0, 0, 0.0057], 321.8122, rtol with { AbsoluteTolerance = 1e-12 }));

    [Fact]
    public void Robertson_to_1e11_of_the_IVP_test_set_is_met_to_six_digits() => AssertDigits(
        6, [2.083340149701255e-08, 8.333360770334713e-14, 0.999999979166505],
        rtol => Stiff(new Robertson(), Starts.Robertson, 1e11, rtol with { AbsoluteTolerance = 1e-18 }));

    [Fact]
    public void The_reactor_warms_when_it_reacts()
    {
        // Adiabatic but for a coolant at its own temperature: any reaction must raise the temperature.
        var model = new Cstr(350, 350);
        var slope = new double[2];
        model.Rhs(0, [1, 350], slope);
        Assert.True(slope[0] < 0 && slope[1] > 0, $"dC/dt {slope[0]}, dT/dt {slope[1]}");
    }

    private static double[] Explicit<T>(T model, double[] start, double end, OdeOptions options)
        where T : struct, IOdeModel
    {
        var output = new double[start.Length];
        Tsit5.Solve(model, 0, start, [end], output, options);
        return output;
    }

    private static double[] Stiff<T>(T model, double[] start, double end, OdeOptions options)
        where T : struct, IStiffOdeModel
    {
        var output = new double[start.Length];
        Rodas4.Solve(model, 0, start, [end], output, options);
        return output;
    }

    /// <summary>References and measure of the IVP test set (F. Mazzia and C. Magherini, University of Bari), at rtol 1e-7:
    /// mescd = min_i -log10(|y_i - ref_i| / (atol / rtol + |ref_i|)), here with atol / rtol = 0: relative digits of every
    /// component.</summary>
    private static void AssertDigits(double digits, double[] reference, Func<OdeOptions, double[]> solve)
    {
        var y = solve(new OdeOptions { RelativeTolerance = 1e-7, AbsoluteTolerance = 1e-11 });
        var mescd = y.Select((v, i) => -Math.Log10(Math.Max(Math.Abs(v - reference[i]), 1e-300) / Math.Abs(reference[i]))).Min();
        Assert.True(mescd >= digits, $"{mescd:F2} digits, {digits} wanted");
    }

    private static void AssertClose(double[] expected, double[] actual, double relative)
    {
        for (var i = 0; i < expected.Length; i++)
        {
            var error = Math.Abs(actual[i] - expected[i]) / Math.Abs(expected[i]);
            Assert.True(error <= relative, $"component {i}: {actual[i]:R}, not {expected[i]:R}; relative error {error:E1} > {relative:E1}");
        }
    }
}
