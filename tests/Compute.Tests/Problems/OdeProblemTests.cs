using Athanor.Compute.Ode;
using Athanor.Compute.Problems;

namespace Athanor.Compute.Tests.Problems;

public sealed class OdeProblemTests
{
    private static readonly double[] CstrEnd = [0.08137497337, 383.8460676];
    private static readonly double[] RobertsonEnd = [0.01786592114, 7.274751469e-08, 0.9821340061];

    [Fact]
    public void A_problem_solved_without_any_wish_runs_from_its_start_to_its_end()
    {
        var trajectory = TestProblems.Cstr.Solve(new OdeRequest());
        Assert.Equal((0.0, 10.0, 201), (trajectory.Times[0], trajectory.Times[^1], trajectory.Times.Length));
        Assert.Equal([0.5, 350], trajectory.At(0));
        AssertClose(CstrEnd, trajectory.End, 1e-4);
        Assert.Equal(OdeMethod.Tsit5, trajectory.Method);
    }

    [Fact]
    public void A_stiff_problem_is_ended_by_a_stiff_method_without_being_told()
    {
        var trajectory = TestProblems.Robertson.Solve(new OdeRequest { Times = [1e5] });
        AssertClose(RobertsonEnd, trajectory.End, 1e-5);
        Assert.Equal(OdeMethod.Rodas5P, trajectory.Method);
    }

    [Fact]
    public void Sensitivities_to_parameters_and_to_the_start_agree_with_differences()
    {
        var problem = TestProblems.Cstr;
        var options = new OdeOptions { RelativeTolerance = 1e-10, AbsoluteTolerance = 1e-12 };
        var request = new OdeRequest { Times = [0.5, 2], Options = options, SensitivityTo = [1, 3], ToInitial = true };
        var exact = problem.SolveSensitivities(request);
        foreach (var (k, position) in new[] { (1, 0), (3, 1) })
        {
            var plus = Shift(problem.NominalParameters, k, 1e-3);
            var minus = Shift(problem.NominalParameters, k, -1e-3);
            var (up, down) = (problem.Solve(request with { Parameters = plus }), problem.Solve(request with { Parameters = minus }));
            for (var i = 0; i < 2; i++) AssertClose((up[1, i] - down[1, i]) / 2e-3, exact.ToParameter(1, position, i), 1e-5);
        }
        for (var j = 0; j < 2; j++)
        {
            var h = j == 0 ? 1e-5 : 1e-3;
            var up = problem.Solve(request with { Initial = Shift(problem.NominalInitial, j, h) });
            var down = problem.Solve(request with { Initial = Shift(problem.NominalInitial, j, -h) });
            for (var i = 0; i < 2; i++) AssertClose((up[1, i] - down[1, i]) / (2 * h), exact.ToInitial![(((1 * 2) + j) * 2) + i], 1e-5);
        }
    }

    [Fact]
    public void A_request_that_does_not_fit_is_refused_with_the_names()
    {
        var problem = TestProblems.Cstr;
        Assert.Contains("has 5 parameters; 1 are given", Refused(new OdeRequest { Parameters = [1] }), StringComparison.Ordinal);
        Assert.Contains("parameter feed is NaN", Refused(new OdeRequest { Parameters = [300, double.NaN, 1, 100, 1] }), StringComparison.Ordinal);
        Assert.Contains("state T starts at", Refused(new OdeRequest { Initial = [1, double.PositiveInfinity] }), StringComparison.Ordinal);
        Assert.Contains(
            "no state D; it has C, T", Assert.Throws<ArgumentException>(() => problem.StateIndex("D")).Message, StringComparison.Ordinal);

        string Refused(OdeRequest request) => Assert.Throws<ArgumentException>(() => problem.Solve(request)).Message;
    }

    [Fact]
    public void A_solve_that_cannot_go_on_names_the_state()
    {
        var error = Assert.Throws<TooManyStepsException>(
            () => TestProblems.Robertson.Solve(new OdeRequest { Method = OdeMethod.Tsit5, Options = new OdeOptions { MaxSteps = 1000 } }));
        Assert.Contains("of test-robertson has the largest error", error.Message, StringComparison.Ordinal);
    }

    private static double[] Shift(double[] values, int index, double by)
    {
        values[index] += by;
        return values;
    }

    private static void AssertClose(ReadOnlySpan<double> expected, ReadOnlySpan<double> actual, double relative)
    {
        for (var i = 0; i < expected.Length; i++) AssertClose(expected[i], actual[i], relative);
    }

    private static void AssertClose(double expected, double actual, double relative) =>
        Assert.True(Math.Abs(actual - expected) <= relative * Math.Abs(expected), $"{actual:R}, not {expected:R}");
}
