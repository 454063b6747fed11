using Athanor.Compute.Ode;

namespace Athanor.Compute.Reactors;

/// <summary>Trajectories of the exothermic CSTR over many conditions, classed by <see cref="RegimeRules"/>.</summary>
public static class CstrSweep
{
    /// <summary>Tolerances at which regimes and peaks are computed.</summary>
    public static OdeOptions Options { get; } = new() { RelativeTolerance = 1e-7, AbsoluteTolerance = 1e-9 };

    /// <summary>Runs every condition from one start. A condition's result is the same bits whatever the others are.</summary>
    /// <param name="coolantK">Coolant temperature by condition, K.</param>
    /// <param name="feedK">Feed temperature by condition, K.</param>
    /// <param name="startMolPerL">Concentration of A at the start, mol/L.</param>
    /// <param name="startK">Temperature at the start, K.</param>
    /// <param name="regimes">By condition.</param>
    /// <param name="peakK">Highest temperature by condition, K.</param>
    /// <exception cref="OdeException">A trajectory could not go on; the component in the message is its number.</exception>
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
        for (var i = 0; i < n; i++) trackers[i] = new RegimeTracker(startK, minutes);
        CstrLanes.Run(coolantK, feedK, startMolPerL, startK, options, trackers, cancellation);
        for (var i = 0; i < n; i++) (regimes[i], peakK[i]) = (trackers[i].Regime, trackers[i].Peak);
    }
}
