using Athanor.Compute.Faults.Protocols;
using Athanor.Tests;
using Xunit.Abstractions;

namespace Compute.Tests.Faults;

/// <summary>SKAB's measured runs. GPL-3.0: they are not shipped, and without ../shared/data these tests say so and do nothing.</summary>
public sealed class SkabTests(ITestOutputHelper output)
{
    [Fact]
    public void Untuned_t2_and_q_score_as_published_for_these_runs()
    {
        if (Protocol() is not { } protocol) return;
        var score = protocol.T2AndQ();
        output.WriteLine($"F1 {score.F1:0.000}, false alarms {score.FalseAlarmRate:P1}, missed {score.MissRate:P1}");
        Assert.InRange(score.F1, 0.54, 0.58);
        Assert.InRange(score.FalseAlarmRate, 0.188, 0.208);
        Assert.InRange(score.MissRate, 0.528, 0.548);
    }

    [Fact]
    public void The_discriminant_finds_anomalies_in_runs_that_it_never_saw()
    {
        if (Protocol() is not { } protocol) return;
        var score = SkabProtocol.Sum(protocol.LeaveOut().Select(c => c.Score));
        var kinds = SkabProtocol.Sum(protocol.LeaveOut(name => name.Split('/')[0]).Select(c => c.Score));
        output.WriteLine($"runs held out: F1 {score.F1:0.000}, false alarms {score.FalseAlarmRate:P1}; kinds held out: {kinds.F1:0.000}, {kinds.FalseAlarmRate:P1}");
        Assert.InRange(score.F1, 0.70, 1.0);
        Assert.InRange(score.FalseAlarmRate, 0.0, 0.15);
    }

    [Fact]
    public void An_alarm_always_and_a_clock_score_what_they_are_held_against()
    {
        if (Protocol() is not { } protocol) return;
        Assert.Equal(0.69, protocol.Always().F1, 0.005);
        Assert.Equal(0.92, protocol.Clock(570, 975).F1, 0.005);
    }

    [Fact]
    public void No_feature_tells_the_row_number()
    {
        if (Protocol() is not { } protocol) return;
        var (feature, correlation) = protocol.ClockInFeatures(20);
        output.WriteLine($"{feature}: {correlation:0.00}");
        Assert.InRange(Math.Abs(correlation), 0.0, 0.5);
        Assert.DoesNotContain(SkabProtocol.FeatureNames, name => name.Contains("Temperature") || name.Contains("Thermocouple"));
    }

    private SkabProtocol? Protocol()
    {
        if (SharedData.Find("skab") is { } folder) return new SkabProtocol(SkabData.Read(folder));
        output.WriteLine(SharedData.Skipped);
        return null;
    }
}
