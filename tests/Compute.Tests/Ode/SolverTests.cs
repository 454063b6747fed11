using Athanor.Compute.Benchmarks;
using Athanor.Compute.Ode;
using Athanor.Compute.Reactors;

namespace Athanor.Compute.Tests.Ode;

public sealed class SolverTests
{
    [Fact]
    public void A_singularity_is_reported_with_time_and_component()
    {
        var error = Assert.Throws<StepSizeTooSmallException>(
            () => Tsit5.Solve(new BlowUp(), 0, [0, 2], [1], new double[2], new OdeOptions()));
        Assert.Equal(1, error.Component);
        Assert.InRange(error.Time, 0.49, 0.51);
        Assert.Contains("component 1", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_model_that_gives_NaN_is_reported_with_time_and_component()
    {
        var error = Assert.Throws<NonFiniteException>(() => Tsit5.Solve(new NotANumber(), 0, [0, 0], [2], new double[2], new OdeOptions()));
        Assert.Equal(1, error.Component);
        Assert.InRange(error.Time, 0.5, 1.0);
        error = Assert.Throws<NonFiniteException>(() => Tsit5.Solve(new NotANumber(), 1.5, [0, 0], [2], new double[2], new OdeOptions()));
        Assert.Equal((1.5, 1), (error.Time, error.Component));
    }

    [Fact]
    public void A_stiff_problem_ends_the_explicit_method_at_its_limit_of_steps()
    {
        var error = Assert.Throws<TooManyStepsException>(
            () => Tsit5.Solve(new Robertson(), 0, Starts.Robertson, [1e5], new double[3], new OdeOptions { MaxSteps = 1000 }));
        Assert.Contains("1000 steps", error.Message, StringComparison.Ordinal);
        Assert.True(error.Time is > 0 and < 1e3);
        // Robertson's fastest rate is about 2e3 per unit of time once the intermediate is at its level.
        Assert.InRange(error.FastestRate, 1e2, 1e5);
        Assert.Contains("the problem is stiff", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Absolute_tolerances_are_taken_by_component()
    {
        var options = new OdeOptions { RelativeTolerance = 1e-6, AbsoluteTolerance = 1e-9 };
        Assert.Equal(End(options), End(options with { AbsoluteTolerances = [1e-9, 1e-9] }));
        // A loose one lets its component go as far as the other allows.
        var loose = Tsit5.Solve(new Cstr(305, 350), 0, [0.5, 350], [10], new double[2], options with { AbsoluteTolerances = [1e3, 1e3] });
        var half = Tsit5.Solve(new Cstr(305, 350), 0, [0.5, 350], [10], new double[2], options with { AbsoluteTolerances = [1e3, 1e-9] });
        var full = Tsit5.Solve(new Cstr(305, 350), 0, [0.5, 350], [10], new double[2], options);
        Assert.True(loose.Accepted < half.Accepted && half.Accepted < full.Accepted, $"{loose.Accepted}, {half.Accepted}, {full.Accepted}");
        var error = Assert.Throws<ArgumentException>(() => End(options with { AbsoluteTolerances = [1, 1, 1] }));
        Assert.Contains("3 absolute tolerances where the model has 2 components", error.Message, StringComparison.Ordinal);

        static double[] End(OdeOptions options)
        {
            var end = new double[2];
            Tsit5.Solve(new Cstr(305, 350), 0, [0.5, 350], [10], end, options);
            return end;
        }
    }

    [Fact]
    public void Bad_arguments_are_refused_before_anything_is_solved()
    {
        Assert.Contains("3 components where the model has 2", Message(() => Tsit5.Solve(new Cstr(300, 350), 0, [1, 2, 3], [1], new double[2], new OdeOptions())), StringComparison.Ordinal);
        Assert.Contains("finite", Message(() => Tsit5.Solve(new Cstr(300, 350), 0, [1, double.NaN], [1], new double[2], new OdeOptions())), StringComparison.Ordinal);
        Assert.Contains("must be finite and not fall", Message(() => Tsit5.Solve(new Cstr(300, 350), 0, [1, 350], [2, 1], new double[4], new OdeOptions())), StringComparison.Ordinal);
        Assert.Contains("relative tolerance", Message(() => Tsit5.Solve(new Cstr(300, 350), 0, [1, 350], [2], new double[2], new OdeOptions { RelativeTolerance = 0 })), StringComparison.Ordinal);

        static string Message(Action solve) => Assert.Throws<ArgumentException>(solve).Message;
    }

    [Fact]
    public void Output_times_hit_exactly_equal_the_interpolated_ones_to_the_tolerance()
    {
        double[] times = [0, 0.3, 0.3, 1.1, 2, 5];
        var dense = new double[12];
        var hit = new double[12];
        var options = new OdeOptions { RelativeTolerance = 1e-9, AbsoluteTolerance = 1e-11 };
        Tsit5.Solve(new Cstr(305, 350), 0, [0.5, 350], times, dense, options);
        Tsit5.Solve(new Cstr(305, 350), 0, [0.5, 350], times, hit, options with { HitOutputTimes = true });
        Assert.Equal([0.5, 350], hit[..2]);
        Assert.Equal(hit[2..4], hit[4..6]);
        for (var i = 0; i < 12; i++) Assert.InRange(dense[i] / hit[i], 1 - 1e-6, 1 + 1e-6);
    }

    [Theory]
    [InlineData(1e-8, -0.14)]
    [InlineData(0.3, 0.2)]
    [InlineData(1e4, -0.2)]
    [InlineData(1.0, 0.08)]
    public void The_controllers_power_is_a_power(double x, double e) =>
        Assert.InRange(StepControl.Exp2(StepControl.Log2(x) * e) / Math.Pow(x, e), 1 - 1e-5, 1 + 1e-5);
}
