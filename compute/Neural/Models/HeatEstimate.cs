namespace Athanor.Compute.Neural.Models;

/// <summary>
/// First guesses of the heats of reaction and of the heat transfer from the data alone: over an interval the balances of the species give
/// the extents ξ = ∫r dt without any rate law, and the energy balance is linear in what is sought,
/// T(1) - T(0) - ∫D (T_feed - T) dt = Σ a_j ξ_j + κ ∫(T_jacket - T) dt. Least squares over all intervals; integrals by Hermite's rule with
/// the data's own differences as slopes.
/// </summary>
internal static class HeatEstimate
{
    /// <summary>By reaction a_j, then κ if heat passes a wall; null in place of what the data do not tell.</summary>
    public static double?[] Of(ModelSpecification model, ReactorLayout layout, IReadOnlyList<ProcessRecord> records)
    {
        var result = new double?[layout.Reactions + (layout.Exchanges ? 1 : 0)];
        var observed = Enumerable.Range(0, model.States.Length).Where(i => model.States[i].Observed).ToArray();
        var heat = Array.IndexOf(observed, layout.Temperature);
        if (heat < 0) return result;
        var jacket = layout.Jacket >= 0 ? Array.IndexOf(observed, layout.Jacket) : -1;
        // Each reaction needs a species of its own that is seen: then its extent is that species' balance.
        var witness = new int[layout.Reactions];
        for (var j = 0; j < witness.Length; j++)
        {
            witness[j] = Array.FindIndex(layout.Species, s => observed.Contains(s) && Enumerable.Range(0, layout.Reactions)
                .All(k => (layout.Matrix[(k * layout.Species.Length) + Array.IndexOf(layout.Species, s)] != 0.0) == (k == j)));
        }
        var known = witness.All(w => w >= 0);
        var width = known ? result.Length : jacket >= 0 ? 1 : 0;
        if (width == 0) return result;
        double[] normal = new double[width * width], right = new double[width], row = new double[width];
        foreach (var record in records)
        {
            for (var k = 0; k + 1 < record.Rows; k++)
            {
                var u = record.Controls.AsSpan(k * model.Controls.Length, model.Controls.Length);
                var step = record.Times[k + 1] - record.Times[k];
                double Integral(int column) => Hermite(record, observed.Length, column, k);
                double Change(int column) =>
                    record.Outputs[((k + 1) * observed.Length) + column] - record.Outputs[(k * observed.Length) + column];
                double target, size;
                if (known)
                {
                    var dilution = layout.Dilution.At(u);
                    for (var j = 0; j < layout.Reactions; j++)
                    {
                        var i = witness[j];
                        var column = Array.IndexOf(observed, layout.Species[i]);
                        row[j] = (Change(column) - (dilution * ((layout.Feed[i].At(u) * step) - Integral(column))))
                            / layout.Matrix[(j * layout.Species.Length) + i];
                    }
                    target = Change(heat) - (dilution * ((layout.FeedTemperature.At(u) * step) - Integral(heat)));
                    if (layout.Exchanges)
                    {
                        var beyond = jacket >= 0 ? Integral(jacket) : layout.Coolant is { } coolant ? coolant.At(u) * step : 0.0;
                        row[layout.Reactions] = beyond - Integral(heat);
                    }
                    size = Curvature(record, observed.Length, heat, k, model.States[layout.Temperature].Scale);
                }
                else
                {
                    row[0] = layout.CapacityRatio * (Integral(heat) - Integral(jacket));
                    target = Change(jacket) - (layout.JacketHeat.At(u) * step);
                    size = Curvature(record, observed.Length, jacket, k, model.States[layout.Jacket].Scale);
                }
                // Where the data bend between rows the integrals are rough.
                var weight = 1.0 / (1e-6 + (size * size));
                for (var a = 0; a < width; a++)
                {
                    right[a] += weight * row[a] * target;
                    for (var b = 0; b < width; b++) normal[(a * width) + b] += weight * row[a] * row[b];
                }
            }
        }
        if (!Solve(normal, right)) return result;
        if (known)
        {
            for (var i = 0; i < width; i++) result[i] = right[i];
        }
        else
        {
            result[^1] = right[0];
        }
        return result;
    }

    private static double Hermite(ProcessRecord record, int width, int column, int k)
    {
        var step = record.Times[k + 1] - record.Times[k];
        double y0 = record.Outputs[(k * width) + column], y1 = record.Outputs[((k + 1) * width) + column];
        return (0.5 * step * (y0 + y1)) + (step * step / 12.0 * (Slope(record, width, column, k) - Slope(record, width, column, k + 1)));
    }

    private static double Slope(ProcessRecord record, int width, int column, int k)
    {
        // The parabola through three neighbours.
        var at = Math.Clamp(k, 1, record.Rows - 2);
        if (record.Rows < 3) return (record.Outputs[width + column] - record.Outputs[column]) / (record.Times[1] - record.Times[0]);
        double h0 = record.Times[at] - record.Times[at - 1], h1 = record.Times[at + 1] - record.Times[at];
        var d0 = (record.Outputs[(at * width) + column] - record.Outputs[((at - 1) * width) + column]) / h0;
        var d1 = (record.Outputs[((at + 1) * width) + column] - record.Outputs[(at * width) + column]) / h1;
        var bend = (d1 - d0) / (h0 + h1);
        return d0 + (bend * (k == at ? h0 : k < at ? -h0 : h0 + (2.0 * h1)));
    }

    private static double Curvature(ProcessRecord record, int width, int column, int k, double scale) =>
        Math.Abs(Slope(record, width, column, k + 1) - Slope(record, width, column, k)) * (record.Times[k + 1] - record.Times[k]) / scale;

    private static bool Solve(double[] normal, double[] right)
    {
        var n = right.Length;
        for (var i = 0; i < n; i++)
        {
            var pivot = normal[(i * n) + i];
            if (!(pivot > 1e-12 * right.Length) || !double.IsFinite(pivot)) return false;
            for (var r = i + 1; r < n; r++)
            {
                var factor = normal[(r * n) + i] / pivot;
                for (var c = i; c < n; c++) normal[(r * n) + c] -= factor * normal[(i * n) + c];
                right[r] -= factor * right[i];
            }
        }
        for (var i = n - 1; i >= 0; i--)
        {
            for (var c = i + 1; c < n; c++) right[i] -= normal[(i * n) + c] * right[c];
            right[i] /= normal[(i * n) + i];
        }
        return right.All(double.IsFinite);
    }
}
