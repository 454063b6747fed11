namespace Athanor.Compute.Neural.Models;

/// <summary>
/// How many Runge-Kutta steps an interval of the data takes. In a reactor the data and the known flows tell how fast a species is consumed:
/// what flows in and does not stay was consumed, c_i' = in_i - loss_i c_i, so loss_i ≤ (in_i + |Δc_i/Δt|) / c_i. Steps keep h · loss ≤ 1.
/// Elsewhere all intervals take the least number.
/// </summary>
internal static class SubstepRule
{
    private const double Most = 1.0, Floor = 2e-3;
    private const int Limit = 128;

    public static int[][] Of(ModelSpecification model, IReadOnlyList<ProcessRecord> records, int least)
    {
        var layout = model.Reactor is null || model.Kind is "neural-ode" or "augmented" ? null : new ReactorLayout(model);
        var observed = Enumerable.Range(0, model.States.Length).Where(i => model.States[i].Observed).ToArray();
        return [.. records.Select(record => Enumerable.Range(0, record.Rows - 1)
            .Select(k => layout is null ? least : Math.Clamp(Needed(model, layout, observed, record, k), least, Limit)).ToArray())];
    }

    private static int Needed(ModelSpecification model, ReactorLayout layout, int[] observed, ProcessRecord record, int k)
    {
        var step = record.Times[k + 1] - record.Times[k];
        var u = record.Controls.AsSpan(k * model.Controls.Length, model.Controls.Length);
        var dilution = layout.Dilution.At(u);
        var fastest = dilution;
        for (var i = 0; i < layout.Species.Length; i++)
        {
            var column = Array.IndexOf(observed, layout.Species[i]);
            // Only what a reaction consumes can be fast; products are known to be harmless.
            if (column < 0 || !layout.Consumed.Any(c => c.Contains(i))) continue;
            var low = double.PositiveInfinity;
            for (var at = Math.Max(0, k - 1); at <= Math.Min(record.Rows - 1, k + 2); at++)
                low = Math.Min(low, record.Outputs[(at * observed.Length) + column]);
            double before = record.Outputs[(k * observed.Length) + column], after = record.Outputs[((k + 1) * observed.Length) + column];
            // Neither side of an interval in which much happens is typical for it.
            low = Math.Max(low, 0.05 * Math.Max(before, after));
            var inflow = (dilution * layout.Feed[i].At(u)) + Math.Abs((after - before) / step);
            fastest = Math.Max(fastest, dilution + (inflow / Math.Max(low, Floor * model.States[layout.Species[i]].Scale)));
        }
        return (int)Math.Ceiling(Math.Min(step * fastest / Most, Limit));
    }
}
