using Athanor.Compute.Plants.Simulation;
using Athanor.Nodes.Plots;
using Athanor.Nodes.Reports;

namespace Athanor.Nodes.Cli.Twins;

/// <summary>Draws a closed loop: each state with truth, estimate, band, samples and set-point; each moved input; each estimated parameter;
/// the detectors' scores with what went wrong when.</summary>
internal static class LoopPictures
{
    /// <summary>Points and dots of one line: more than pixels show nothing more.</summary>
    private const int MostPoints = 1000, MostDots = 400;

    public static IReadOnlyList<Plot> Draw(LoopRecord whole)
    {
        var stride = 1 + (whole.Points.Count / MostPoints);
        var record = whole.Thinned(stride);
        var (unit, seconds) = Scale(record);
        double[] x = [.. record.Points.Select(p => p.TimeS / seconds)];
        var label = $"time / {unit}";
        var panels = new List<Plot>();
        for (var i = 0; i < record.File.Problem.States.Length; i++) panels.Add(State(record, i, x, label, seconds));
        var moved = record.File.Inputs.Where(static input => input.Moved).ToArray();
        for (var i = 0; i < moved.Length; i++)
        {
            var plot = new LinePlot(moved[i].Name, label, Axis(moved[i].Name, moved[i].Unit));
            double[] told = [.. record.Points.Select(p => p.Commands[i])];
            var (stepX, stepTold) = Steps(x, told);
            // A move acts from its sample on, so that what stands there at a sample was told the sample before.
            var obeys = Enumerable.Range(0, Math.Max(0, whole.Points.Count - 1)).All(k =>
                Math.Abs(whole.Points[k].Commands[i] - whole.Points[k + 1].Applied[i]) <= 1e-9 * Math.Max(1.0, Math.Abs(whole.Points[k].Commands[i])));
            if (!obeys)
            {
                var (actuatorX, actuatorY) = Steps(x, [.. record.Points.Select(p => p.Applied[i])]);
                plot.Line("actuator", actuatorX, actuatorY, colour: 1);
            }
            plot.Line("move", stepX, stepTold, colour: 0);
            plot.Line("limits", [x[0], x[^1]], [moved[i].High, moved[i].High], dashed: true, colour: 7);
            plot.Line("", [x[0], x[^1]], [moved[i].Low, moved[i].Low], dashed: true, colour: 7);
            panels.Add(plot.Plot);
        }
        foreach (var input in record.File.Inputs.Where(static input => !input.Moved))
        {
            var k = record.File.Inputs.IndexOf(input);
            var (stepX, stepY) = Steps(x, [.. record.Points.Select(p => p.View.Inputs[k].Actual)]);
            panels.Add(new LinePlot($"{input.Name}, measured", label, Axis(input.Name, input.Unit)).Line(input.Name, stepX, stepY, colour: 1).Plot);
        }
        var first = record.File.Problem.States.Length;
        foreach (var (name, i) in record.File.Model.Parameters.Select(static (q, i) => (q.Name, i))) panels.Add(Parameter(record, name, i, first + i, x, label));
        if (Scores(record, x, label, seconds) is { } scores) panels.Add(scores);
        return panels;
    }

    private static (string Unit, double Seconds) Scale(LoopRecord record)
    {
        var unit = record.File.Simulation!.TimeUnit;
        return (unit, Compute.Units.Unit.Parse(unit).Factor);
    }

    private static Plot State(LoopRecord record, int i, double[] x, string label, double seconds)
    {
        var state = record.File.Problem.States[i];
        var plot = new LinePlot(state.Name, label, Axis(state.Name, state.Unit));
        Band(plot, record, i, x);
        var sensor = record.File.Sensors.FirstOrDefault(s => s.Of.Count == 1 && s.Of.TryGetValue(state.Name, out var w) && w == 1.0);
        if (sensor is not null)
        {
            LoopSample[] samples = [.. record.Samples.Where(s => s.Signal == sensor.Signal)];
            var stride = 1 + (samples.Length / MostDots);
            samples = [.. samples.Where((_, k) => k % stride == 0)];
            plot.Points("measured", [.. samples.Select(s => s.TimeS / seconds)], [.. samples.Select(static s => s.Value)], colour: 7);
        }
        plot.Line("plant", x, [.. record.Points.Select(p => p.Truth[i])], colour: 1);
        plot.Line("twin", x, [.. record.Points.Select(p => Estimate(p, i))], colour: 0);
        if (record.File.Control?.Setpoints.ContainsKey(state.Name) == true)
        {
            var (sx, sy) = Steps(x, [.. record.Points.Select(p => p.View.Controller.Setpoints[state.Name])]);
            plot.Line("set-point", sx, sy, dashed: true, colour: 2);
        }
        foreach (var bound in record.File.Control?.Settings.Bounds.Where(b => b.State == state.Name) ?? [])
        {
            if (bound.Maximum is { } high) plot.Line("soft bound", [x[0], x[^1]], [high, high], dashed: true, colour: 3);
            if (bound.Minimum is { } low) plot.Line("", [x[0], x[^1]], [low, low], dashed: true, colour: 3);
        }
        return plot.Plot;
    }

