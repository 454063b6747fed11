using Athanor.Compute.Ode;

namespace Athanor.Compute.Tests.Ode;

public sealed class ConvergenceTests
{
    private const double End = 1.5;

    [Fact]
    public void Tsit5_is_of_order_five() => Assert.InRange(Order(h => Error(h, Explicit)), 4.7, 5.6);

    [Fact]
    public void The_continuous_extension_of_Tsit5_is_of_order_four() => Assert.InRange(Order(h => Dense(h, Explicit)), 3.7, 5.3);

    [Fact]
    public void Rodas4_is_of_order_four_on_a_problem_that_depends_on_time() => Assert.InRange(Order(h => Error(h, Stiff)), 3.7, 4.6);

    [Fact]
    public void The_continuous_extension_of_Rodas4_is_of_order_three() => Assert.InRange(Order(h => Dense(h, Stiff)), 2.7, 4.4);

    [Fact]
    public void Sensitivities_by_Tsit5_are_of_order_five() =>
        Assert.InRange(Order(h => SensitivityError(h, stiff: false)), 4.7, 5.6);

    [Fact]
    public void Sensitivities_by_Esdirk5_are_of_order_five() => Assert.InRange(Order(h => SensitivityError(h, stiff: true)), 4.6, 5.6);

    private delegate void Solver(in Driven model, double[] times, double[] output, in OdeOptions options);

    private static void Explicit(in Driven model, double[] times, double[] output, in OdeOptions options) =>
        Tsit5.Solve(model, 0, Driven.Start, times, output, options);

    private static void Stiff(in Driven model, double[] times, double[] output, in OdeOptions options) =>
        Rodas4.Solve(model, 0, Driven.Start, times, output, options);

    private static OdeOptions Fixed(double h) => new() { RelativeTolerance = 0.5, AbsoluteTolerance = 0.5, InitialStep = h, MaxStep = h };

    private static double Error(double h, Solver solve)
    {
        var model = new Driven(0.8);
        var output = new double[2];
        solve(model, [End], output, Fixed(h));
        var exact = model.Exact(End);
        return Math.Max(Math.Abs(output[0] - exact[0]), Math.Abs(output[1] - exact[1]));
    }

    private static double Dense(double h, Solver solve)
    {
        var model = new Driven(0.8);
        var times = Enumerable.Range(1, 101).Select(i => i * End / 101).ToArray();
        var output = new double[2 * times.Length];
        solve(model, times, output, Fixed(h));
        return times.Select((t, i) => Math.Abs(output[2 * i] - model.Exact(t)[0])).Max();
    }

    private static double SensitivityError(double h, bool stiff)
    {
        var model = new Driven(0.8);
        var output = new double[4];
        // An implicit method's iterations follow the tolerance, so it must be below the error that is measured.
        var tight = Fixed(h) with { RelativeTolerance = 1e-13, AbsoluteTolerance = 1e-6 };
        if (stiff) SensitivitySolver.Stiff(model, false, 0, Driven.Start, [], [End], output, tight);
        else SensitivitySolver.Explicit(model, false, 0, Driven.Start, [], [End], output, Fixed(h));
        return Math.Abs(output[2] - model.ExactSensitivity(End)[0]);
    }

    /// <summary>Slope of log error over log step between 1/32 and 1/128 of the way.</summary>
    private static double Order(Func<double, double> error) => Math.Log2(error(End / 32) / error(End / 128)) / 2;
}
