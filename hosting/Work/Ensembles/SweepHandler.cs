using System.Globalization;
using Athanor.Actors.Ensembles;
using Athanor.Compute.Ode;
using Athanor.Compute.Reactors;
using Athanor.Protocol;
using Athanor.Protocol.Ensembles;

namespace Athanor.Hosting.Work.Ensembles;

/// <summary>Evaluates a part of a sweep of the exothermic CSTR. It has no chance in it: the seed is not used.</summary>
internal sealed class SweepHandler : IWorkHandler
{
    /// <summary>Conditions between two reports.</summary>
    private const int Batch = 512;

    public Type Handles => typeof(SweepWork);

    public IWorkResult Run(IWork work, IWorkContext context)
    {
        var spec = (SweepWork)work;
        if (Sweeps.Problem(spec.Grid) is { } problem) throw new WorkRefusedException(problem);
        if (spec.First < 0 || spec.Count < 1 || spec.First > spec.Grid.Count - spec.Count)
            throw new WorkRefusedException($"the part covers {spec.Count} conditions from {spec.First}; the grid has {spec.Grid.Count}");
        var regimes = new byte[spec.Count];
        var peaks = new float[spec.Count];
        for (var start = 0; start < spec.Count; start += Batch)
        {
            var count = Math.Min(Batch, spec.Count - start);
            Evaluate(spec.Grid, spec.First + start, regimes.AsSpan(start, count), peaks.AsSpan(start, count), context.Cancellation);
            var done = start + count;
            context.Report((double)done / spec.Count, string.Create(CultureInfo.InvariantCulture, $"{done} of {spec.Count} conditions"));
        }
        return new SweepWorkResult(spec.First, regimes, peaks);
    }

    private static void Evaluate(SweepGrid grid, int first, Span<byte> regimes, Span<float> peaks, CancellationToken cancellation)
    {
        double[] coolant = new double[regimes.Length], feed = new double[regimes.Length], peakK = new double[regimes.Length];
        var found = new ReactorRegime[regimes.Length];
        for (var i = 0; i < regimes.Length; i++) (coolant[i], feed[i]) = (grid.CoolantK(first + i), grid.FeedK(first + i));
        try
        {
            CstrSweep.Run(
                coolant, feed, grid.StartConcentration, grid.StartTemperatureK, grid.Minutes, CstrSweep.Options, found, peakK,
                cancellation);
        }
        catch (OdeException e)
        {
            throw new WorkRefusedException(
                $"a condition between {first} and {first + regimes.Length - 1} of the sweep cannot be solved: {e.Message}", e);
        }
        for (var i = 0; i < regimes.Length; i++) (regimes[i], peaks[i]) = ((byte)found[i], (float)peakK[i]);
    }
}
