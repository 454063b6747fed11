namespace Athanor.Compute.Faults;

/// <summary>How much of an alarm one variable explains.</summary>
/// <param name="Share">Its reconstruction-based contribution over the sum of all, 0 to 1.</param>
/// <param name="Magnitude">The bias that, taken off the variable in the whole window, makes the index smallest; in the variable's
/// unit.</param>
public readonly record struct MonitorContribution(string Variable, double Share, double Magnitude);

/// <summary>Reconstruction-based contributions (Alcala and Qin, Automatica 45:1593, 2009). With the combined index
/// φ = T²/limit + SPE/limit = zᵀ M z (Yue and Qin, Ind. Eng. Chem. Res. 40:4403, 2001) and ξ the direction of a bias of one variable in
/// each sample of the window, the contribution is (ξᵀ M z)² / (ξᵀ M ξ): what is gained by reconstructing along ξ. Unlike plain
/// contributions it names the right variable for a single large bias, always.</summary>
public static class MonitorDiagnosis
{
    /// <param name="memory">As <see cref="ProcessMonitor.Step"/> left it.</param>
    /// <returns>By descending share; empty while the window is not full.</returns>
    public static MonitorContribution[] Contributions(MonitorModel model, ReadOnlySpan<double> memory)
    {
        if (memory[0] < model.Window) return [];
        var m = model.Variables.Length;
        var mz = Apply(model, memory[3..].ToArray());
        var found = new (double Gain, double Bias)[m];
        var total = 0.0;
        for (var j = 0; j < m; j++)
        {
            var direction = new double[model.Dimension];
            for (var k = 0; k < model.Window; k++) direction[(k * m) + j] = 1.0;
            var along = ProcessMonitor.Dot(direction, mz);
            var curvature = ProcessMonitor.Dot(direction, Apply(model, direction));
            if (!(curvature > 1e-14)) continue;
            found[j] = (along * along / curvature, along / curvature);
            total += found[j].Gain;
        }
        return [.. Enumerable.Range(0, m).Select(j => new MonitorContribution(
                model.Variables[j], total > 0.0 ? found[j].Gain / total : 0.0, found[j].Bias * model.Deviation[j]))
            .OrderByDescending(c => c.Share)];
    }

    /// <summary>M z of the combined index; uncalibrated limits count as the statistics' means on white data.</summary>
    private static double[] Apply(MonitorModel model, double[] z)
    {
        var (d, a) = (model.Dimension, model.Components);
        var first = double.IsFinite(model.Limits[0]) ? model.Limits[0] : a;
        var second = double.IsFinite(model.Limits[1]) ? model.Limits[1] : d - a;
        var w = new double[d];
        ProcessMonitor.Whiten(model, z, w);
        var result = new double[d];
        for (var i = 0; i < d; i++) result[i] = w[i] / second;
        for (var i = 0; i < a; i++)
        {
            var row = model.Projection.AsSpan(i * d, d);
            var score = ProcessMonitor.Dot(row, w) * ((model.Weights[i] / first) - (1.0 / second));
            for (var k = 0; k < d; k++) result[k] += score * row[k];
        }
        if (model.Whitening.Length == 0) return result;
        var back = new double[d];
        for (var i = 0; i < d; i++)
        {
            for (var k = 0; k <= i; k++) back[k] += model.Whitening[(i * d) + k] * result[i];
        }
        return back;
    }
}
