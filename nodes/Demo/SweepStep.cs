using System.Globalization;
using System.Runtime.InteropServices;
using Athanor.Nodes.Reports;
using Athanor.Protocol;
using Athanor.Protocol.Ensembles;

namespace Athanor.Nodes.Demo;

/// <summary>Runs the exothermic CSTR over a grid of feed and coolant temperatures and draws the map of its regimes. The sweep lives in
/// the entity ensembles/cstr-sweep, so a step begun again goes on where it was.</summary>
internal sealed class SweepStep : IDemoStep
{
    private const string Sweep = "regimes";

    private static readonly EntityAddress Ensemble = EntityAddress.Of("ensembles", "cstr-sweep");

    private static readonly string[] Names = ["quiet", "ignites once and dies", "sustained oscillation", "burning steadily"];

    public string Title => "Ten thousand conditions of an exothermic reactor";

    public async Task Run(DemoContext context, CancellationToken cancellation)
    {
        // Around the fold at a coolant temperature of 303.23 K and the Hopf point at 306.22 K, both for a feed of 350 K.
        var side = context.Small ? 40 : 100;
        var grid = new SweepGrid(346, 354, side, 300, 308, side, StartConcentration: 0.8776, StartTemperatureK: 324.5, Minutes: 60);
        await context.Cluster.Command(Ensemble, new EvaluateSweep(Sweep, grid, context.Small ? 2 : 8), cancellation);
        var view = await context.Cluster.Await<SweepView>(
            Ensemble, new SweepQuery(Sweep),
            sweep =>
            {
                if (sweep.Failure.Length > 0) throw new InvalidOperationException($"the sweep of {Ensemble} failed: {sweep.Failure}");
                context.Progress.Advance("Conditions evaluated", (double)grid.Count * sweep.PartsDone / sweep.Parts, grid.Count);
                return sweep.PartsDone == sweep.Parts;
            },
            cancellation);
        context.Results.Add("sweep.regimes", view.Regimes);
        context.Results.Add("sweep.peaks", MemoryMarshal.AsBytes(view.PeakK.AsSpan()));
        Write(context.Report.Section(Title), grid, view);
    }

    private static void Write(Section section, SweepGrid grid, SweepView view)
    {
        var all = Enumerable.Range(0, grid.Count).ToArray();
        var counts = Names.Select((_, regime) => view.Regimes.Count(r => r == regime)).ToArray();
        section
            .Say($"An exothermic stirred tank (A → B, E/R = 8750 K) starts at 0.8776 mol/L and 324.5 K under {grid.Count} pairs of feed "
                + "and coolant temperature and is followed for 60 minutes, eight conditions at a time in the lanes of a vector. A trajectory "
                + "is quiet if it never reaches 400 K; a sustained oscillation if in the last third of the time it still swings by 5 K or "
                + "more without losing a fifth of its height, or goes on igniting; burning steadily if it then rests "
                + "at 350 K or above; and it ignites once and dies if it rests below.")
            .Add(new Figure("Regimes found", $"{counts.Count(count => count > 0)} of 4", "all four", counts.All(count => count > 0)))
            .Add(new Table(
                "Conditions by regime", ["regime", "conditions", "peak temperature / K"],
                [.. Names.Select((name, regime) => Row(name, regime, counts[regime], view))]))
            .Add(new Plot(
                "Regimes", "feed temperature / K", "coolant temperature / K",
                [
                    new Series.Regions(
                        "regime", [.. all.Select(grid.FeedK)], [.. all.Select(grid.CoolantK)],
                        [.. view.Regimes.Select(regime => (int)regime)], Names),
                ],
                "Going up, the cold state vanishes at a fold, a band of oscillation follows, and past a Hopf point the hot state is stable. "
                + "The strip of reactors that ignite once and die is a few hundredths of a kelvin wide."))
            .Add(Peaks(grid, view));
    }

    private static IReadOnlyList<string> Row(string name, int regime, int count, SweepView view)
    {
        var peaks = view.PeakK.Where((_, i) => view.Regimes[i] == regime).ToArray();
        var range = peaks.Length == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $"{peaks.Min():F1} to {peaks.Max():F1}");
        return [name, count.ToString(CultureInfo.InvariantCulture), range];
    }

    /// <summary>Every second condition each way: as many as the eye can tell apart.</summary>
    private static Plot Peaks(SweepGrid grid, SweepView view)
    {
        var shown = Enumerable.Range(0, grid.Count).Where(i => i % grid.FeedCount % 2 == 0 && i / grid.FeedCount % 2 == 0).ToArray();
        return new Plot(
            "Highest temperature", "feed temperature / K", "coolant temperature / K",
            [
                new Series.Coloured(
                    "peak", [.. shown.Select(grid.FeedK)], [.. shown.Select(grid.CoolantK)],
                    [.. shown.Select(i => (double)view.PeakK[i])], "K"),
            ],
            "Between 340 K and 455 K there is nothing: a reactor ignites or it does not.");
    }
}
