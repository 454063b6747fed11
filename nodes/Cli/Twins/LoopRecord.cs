using Athanor.Hosting.Specifications;
using Athanor.Protocol.Twins.Units;

namespace Athanor.Nodes.Cli.Twins;

/// <summary>A closed loop at one sample.</summary>
/// <param name="Truth">The plant's states.</param>
/// <param name="Applied">Where the actuators truly stand.</param>
/// <param name="Commands">What they were told, by moved input.</param>
/// <param name="Parameters">True values of the estimated parameters.</param>
/// <param name="MoveMs">From the samples' sending until their estimate and move were committed, ms.</param>
internal sealed record LoopPoint(
    double TimeS, double[] Truth, double[] Applied, double[] Commands, double[] Parameters, UnitView View, double MoveMs);

/// <summary>A sample as it came.</summary>
internal readonly record struct LoopSample(string Signal, double TimeS, double Value);

/// <summary>What a closed loop was, from its start on.</summary>
internal sealed class LoopRecord(TwinFile file)
{
    public TwinFile File { get; } = file;

    public List<LoopPoint> Points { get; } = [];

    public List<LoopSample> Samples { get; } = [];

    /// <summary>Alarms as they were raised: when, which, of what priority.</summary>
    public List<(double TimeS, string Tag, AlarmPriority Priority)> Raised { get; } = [];

    /// <summary>The same with one point of so many; all samples and alarms.</summary>
    public LoopRecord Thinned(int stride)
    {
        var thin = new LoopRecord(File);
        thin.Points.AddRange(Points.Where((_, k) => k % stride == 0));
        thin.Samples.AddRange(Samples);
        thin.Raised.AddRange(Raised);
        return thin;
    }

    public void Add(LoopPoint point)
    {
        HashSet<string> before = Points.Count == 0 ? [] : [.. Points[^1].View.Alarms.Where(static a => a.Active).Select(static a => a.Tag)];
        foreach (var alarm in point.View.Alarms)
        {
            if (alarm.Active && !before.Contains(alarm.Tag)) Raised.Add((point.TimeS, alarm.Tag, alarm.Priority));
        }
        Points.Add(point);
    }

    /// <summary>Figures by name: how far from set-points, bounds that were broken, what the moves took.</summary>
    public IReadOnlyDictionary<string, double> Figures()
    {
        var figures = new Dictionary<string, double>(StringComparer.Ordinal);
        var moved = File.Inputs.Where(static i => i.Moved).ToArray();
        int broken = 0, fast = 0;
        for (var k = 0; k < Points.Count; k++)
        {
            for (var i = 0; i < moved.Length; i++)
            {
                var command = Points[k].Commands[i];
                var slack = 1e-9 * (moved[i].High - moved[i].Low);
                if (command < moved[i].Low - slack || command > moved[i].High + slack) broken++;
                if (k == 0 || moved[i].RatePerS == 0.0 || File.Control is not { } control) continue;
                var step = Math.Abs(command - Points[k - 1].Commands[i]);
                // From one interval to the next, not from one sample to the next: a move stands for an interval.
                if (step > (moved[i].RatePerS * control.Settings.IntervalS) + slack) fast++;
            }
        }
        if (moved.Length > 0 && File.Control is not null)
        {
            figures["hard bounds broken"] = broken;
            figures["rates broken"] = fast;
        }
        foreach (var bound in File.Control?.Settings.Bounds ?? [])
        {
            var state = File.Problem.StateIndex(bound.State);
            figures[$"samples with {bound.State} out of its soft bounds"] = Points.Count(p =>
                p.Truth[state] > (bound.Maximum ?? double.PositiveInfinity) || p.Truth[state] < (bound.Minimum ?? double.NegativeInfinity));
        }
        foreach (var name in File.Control?.Setpoints.Keys ?? [])
        {
            var state = File.Problem.StateIndex(name);
            var last = Points.TakeLast(Math.Max(1, Points.Count / 10)).ToArray();
            figures[$"{name} - set-point, mean of the last tenth"] = last.Average(p => p.Truth[state] - p.View.Controller.Setpoints.GetValueOrDefault(name));
        }
        for (var i = 0; i < File.Problem.States.Length; i++)
        {
            var name = File.Problem.States[i].Name;
            var errors = Points.Where(p => p.View.Estimates.Length > i).Select(p => p.View.Estimates[i].Value - p.Truth[i]).ToArray();
            if (errors.Length > 0) figures[$"{name} estimate, root mean square error"] = Math.Sqrt(errors.Average(static e => e * e));
        }
        var times = Points.Select(static p => p.MoveMs).Order().ToArray();
        if (times.Length > 0)
        {
            figures["ms from sample to committed move, median"] = times[times.Length / 2];
            figures["ms from sample to committed move, 99 %"] = times[(int)(0.99 * (times.Length - 1))];
        }
        return figures;
    }
}
