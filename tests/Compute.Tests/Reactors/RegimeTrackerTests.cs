using Athanor.Compute.Reactors;

namespace Athanor.Compute.Tests.Reactors;

public sealed class RegimeTrackerTests
{
    [Fact]
    public void Without_ignition_it_is_quiet() => Assert.Equal(ReactorRegime.Quiet, Track((10, 340), (20, 330), (60, 335)));

    [Fact]
    public void One_ignition_that_burns_off_dies() => Assert.Equal(ReactorRegime.IgnitesOnceAndDies, Track((10, 460), (15, 330), (60, 335)));

    [Fact]
    public void Rest_on_the_hot_branch_burns_steadily() => Assert.Equal(ReactorRegime.BurningSteadily, Track((10, 480), (12, 375), (13, 388), (60, 381)));

    [Fact]
    public void Ripples_below_five_kelvin_are_no_oscillation() =>
        Assert.Equal(ReactorRegime.BurningSteadily, Track((2, 480), (4, 375), (41, 382), (43, 378), (45, 382), (47, 378), (60, 380)));

    [Fact]
    public void Swings_of_lasting_height_in_the_last_third_are_a_sustained_oscillation() =>
        Assert.Equal(ReactorRegime.SustainedOscillation, Track((2, 480), (4, 365), (41, 395), (43, 365), (45, 395), (47, 365), (60, 380)));

    [Fact]
    public void Swings_that_lose_a_fifth_of_their_height_are_dying() =>
        Assert.Equal(ReactorRegime.BurningSteadily, Track((2, 480), (4, 365), (41, 395), (43, 372), (45, 388), (47, 377), (50, 386), (53, 379), (60, 380)));

    [Fact]
    public void Two_ignitions_of_which_one_is_in_the_last_third_are_a_sustained_oscillation() =>
        Assert.Equal(ReactorRegime.SustainedOscillation, Track((5, 465), (9, 330), (45, 465), (50, 330), (60, 335)));

    [Fact]
    public void Two_early_ignitions_that_end_cold_have_died() =>
        Assert.Equal(ReactorRegime.IgnitesOnceAndDies, Track((5, 465), (9, 330), (15, 465), (20, 330), (60, 335)));

    [Fact]
    public void The_peak_is_the_highest_point_shown()
    {
        var tracker = new RegimeTracker(324.5, 60);
        tracker.Turn(3, 466.25);
        tracker.End(330);
        Assert.Equal(466.25, tracker.Peak);
    }

    private static ReactorRegime Track(params (double Minutes, double K)[] turns)
    {
        var tracker = new RegimeTracker(324.5, 60);
        foreach (var (minutes, kelvin) in turns[..^1]) tracker.Turn(minutes, kelvin);
        tracker.End(turns[^1].K);
        return tracker.Regime;
    }
}
