using System.Runtime.Intrinsics;
using Athanor.Compute.Ode;

namespace Athanor.Compute.Reactors;

/// <summary>Trajectories of the exothermic CSTR over many conditions, classed by <see cref="RegimeRules"/>.</summary>
public static class CstrSweep
{
    /// <summary>Tolerances at which regimes and peaks are computed.</summary>
    public static OdeOptions Options { get; } = new() { RelativeTolerance = 1e-7, AbsoluteTolerance = 1e-9 };

    private const double ResidenceMinutes = 1.0;

    /// <summary>Runs every condition from one start. A condition's result is the same bits whatever the others are.</summary>
    /// <param name="coolantK">Coolant temperature by condition, K.</param>
    /// <param name="feedK">Feed temperature by condition, K.</param>
    /// <param name="startMolPerL">Concentration of A at the start, mol/L.</param>
    /// <param name="startK">Temperature at the start, K.</param>
    /// <param name="regimes">By condition.</param>
    /// <param name="peakK">Highest temperature by condition, K.</param>
    /// <exception cref="OdeException">A trajectory could not go on; the message has its number.</exception>
    public static void Run(
        ReadOnlySpan<double> coolantK, ReadOnlySpan<double> feedK, double startMolPerL, double startK, double minutes,
        in OdeOptions options, Span<ReactorRegime> regimes, Span<double> peakK, CancellationToken cancellation = default)
    {
        var n = coolantK.Length;
        if (feedK.Length != n || regimes.Length != n || peakK.Length != n)
        {
            throw new ArgumentException(
                $"the sweep has {n} coolant and {feedK.Length} feed temperatures, {regimes.Length} regimes and {peakK.Length} peaks");
        }
        var trackers = new RegimeTracker[n];
        var parameters = new double[5 * n];
        for (var i = 0; i < n; i++)
        {
            trackers[i] = new RegimeTracker(startK, minutes);
            var model = new Cstr(coolantK[i], feedK[i]);
            for (var k = 0; k < 5; k++) parameters[(5 * i) + k] = model.Parameter(k);
        }
        var work = new LaneWork(n, parameters, 5, [startMolPerL, startK], 2, 0.0, [minutes], options) { LongestFirstStep = ResidenceMinutes };
        var observer = new Turns(trackers);
        if (n > 0) Tsit5Lanes.Run(default(Cstr), work, ref observer, cancellation);
        foreach (var (condition, error) in work.Failures) throw error.Named($"component {error.Component} of condition {condition}");
        for (var i = 0; i < n; i++) (regimes[i], peakK[i]) = (trackers[i].Regime, trackers[i].Peak);
    }

    /// <summary>Shows each trajectory's tracker where the temperature turns, and its end.</summary>
    private readonly struct Turns(RegimeTracker[] trackers) : ILaneObserver
    {
        private const int Temperature = 1;

        public void Load(int lane, int trajectory)
        {
        }

        public Vector512<double> Wants(int group, in LaneStep step) => step.Turns(Temperature);

        public void Step(int lane, int trajectory, in LaneStep step)
        {
            var (time, kelvin) = step.Extremum(lane % Tsit5Lanes.Lanes, Temperature);
            trackers[trajectory].Turn(time, kelvin);
        }

        public void Leave(int lane, int trajectory)
        {
        }

        public void End(int lane, int trajectory, in LaneStep step) =>
            trackers[trajectory].End(step.Y1(Temperature)[lane % Tsit5Lanes.Lanes]);
    }
}
