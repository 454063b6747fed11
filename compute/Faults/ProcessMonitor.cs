namespace Athanor.Compute.Faults;

/// <summary>What a monitor says of one sample.</summary>
/// <param name="First">T², as tested (smoothed).</param>
/// <param name="Second">SPE, or T² of the residual.</param>
/// <param name="Ready">False while the window is not full: the statistics are 0 then.</param>
public readonly record struct MonitorScore(double First, double Second, bool Ready);

/// <summary>Steps a <see cref="MonitorModel"/> over packed memory: [samples seen, first, second, window…]. Sums run in the order of the
/// index, so the same memory and sample give the same bits everywhere.</summary>
public static class ProcessMonitor
{
    /// <summary>Takes one sample.</summary>
    /// <param name="memory">Shape (<see cref="MonitorModel.MemoryLength"/>), zeros at first.</param>
    /// <param name="values">Shape (variables); a value that is not finite is taken as the one before it, at first as the mean.</param>
    public static MonitorScore Step(MonitorModel model, Span<double> memory, ReadOnlySpan<double> values)
    {
        var m = model.Variables.Length;
        var window = memory[3..];
        // The newest sample is first: the others move back by one place.
        var last = window[..m].ToArray();
        window[..^m].CopyTo(window[m..]);
        for (var j = 0; j < m; j++) window[j] = double.IsFinite(values[j]) ? (values[j] - model.Mean[j]) / model.Deviation[j] : last[j];
        memory[0] += 1.0;
        if (memory[0] < model.Window) return new MonitorScore(0.0, 0.0, false);
        var (first, second) = Statistics(model, window);
        var begins = memory[0] == model.Window;
        memory[1] = begins ? first : memory[1] + (model.Forgetting[0] * (first - memory[1]));
        memory[2] = begins ? second : memory[2] + (model.Forgetting[1] * (second - memory[2]));
        return new MonitorScore(memory[1], memory[2], true);
    }

    /// <summary>All samples of a run, from an empty memory.</summary>
    public static MonitorScore[] Run(MonitorModel model, IReadOnlyList<double[]> run)
    {
        var memory = new double[model.MemoryLength];
        return [.. run.Select(row => Step(model, memory, row))];
    }

    /// <summary>Whether either statistic is above its limit.</summary>
    public static bool Alarms(MonitorModel model, MonitorScore score) =>
        score.Ready && (score.First > model.Limits[0] || score.Second > model.Limits[1]);

    /// <summary>Both statistics of a scaled window vector, not smoothed.</summary>
    public static (double First, double Second) Statistics(MonitorModel model, ReadOnlySpan<double> z)
    {
        var d = model.Dimension;
        Span<double> w = d <= 1024 ? stackalloc double[d] : new double[d];
        Whiten(model, z, w);
        double first = 0.0, second = Dot(w, w);
        for (var i = 0; i < model.Components; i++)
        {
            var score = Dot(model.Projection.AsSpan(i * d, d), w);
            first += model.Weights[i] * score * score;
            second -= score * score;
        }
        return (first, Math.Max(0.0, second));
    }

    internal static void Whiten(MonitorModel model, ReadOnlySpan<double> z, Span<double> w)
    {
        if (model.Whitening.Length == 0)
        {
            z.CopyTo(w);
            return;
        }
        var d = z.Length;
        for (var i = 0; i < d; i++) w[i] = Dot(model.Whitening.AsSpan(i * d, i + 1), z[..(i + 1)]);
    }

    /// <summary>Four partial sums in a fixed pattern: quick, and the same bits for any SIMD width.</summary>
    internal static double Dot(ReadOnlySpan<double> a, ReadOnlySpan<double> b)
    {
        double s0 = 0.0, s1 = 0.0, s2 = 0.0, s3 = 0.0;
        var i = 0;
        for (; i <= a.Length - 4; i += 4)
        {
            s0 = Math.FusedMultiplyAdd(a[i], b[i], s0);
            s1 = Math.FusedMultiplyAdd(a[i + 1], b[i + 1], s1);
            s2 = Math.FusedMultiplyAdd(a[i + 2], b[i + 2], s2);
            s3 = Math.FusedMultiplyAdd(a[i + 3], b[i + 3], s3);
        }
        for (; i < a.Length; i++) s0 = Math.FusedMultiplyAdd(a[i], b[i], s0);
        return (s0 + s1) + (s2 + s3);
    }
}
