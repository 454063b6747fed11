using Athanor.Compute.Benchmarks;
using Athanor.Compute.Ode;
using Athanor.Compute.Problems;

namespace Athanor.Compute.Tests.Problems;

public sealed class EventTests
{
    private static readonly OdeOptions Tight = new() { RelativeTolerance = 1e-11, AbsoluteTolerance = 1e-13 };

    [Theory]
    [InlineData(OdeMethod.Tsit5)]
    [InlineData(OdeMethod.Rodas5P)]
    [InlineData(OdeMethod.Auto)]
    public void The_peak_of_the_intermediate_of_consecutive_reactions_is_found_where_it_is(OdeMethod method)
    {
        // A -> B -> C from pure A: B peaks at ln(k2/k1) / (k2 - k1), with c0 (k1/k2)^(k2/(k2-k1)).
        var problem = Catalogue.Find("consecutive");
        var parameters = problem.NominalParameters;
        double k1 = parameters[problem.ParameterIndex("k1")], k2 = parameters[problem.ParameterIndex("k2")];
        var y0 = problem.NominalInitial;
        Assert.Equal(0.0, y0[1]);
        var dy = new double[problem.States.Length];
        var peak = new OdeEvent(
            "B peaks",
            (t, y) =>
            {
                problem.Rhs(t, y, parameters, dy);
                return dy[1];
            },
            EventDirection.Falling, Terminal: true);
        var trajectory = problem.Solve(new OdeRequest { Options = Tight, Method = method, Events = [peak] });
        var hit = Assert.Single(trajectory.Events);
        Assert.Equal(Math.Log(k2 / k1) / (k2 - k1), hit.Time, 1e-8 * hit.Time);
        Assert.Equal(y0[0] * Math.Pow(k1 / k2, k2 / (k2 - k1)), hit.States[1], 1e-9 * y0[0]);
        Assert.False(hit.Rising);
        Assert.Equal(hit.Time, trajectory.Times[^1]);
        Assert.Equal(hit.States[1], trajectory.End[1]);
        Assert.True(trajectory.Times.Length < OdeProblem.DefaultTimes);
    }

    [Fact]
    public void Directions_are_told_apart_and_crossings_alternate_on_a_limit_cycle()
    {
        var problem = Catalogue.Find("exothermic-cstr");
        OdeRequest Request(EventDirection direction) =>
            new() { Options = Tight, Events = [OdeEvent.Reaches(problem, "T", 380, direction)] };
        var both = problem.Solve(Request(EventDirection.Both)).Events;
        var rising = problem.Solve(Request(EventDirection.Rising)).Events;
        var falling = problem.Solve(Request(EventDirection.Falling)).Events;
        Assert.True(both.Length >= 3, $"{both.Length} crossings");
        Assert.Equal(both.Where(h => h.Rising).Select(h => h.Time), rising.Select(h => h.Time));
        Assert.Equal(both.Where(h => !h.Rising).Select(h => h.Time), falling.Select(h => h.Time));
        for (var i = 1; i < both.Length; i++) Assert.NotEqual(both[i - 1].Rising, both[i].Rising);
        Assert.All(both, h => Assert.Equal(380, h.States[1], 1e-9));
        // The trajectory itself passes there.
        var there = problem.Solve(new OdeRequest { Options = Tight with { HitOutputTimes = true }, Times = [both[0].Time, both[^1].Time] });
        Assert.Equal(380, there[0, 1], 1e-6);
        Assert.Equal(380, there[1, 1], 1e-6);
    }

    [Fact]
    public void Events_are_found_on_both_sides_of_the_change_to_a_stiff_method()
    {
        var problem = Catalogue.Find("robertson");
        var trajectory = problem.Solve(
            new OdeRequest { Times = [1e4], Events = [new OdeEvent("early", (t, _) => t - 1e-3), new OdeEvent("late", (t, _) => t - 5e3)] });
        Assert.Equal(OdeMethod.Rodas5P, trajectory.Method);
        Assert.Equal([1e-3, 5e3], trajectory.Events.Select(e => Math.Round(e.Time, 9)));
    }

