using Athanor.Compute.Reactors.Flowsheets;
using Athanor.Compute.Reactors.Residence;

namespace Athanor.Compute.Tests.Reactors.Flowsheets;

public sealed class ResidenceTimeTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(10)]
    public void Tanks_in_series_have_the_closed_form_s_curve_and_moments(int tanks)
    {
        const double Tau = 4.0;
        var measured = ResidenceTime.Measure(Series(tanks, Tau));
        Assert.Equal(Tau, measured.Mean, 1e-6);
        Assert.Equal(Tau * Tau / tanks, measured.Variance, 1e-5);
        Assert.Equal(measured.ExactMean, measured.Mean, 1e-6);
        Assert.Equal(measured.ExactVariance, measured.Variance, 1e-5);
        Assert.Equal(tanks, measured.TanksInSeries, 1e-4);
        // E = N/τ (N t/τ)^(N-1) exp(-N t/τ) / (N-1)!
        for (var i = 1; i < measured.Times.Length; i += 20)
        {
            var x = tanks * measured.Times[i] / Tau;
            var e = tanks / Tau * Math.Exp(-x);
            for (var k = 1; k < tanks; k++) e *= x / k;
            Assert.Equal(e, measured.Pulse[i], 1e-6);
        }
    }

    /// <summary>Levenspiel, chapter 13: σ²/τ² = 2/Pe - 2/Pe² (1 - exp(-Pe)) for closed ends.</summary>
    [Theory]
    [InlineData(2.0)]
    [InlineData(20.0)]
    public void A_tube_with_dispersion_has_the_closed_form_s_moments(double peclet)
    {
        // 1 m, 1 m², 0.5 m³/s: u = 0.5 m/s, τ = 2 s.
        var measured = ResidenceTime.Measure(Tube(100, 0.5 / peclet));
        Assert.Equal(2.0, measured.Mean, 1e-6);
        var exact = 4 * ((2 / peclet) - (2 / (peclet * peclet) * (1 - Math.Exp(-peclet))));
        Assert.Equal(exact, measured.ExactVariance, 1e-9);
        Assert.Equal(exact, measured.Variance, 5e-3 * exact);
        Assert.Equal(1 / peclet, measured.DispersionNumber, 6e-3 / peclet);
    }

    [Fact]
    public void A_tube_without_dispersion_spreads_far_less_than_upwind_would()
    {
        var measured = ResidenceTime.Measure(Tube(60, 0));
        Assert.Equal(2.0, measured.Mean, 1e-6);
        Assert.Equal(0.0, measured.ExactVariance);
        // First-order upwind is 60 tanks in series: variance τ²/60.
        Assert.InRange(measured.Variance, 0, 0.25 * 4 / 60);
        Assert.True(measured.Step.Max() <= 1 + 1e-7 && measured.Step.Min() >= -1e-7);
    }

    /// <summary>A recycle does not change the mean V/Q; the moments are those of the units' transfer functions.</summary>
    [Fact]
    public void A_recycle_keeps_the_mean_and_has_the_moments_of_the_transfer_functions()
    {
        var spec = Series(2, 4) with { Links = [new("t1", "t2"), new("t2", "t1", 0.5)] };
        var measured = ResidenceTime.Measure(spec);
        Assert.Equal(4.0, measured.Mean, 1e-6);
        // Two tanks of τ = 1 each pass, half goes back: H = 0.5 G/(1 - 0.5 G) with G = 1/(1 + s)², which is 1/(1 + 4s + 2s²).
        Assert.Equal(12.0, measured.ExactVariance, 1e-9);
        Assert.Equal(12.0, measured.Variance, 1e-4);
        Assert.True(measured.Remainder < 1e-9);
    }

    [Fact]
    public void What_has_no_residence_time_is_refused_by_name()
    {
        void Refused(string part, FlowsheetSpec spec, string? unit = null) =>
            Assert.Contains(part, Assert.Throws<ArgumentException>(() => ResidenceTime.Measure(spec, null, unit)).Message,
                StringComparison.Ordinal);
        Refused("has no feed", Series(1, 1) with { Feeds = [] });
        Refused("no unit 'x'", Series(1, 1), "x");
        Refused("changes with time", Series(1, 1) with { Feeds = [Sheets.Feed("t1", 1, 1) with { Flow = Signal.Steps(1, (2, 3)) }] });
        Refused("nothing flows through unit 't1'", Series(1, 1) with { Feeds = [Sheets.Feed("t1", 0, 1)] });
    }

    private static FlowsheetSpec Series(int tanks, double tau) => Sheets.Of(
        [.. Enumerable.Range(1, tanks).Select(i => new TankSpec($"t{i}", 10.0 * tau / tanks))], [Sheets.Feed("t1", 10, 1)],
        [.. Enumerable.Range(1, tanks - 1).Select(i => new LinkSpec($"t{i}", $"t{i + 1}"))]);

    private static FlowsheetSpec Tube(int cells, double dispersion) =>
        Sheets.Of([new TubeSpec("tube", 1, 1) { Cells = cells, Dispersion = dispersion }], [Sheets.Feed("tube", 0.5, 1)]);
}
