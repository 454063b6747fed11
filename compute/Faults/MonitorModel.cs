namespace Athanor.Compute.Faults;

/// <summary>Which statistics a monitor calculates.</summary>
public enum MonitorKind
{
    /// <summary>Principal components of one sample: Hotelling's T² in the model plane, SPE (Q) outside.</summary>
    Pca = 0,

    /// <summary>Principal components of a sample and those before it (Ku, Storer and Georgakis, Chemom. Intell. Lab. Syst. 30:179,
    /// 1995).</summary>
    DynamicPca = 1,

    /// <summary>Canonical variates of the past: T² of the states, and of what the states leave (Larimore; Russell, Chiang and Braatz,
    /// Chemom. Intell. Lab. Syst. 51:81, 2000).</summary>
    Cva = 2,
}

/// <summary>
/// A monitor as it was trained: linear, so that one step is two products. The window of the last <paramref name="Window"/> samples, newest
/// first, each scaled, is z, shape (d), d = window × variables. With w = <paramref name="Whitening"/> z (w = z if it is empty) and the
/// rows P_i of <paramref name="Projection"/>, orthonormal:
/// T² = sum_i Weights_i (P_i w)², and the second statistic (SPE, or T² of the residual for CVA) = w·w - sum_i (P_i w)².
/// </summary>
/// <param name="Variables">Names, in the order of the samples' values.</param>
/// <param name="Mean">Shape (variables), in each variable's unit.</param>
/// <param name="Deviation">Shape (variables), above 0.</param>
/// <param name="Whitening">Inverse Cholesky factor of the past's covariance, shape (d, d) row-major, lower triangle; empty for the
/// principal components.</param>
/// <param name="Projection">Shape (components, d) row-major.</param>
/// <param name="Weights">Shape (components).</param>
/// <param name="Limits">Of the two statistics as they are tested, i.e. after smoothing; infinite until calibrated.</param>
/// <param name="Forgetting">Of each of the two: weight of the newest value in the forgetting mean that is tested; 1 tests the statistic
/// itself.</param>
/// <param name="FalseAlarmRate">Part of normal samples in which either statistic is above its limit, as calibrated; 0 until then.</param>
/// <param name="DataHash">SHA-256 of the values that it was trained on, hex.</param>
public sealed record MonitorModel(
    MonitorKind Kind, string[] Variables, int Window, double[] Mean, double[] Deviation, double[] Whitening, double[] Projection,
    double[] Weights, double[] Limits, double[] Forgetting, double FalseAlarmRate,
    string DataHash)
{
    /// <summary>Components kept.</summary>
    public int Components => Weights.Length;

    /// <summary>Length of the window vector.</summary>
    public int Dimension => Window * Variables.Length;

    /// <summary>Numbers of one monitor in the packed memory: samples seen, the two smoothed statistics, the window.</summary>
    public int MemoryLength => 3 + Dimension;

    /// <summary>What the two statistics are called.</summary>
    public (string First, string Second) Statistics => Kind == MonitorKind.Cva ? ("T2-state", "T2-residual") : ("T2", "SPE");

    /// <summary>What is wrong with the numbers; null if nothing is.</summary>
    public string? Problem()
    {
        var (m, d, a) = (Variables.Length, Dimension, Components);
        if (m == 0) return "a monitor watches no variable";
        if (Window < 1) return $"a monitor's window is {Window} samples; 1 or more would be right";
        if (Mean.Length != m || Deviation.Length != m)
            return $"a monitor of {m} variables has {Mean.Length} means and {Deviation.Length} deviations";
        if (Whitening.Length != 0 && Whitening.Length != d * d)
            return $"a monitor's whitening has {Whitening.Length} numbers; {d * d} would be right";
        if (Projection.Length != a * d) return $"a monitor's projection has {Projection.Length} numbers; {a * d} would be right";
        if (!(FalseAlarmRate >= 0.0 && FalseAlarmRate < 1.0)) return "a monitor's false-alarm rate is outside [0, 1)";
        if (Limits.Length != 2) return $"a monitor has {Limits.Length} limits; 2 would be right";
        if (Forgetting.Length != 2 || !Forgetting.All(f => f > 0.0 && f <= 1.0)) return "a monitor's forgetting needs 2 numbers in (0, 1]";
        var wild = Array.FindIndex(Deviation, s => !(s > 0.0) || !double.IsFinite(s));
        if (wild >= 0) return $"{Variables[wild]} has a standard deviation of {Deviation[wild]}; above 0 would be right";
        return new[] { Mean, Whitening, Projection, Weights }.All(v => v.All(double.IsFinite)) ? null
            : "a monitor holds numbers that are not finite";
    }
}
