using Athanor.Compute.Benchmarks;
using Athanor.Compute.Ode;
using Athanor.Compute.Reactors;

namespace Athanor.Compute.Tests.Ode;

public sealed class SensitivityTests
{
    private static readonly OdeOptions Tight = new() { RelativeTolerance = 1e-9, AbsoluteTolerance = 1e-12 };

    [Fact]
    public void Sensitivities_of_the_CSTR_agree_with_differences_by_both_methods()
    {
        var exact = new double[12];
        var stiff = new double[12];
        SensitivitySolver.Explicit(new Cstr(300, 350), logarithmic: false, 0, [0.8776, 324.5], [], [2], exact, Tight);
        SensitivitySolver.Stiff(new Cstr(300, 350), logarithmic: false, 0, [0.8776, 324.5], [], [2], stiff, Tight);
        for (var i = 0; i < 10; i++) AssertClose(exact[2 + i], stiff[2 + i], 1e-6);
        // To the coolant, the feed and the flow, by central differences of tight solves.
        foreach (var (offset, solve) in new (int, Func<double, Cstr>)[] { (2, d => new Cstr(300 + d, 350)), (4, d => new Cstr(300, 350 + d)), (8, d => new Cstr(300, 350, 1, 100 + d)) })
        {
            const double Step = 1e-3;
            var plus = Solve(solve(Step));
            var minus = Solve(solve(-Step));
            for (var i = 0; i < 2; i++) AssertClose((plus[i] - minus[i]) / (2 * Step), exact[offset + i], 1e-5);
        }
    }

    [Fact]
    public void Logarithmic_sensitivities_are_the_plain_ones_times_the_parameter()
    {
        var plain = new double[12];
        var logarithmic = new double[12];
        SensitivitySolver.Stiff(new Robertson(), logarithmic: false, 0, Starts.Robertson, [], [40], plain, Tight with { AbsoluteTolerance = 1e-14 });
        SensitivitySolver.Stiff(new Robertson(), logarithmic: true, 0, Starts.Robertson, [], [40], logarithmic, Tight with { AbsoluteTolerance = 1e-14 });
        for (var k = 0; k < 3; k++)
        {
            for (var i = 0; i < 3; i++)
                AssertClose(plain[3 + (3 * k) + i] * new Robertson().Parameter(k), logarithmic[3 + (3 * k) + i], 1e-6);
        }
    }

    [Fact]
    public void Robertsons_sensitivities_agree_with_differences_and_keep_the_balance()
    {
        var z = new double[12];
        var options = new OdeOptions { RelativeTolerance = 1e-10, AbsoluteTolerance = 1e-15 };
        SensitivitySolver.Stiff(new Robertson(), logarithmic: true, 0, Starts.Robertson, [], [4e3], z, options);
        for (var k = 0; k < 3; k++)
        {
            Assert.InRange(z[3 + (3 * k)] + z[4 + (3 * k)] + z[5 + (3 * k)], -1e-11, 1e-11);
            var plus = Robertson4000(k, 1e-4);
            var minus = Robertson4000(k, -1e-4);
            for (var i = 0; i < 3; i++) AssertClose((plus[i] - minus[i]) / 2e-4, z[3 + (3 * k) + i], 1e-5);
        }

        double[] Robertson4000(int parameter, double shift)
        {
            var f = Math.Exp(shift);
            var output = new double[3];
            var model = new Robertson(parameter == 0 ? 0.04 * f : 0.04, parameter == 1 ? 3e7 * f : 3e7, parameter == 2 ? 1e4 * f : 1e4);
            Rodas4.Solve(model, 0, Starts.Robertson, [4e3], output, options);
            return output;
        }
    }

    [Fact]
    public void The_error_of_the_sensitivities_is_controlled_as_that_of_the_state()
    {
        var reference = Sensitivity(1e-12);
        foreach (var rtol in new[] { 1e-4, 1e-6, 1e-8 })
        {
            var z = Sensitivity(rtol);
            for (var i = 0; i < z.Length; i++) AssertClose(reference[i], z[i], 300 * rtol);
        }

        static double[] Sensitivity(double rtol)
        {
            var output = new double[12];
            var options = new OdeOptions { RelativeTolerance = rtol, AbsoluteTolerance = rtol * 1e-6 };
            SensitivitySolver.Explicit(new Cstr(305, 350), logarithmic: true, 0, [0.5, 350], [], [1.5], output, options);
            return output;
        }
    }

    private static double[] Solve(Cstr model)
    {
        var output = new double[2];
        Tsit5.Solve(model, 0, [0.8776, 324.5], [2], output, new OdeOptions { RelativeTolerance = 1e-12, AbsoluteTolerance = 1e-14 });
        return output;
    }

    private static void AssertClose(double expected, double actual, double relative) =>
        Assert.True(
            Math.Abs(actual - expected) <= relative * Math.Max(Math.Abs(expected), 1e-9), $"{actual:R}, not {expected:R}");
}