    private static Plot Parameter(LoopRecord record, string name, int own, int i, double[] x, string label)
    {
        var parameter = record.File.Problem.Parameters[record.File.Problem.ParameterIndex(name)];
        var plot = new LinePlot($"{name}, estimated", label, Axis(name, parameter.Unit));
        Band(plot, record, i, x);
        plot.Line("plant", x, [.. record.Points.Select(p => p.Parameters[own])], colour: 1);
        plot.Line("twin", x, [.. record.Points.Select(p => Estimate(p, i))], colour: 0);
        return plot.Plot;
    }

    private static void Band(LinePlot plot, LoopRecord record, int i, double[] x)
    {
        var known = Enumerable.Range(0, x.Length).Where(k => record.Points[k].View.Estimates.Length > i).ToArray();
        if (known.Length == 0) return;
        var estimates = known.Select(k => record.Points[k].View.Estimates[i]).ToArray();
        plot.Band(
            "95 %", [.. known.Select(k => x[k])], [.. estimates.Select(static e => e.Value - (1.96 * e.Sd))], [.. estimates.Select(static e => e.Value + (1.96 * e.Sd))],
            colour: 0);
    }

    private static Plot? Scores(LoopRecord record, double[] x, string label, double seconds)
    {
        var names = record.Points.Count == 0 ? [] : record.Points[^1].View.Scores.Select(static s => s.Name).ToArray();
        if (names.Length == 0 && record.Raised.Count == 0) return null;
        var plot = new LinePlot("Detectors, alarms, and what went wrong", label, "score / limit");
        var top = 1.0;
        // The worst of them all: which one it is, the alarms say.
        double[] worst = [.. record.Points.Select(static p => p.View.Scores.IsEmpty ? double.NaN : p.View.Scores.Max(static s => s.Ratio))];
        foreach (var w in worst.Where(double.IsFinite)) top = Math.Max(top, w);
        top = Math.Min(top, 5.0);
        foreach (var (fault, k) in record.File.Simulation!.Scenario.Faults.Select(static (f, k) => (f, k)))
        {
            var until = Math.Min(fault.UntilS, record.Points[^1].TimeS) / seconds;
            plot.Band($"{Name(fault.Kind)} {fault.Target}", [fault.FromS / seconds, until], [0.0, 0.0], [top, top], colour: 3 + (k % 4));
        }
        plot.Line("worst score", x, [.. worst.Select(w => Math.Min(w, top))], colour: 0);
        plot.Line("limit", [x[0], x[^1]], [1.0, 1.0], dashed: true, colour: 7);
        if (record.Raised.Count > 0)
            plot.Points("alarm raised", [.. record.Raised.Select(r => r.TimeS / seconds)], [.. record.Raised.Select(_ => 1.05 * top)], colour: 1);
        return plot.Plot;
    }

    private static string Name(PlantFaultKind kind) => kind switch
    {
        PlantFaultKind.SensorBias => "bias of",
        PlantFaultKind.SensorDrift => "drift of",
        PlantFaultKind.SensorFrozen => "frozen",
        PlantFaultKind.SensorWild => "wild",
        PlantFaultKind.SensorDead => "no",
        PlantFaultKind.ActuatorStuck => "stuck",
        PlantFaultKind.ActuatorBias => "offset of",
        PlantFaultKind.ParameterStep => "step of",
        _ => "drift of",
    };

    private static double Estimate(LoopPoint point, int i) => point.View.Estimates.Length > i ? point.View.Estimates[i].Value : double.NaN;

    private static string Axis(string name, string unit) => unit.Length > 0 ? $"{name} / {unit}" : name;

    /// <summary>A value that stands until the next.</summary>
    private static (double[] X, double[] Y) Steps(double[] x, double[] y)
    {
        var (sx, sy) = (new List<double>(), new List<double>());
        for (var k = 0; k < x.Length; k++)
        {
            if (k > 0 && y[k] != y[k - 1])
            {
                sx.Add(x[k]);
                sy.Add(y[k - 1]);
            }
            sx.Add(x[k]);
            sy.Add(y[k]);
        }
        return ([.. sx], [.. sy]);
    }
}