    [Fact]
    public void Quadratures_agree_with_what_left_the_reactor()
    {
        // Batch A -> B -> C: the integral of k1 a is what A has lost, at every output.
        var problem = Catalogue.Find("consecutive");
        var k1 = problem.NominalParameters[problem.ParameterIndex("k1")];
        var trajectory = problem.Solve(
            new OdeRequest { Options = Tight, Quadratures = [new("converted", "mol/L", (_, y) => k1 * y[0]), new("time", "", (_, _) => 1.0)] });
        for (var row = 0; row < trajectory.Times.Length; row++)
        {
            Assert.Equal(trajectory[0, 0] - trajectory[row, 0], trajectory.Quadratures[2 * row], 1e-9);
            Assert.Equal(trajectory.Times[row] - trajectory.Times[0], trajectory.Quadratures[(2 * row) + 1], 1e-12 * problem.End);
        }
    }

    [Theory]
    [InlineData(OdeMethod.Tsit5)]
    [InlineData(OdeMethod.Rodas4)]
    [InlineData(OdeMethod.Rodas5P)]
    [InlineData(OdeMethod.Esdirk5)]
    [InlineData(OdeMethod.Auto)]
    public void Looking_for_events_changes_no_output_whether_steps_end_on_the_times_or_not(OdeMethod method)
    {
        var problem = Catalogue.Find("exothermic-cstr");
        foreach (var hit in new[] { false, true })
        {
            var request = new OdeRequest
            {
                Times = [0, 1.3, 1.3, 4.7, 10],
                Method = method,
                Options = problem.DefaultOptions with { HitOutputTimes = hit },
            };
            var plain = problem.Solve(request);
            var watched = problem.Solve(request with { Events = [OdeEvent.Reaches(problem, "T", 380)] });
            Assert.Equal(plain.Values, watched.Values);
            Assert.Equal(plain.Statistics, watched.Statistics);
            Assert.NotEmpty(watched.Events);
        }
    }

    [Theory]
    [InlineData(OdeMethod.Tsit5, 5)]
    [InlineData(OdeMethod.Rodas5P, 5)]
    [InlineData(OdeMethod.Rodas4, 4)]
    [InlineData(OdeMethod.Esdirk5, 5)]
    public void A_quadrature_is_of_the_order_of_its_method(OdeMethod method, int order)
    {
        // y1 = exp(-t), y2 from it: the integral of y1^2 over [0, 1] is (1 - exp(-2)) / 2. Fixed steps, the tolerance out of the way.
        var problem = Catalogue.Find("consecutive");
        var k1 = problem.NominalParameters[problem.ParameterIndex("k1")];
        var a0 = problem.NominalInitial[0];
        var span = 2.0 / k1;
        var exact = a0 * a0 * (1 - Math.Exp(-2.0 * k1 * span)) / (2.0 * k1);
        double Error(int steps)
        {
            var h = span / steps;
            var options = new OdeOptions { RelativeTolerance = 0.9, AbsoluteTolerance = 1e3, InitialStep = h, MaxStep = h };
            var request = new OdeRequest { Times = [span], Method = method, Options = options, Quadratures = [new("square", "", (_, y) => y[0] * y[0])] };
            return Math.Abs((problem.Solve(request).Quadratures[0] / exact) - 1);
        }
        int[] counts = [8, 16, 32];
        var errors = counts.Select(Error).ToArray();
        var slope = Math.Log(errors[0] / errors[2]) / Math.Log(4.0);
        Assert.True(slope > order - 0.4, $"{method}: errors {string.Join(", ", errors)}, order {slope}");
    }

    [Fact]
    public void An_event_that_is_NaN_is_named()
    {
        var error = Assert.Throws<ArgumentException>(
            () => Catalogue.Find("consecutive").Solve(new OdeRequest { Events = [new OdeEvent("log of nothing", (_, y) => Math.Log(y[0] - 0.5))] }));
        Assert.Contains("log of nothing is NaN at t = ", error.Message, StringComparison.Ordinal);
    }
}
