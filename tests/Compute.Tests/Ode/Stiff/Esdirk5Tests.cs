using Athanor.Compute.Ode;

namespace Athanor.Compute.Tests.Ode.Stiff;

public sealed class Esdirk5Tests
{
    private const double End = 1.5;

    [Fact]
    public void Esdirk5_is_of_order_five_on_a_problem_that_depends_on_time() => Assert.InRange(Order(Error), 4.6, 5.7);

    [Fact]
    public void Its_continuous_extension_is_of_order_five() => Assert.InRange(Order(Dense), 4.3, 6.2);

    [Fact]
    public void The_tableau_meets_the_row_sums_and_the_quadrature_conditions_to_order_five()
    {
        for (var s = 1; s < 8; s++) Assert.InRange(Esdirk5.A[s].Sum() + Esdirk5.Gamma - Esdirk5.C[s], -1e-14, 1e-14);
        double[] b = [.. Esdirk5.A[7], Esdirk5.Gamma];
        for (var q = 0; q < 5; q++)
        {
            Assert.InRange(b.Select((w, i) => w * Math.Pow(Esdirk5.C[i], q)).Sum() - (1.0 / (q + 1)), -1e-14, 1e-14);
            // The embedded method is of order 4, so the difference of the weights vanishes up to q = 3 and not at q = 4.
            var difference = Esdirk5.E.Select((w, i) => w * Math.Pow(Esdirk5.C[i], q)).Sum();
            Assert.True(q < 4 ? Math.Abs(difference) < 1e-14 : Math.Abs(difference) > 1e-5, $"q = {q}: {difference:E2}");
        }
    }

    /// <summary>Steps of one length that are always accepted, with Newton's method (whose tolerance follows the error's) converged far
    /// below the error of the step.</summary>
    private static OdeOptions Fixed(double h) => new() { RelativeTolerance = 1e-13, AbsoluteTolerance = 1e-6, InitialStep = h, MaxStep = h };

    private static double Error(double h)
    {
        var model = new Driven(0.8);
        var output = new double[2];
        Esdirk5.Solve(model, 0, Driven.Start, [End], output, Fixed(h));
        var exact = model.Exact(End);
        return Math.Max(Math.Abs(output[0] - exact[0]), Math.Abs(output[1] - exact[1]));
    }

    private static double Dense(double h)
    {
        var model = new Driven(0.8);
        var times = Enumerable.Range(1, 101).Select(i => i * End / 101).ToArray();
        var output = new double[2 * times.Length];
        Esdirk5.Solve(model, 0, Driven.Start, times, output, Fixed(h));
        return times.Select((t, i) => t < 0.1 ? 0.0 : Math.Abs(output[2 * i] - model.Exact(t)[0])).Max();
    }

    /// <summary>Slope of log error over log step between 1/32 and 1/128 of the way.</summary>
    private static double Order(Func<double, double> error) => Math.Log2(error(End / 32) / error(End / 128)) / 2;
}
