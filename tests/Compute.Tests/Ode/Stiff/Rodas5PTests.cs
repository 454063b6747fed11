using Athanor.Compute.Ode;

namespace Athanor.Compute.Tests.Ode.Stiff;

public sealed class Rodas5PTests
{
    private const double End = 1.5;

    [Fact]
    public void Rodas5P_is_of_order_five_on_a_problem_that_depends_on_time() => Assert.InRange(Order(Error), 4.6, 5.7);

    [Fact]
    public void Its_continuous_extension_is_of_order_four() => Assert.InRange(Order(Dense), 3.7, 5.3);

    private static OdeOptions Fixed(double h) => new() { RelativeTolerance = 0.5, AbsoluteTolerance = 0.5, InitialStep = h, MaxStep = h };

    private static double Error(double h)
    {
        var model = new Driven(0.8);
        var output = new double[2];
        Rodas5P.Solve(model, 0, Driven.Start, [End], output, Fixed(h));
        var exact = model.Exact(End);
        return Math.Max(Math.Abs(output[0] - exact[0]), Math.Abs(output[1] - exact[1]));
    }

    private static double Dense(double h)
    {
        var model = new Driven(0.8);
        var times = Enumerable.Range(1, 101).Select(i => i * End / 101).ToArray();
        var output = new double[2 * times.Length];
        Rodas5P.Solve(model, 0, Driven.Start, times, output, Fixed(h));
        return times.Select((t, i) => Math.Abs(output[2 * i] - model.Exact(t)[0])).Max();
    }

    /// <summary>Slope of log error over log step between 1/16 and 1/64 of the way.</summary>
    private static double Order(Func<double, double> error) => Math.Log2(error(End / 16) / error(End / 64)) / 2;
}
