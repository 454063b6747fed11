using System.Collections.Immutable;
using Athanor.Compute.Numerics;

namespace Athanor.Compute.Faults;

/// <summary>A signal, actuator or parameter that explains an alarm.</summary>
/// <param name="Share">Its reconstruction-based contribution over the sum of all candidates, 0 to 1.</param>
/// <param name="Magnitude">How large the fault is, in the unit of what is faulty.</param>
public readonly record struct FaultCause(string Name, FaultKind Kind, double Share, double Magnitude);

/// <summary>What the detectors say of one sample.</summary>
/// <param name="Scores">In the order of <see cref="Detector.Scores"/>.</param>
/// <param name="Alarm">Whether any is above its limit.</param>
/// <param name="Causes">By descending share; empty without an alarm.</param>
/// <param name="Class">Name of the known fault that fits best; null without an alarm, or if none fits.</param>
/// <param name="Probability">Of that class among the known ones.</param>
/// <param name="Since">How many samples ago the change began, as far as a CUSUM tells; 0 if it does not.</param>
public sealed record DetectorOutput(
    double[] Scores, bool Alarm, ImmutableArray<FaultCause> Causes, string? Class, double Probability, double Since);

/// <summary>
/// The detectors of one unit as a pure step over packed memory: [version 1, samples, per sensor (moving average, C+, N+, C-, N-), moving
/// NIS, each monitor's memory, moments of known faults]. Only additions, products, roots and our own functions: the same bits everywhere.
/// </summary>
public sealed class Detector
{
    private const int Head = 2, PerSensor = 5, MaxCauses = 8;
    private const double Version = 1.0;

    private readonly DetectorSettings _settings;
    private readonly int[][] _monitored;
    private readonly int[] _known;
    private readonly int _charts;

    private Detector(DetectorSettings settings, ImmutableArray<string> scores, double[] limits)
    {
        (_settings, Scores, Limits) = (settings, scores, limits);
        _monitored = [.. settings.Monitors.Select(m => m.Model.Variables.Select(v => Array.IndexOf(settings.Values, v)).ToArray())];
        _known = [.. settings.Known?.Variables.Select(v => Array.IndexOf(settings.Values, v)) ?? []];
        _charts = ChartNames(settings).Count();
        MemoryLength = Head + (PerSensor * settings.Sensors.Length) + 1 + settings.Monitors.Sum(m => m.Model.MemoryLength)
            + (settings.Known?.Moments.Length ?? 0);
    }

    /// <summary>Names: <c>SENSOR.ewma</c>, <c>SENSOR.cusum</c>, <c>nis</c>, <c>MONITOR.T2</c>, <c>MONITOR.SPE</c>.</summary>
    public ImmutableArray<string> Scores { get; }

    /// <summary>In the order of the scores.</summary>
    public double[] Limits { get; }

    public int MemoryLength { get; }

    /// <exception cref="DetectorException">The settings are wrong; the message names the key.</exception>
    public static Detector Create(DetectorSettings settings)
    {
        if (settings.Problem() is { } wrong) throw new DetectorException(wrong);
        var names = ChartNames(settings).ToArray();
        var unknown = settings.Limits.Keys.FirstOrDefault(k => !names.Contains(k));
        if (unknown is not null)
            throw new DetectorException($"detectors.limits: there is no score '{unknown}'; there are {string.Join(", ", names)}");
        var set = names.Length == 0 || settings.Limits.Count == names.Length ? [.. names.Select(n => settings.Limits[n])]
            : WhiteLimits(settings);
        if (settings.Limits.Count is > 0 && settings.Limits.Count < names.Length)
            throw new DetectorException($"detectors.limits: {names.First(n => !settings.Limits.ContainsKey(n))} is missing");
        var bad = Array.FindIndex(set, l => !(l > 0.0));
        if (bad >= 0) throw new DetectorException($"detectors.limits: the limit of {names[bad]} must be above 0");
        var monitors = settings.Monitors.SelectMany(m =>
            new[] { $"{m.Name}.{m.Model.Statistics.First}", $"{m.Name}.{m.Model.Statistics.Second}" });
        return new Detector(settings, [.. names, .. monitors], [.. set, .. settings.Monitors.SelectMany(m => m.Model.Limits)]);
    }

    /// <summary>The settings with limits of the charts set to the wanted rate on recorded normalised innovations of normal operation:
    /// right also where they are not white.</summary>
    /// <param name="innovations">Rows of innovation over deviation by sensor; not a number where there was no sample.</param>
    public static DetectorSettings Calibrate(DetectorSettings settings, IReadOnlyList<double[]> innovations)
    {
        if (settings.Problem() is { } wrong) throw new DetectorException(wrong);
        var names = ChartNames(settings).ToArray();
        var limits = Set(settings, innovations.Count, t => innovations[t], 0);
        return settings with
        {
            Limits = new SortedDictionary<string, double>(
                names.Select((n, i) => KeyValuePair.Create(n, limits[i])).ToDictionary(StringComparer.Ordinal), StringComparer.Ordinal),
        };
    }

    public double[] Start()
    {
        var memory = new double[MemoryLength];
        memory[0] = Version;
        memory[Head + (PerSensor * _settings.Sensors.Length)] = 1.0;
        _settings.Known?.Moments.Start(memory.AsSpan(MemoryLength - _settings.Known.Moments.Length));
        return memory;
    }

    /// <summary>Takes one sample.</summary>
    /// <param name="memory">From <see cref="Start"/> or the step before; replaced.</param>
    /// <param name="innovations">By sensor, in its unit; not a number where there is no sample: its charts stay as they are.</param>
    /// <param name="deviations">Their standard deviations.</param>
    /// <param name="values">Of <see cref="DetectorSettings.Values"/>.</param>
    public DetectorOutput Step(
        ref double[] memory, ReadOnlySpan<double> innovations, ReadOnlySpan<double> deviations, ReadOnlySpan<double> values)
    {
        var n = _settings.Sensors.Length;
        if (memory.Length != MemoryLength || memory[0] != Version)
            throw new ArgumentException($"this memory has {memory.Length} numbers, version {memory[0]}; {MemoryLength}, version {Version} would be right");
        if (innovations.Length != n || deviations.Length != n || values.Length != _settings.Values.Length)
            throw new ArgumentException($"{innovations.Length} innovations and {values.Length} values came; {n} and {_settings.Values.Length} would be right");
        var next = (double[])memory.Clone();
        var scores = new double[Scores.Length];
        Span<double> normalised = stackalloc double[n];
        for (var i = 0; i < n; i++) normalised[i] = innovations[i] / deviations[i];
        next[1] += 1.0;
        // CUSUMs stop at twice their limit.
        StepCharts(_settings, next.AsSpan(Head), normalised, scores, Limits.AsSpan(0, _charts));
        var (at, score) = (Head + (PerSensor * n) + 1, _charts);
        var alarming = -1;
        for (var m = 0; m < _monitored.Length; m++)
        {
            var model = _settings.Monitors[m].Model;
            var own = next.AsSpan(at, model.MemoryLength);
            var result = ProcessMonitor.Step(model, own, Pick(values, _monitored[m]));
            (scores[score], scores[score + 1]) = (result.First, result.Second);
            if (alarming < 0 && ProcessMonitor.Alarms(model, result)) alarming = m;
            (at, score) = (at + model.MemoryLength, score + 2);
        }
        _settings.Known?.Moments.Step(next.AsSpan(at), Pick(values, _known));
        memory = next;
        var charted = false;
        for (var c = 0; c < _charts; c++) charted |= scores[c] > Limits[c];
        if (!charted && alarming < 0) return new DetectorOutput(scores, false, [], null, 0.0, 0.0);
        var (name, probability) = Classify(next.AsSpan(at));
        var causes = charted ? ResidualCauses(next, deviations) : MonitorCauses(next, alarming);
        return new DetectorOutput(scores, true, causes, name, probability, charted ? Since(next) : 0.0);
    }

    private static double[] Pick(ReadOnlySpan<double> values, int[] from)
    {
        var picked = new double[from.Length];
        for (var i = 0; i < from.Length; i++) picked[i] = values[from[i]];
        return picked;
    }

    private (string? Name, double Probability) Classify(ReadOnlySpan<double> moments)
    {
        if (_settings.Known is not { } known) return (null, 0.0);
        Span<double> features = stackalloc double[known.Moments.Length];
        known.Moments.Features(moments, features);
        var (found, probability) = known.Classifier.Classify(features);
        return (found < 0 ? null : known.Classifier.Classes[found], probability);
    }

    /// <summary>Candidates are one bias per sensor, and the signatures. With d a candidate's direction in normalised innovations and r
    /// their moving means, white, the contribution is (d·r)² / (d·d) and the magnitude (d·r) / (d·d). A mean that has moved for only N
    /// samples is still short of the shift by (1 - λ)^N, which is taken out where a CUSUM knows N.</summary>
    private ImmutableArray<FaultCause> ResidualCauses(double[] memory, ReadOnlySpan<double> deviations)
    {
        var n = _settings.Sensors.Length;
        var causes = new List<FaultCause>();
        var total = 0.0;
        for (var i = 0; i < n; i++)
        {
            var chart = memory.AsSpan(Head + (PerSensor * i), PerSensor);
            var since = _settings.Cusum ? ResidualCharts.CusumShift(chart[1..], _settings.Slack).Samples : 0.0;
            causes.Add(new FaultCause(_settings.Sensors[i], FaultKind.Sensor, chart[0] * chart[0],
                chart[0] * deviations[i] / Reached(since)));
            total += chart[0] * chart[0];
        }
        foreach (var signature in _settings.Signatures)
        {
            double along = 0.0, square = 0.0;
            for (var i = 0; i < n; i++)
            {
                if (!signature.Response.TryGetValue(_settings.Sensors[i], out var response)) continue;
                var d = response / deviations[i];
                along += d * memory[Head + (PerSensor * i)];
                square += d * d;
            }
            var gain = along * along / square;
            causes.Add(new FaultCause(signature.Name, signature.Kind, gain, along / square / Reached(Since(memory))));
            total += gain;
        }
        return [.. causes.Select(c => c with { Share = total > 0.0 ? c.Share / total : 0.0 }).OrderByDescending(c => c.Share)
            .Take(MaxCauses)];
    }

    /// <summary>How far a moving mean has come to a shift that began so many samples ago: 1 - (1 - λ)^N.</summary>
    private double Reached(double samples)
    {
        if (samples == 0.0) return 1.0;
        var left = 1.0;
        for (var t = 0.0; t < samples && left > 1e-6; t++) left *= 1.0 - _settings.Forgetting;
        return 1.0 - left;
    }

    private ImmutableArray<FaultCause> MonitorCauses(double[] memory, int monitor)
    {
        var at = Head + (PerSensor * _settings.Sensors.Length) + 1 + _settings.Monitors[..monitor].Sum(m => m.Model.MemoryLength);
        var model = _settings.Monitors[monitor].Model;
        return [.. MonitorDiagnosis.Contributions(model, memory.AsSpan(at, model.MemoryLength)).Take(MaxCauses)
            .Select(c => new FaultCause(c.Variable, FaultKind.Sensor, c.Share, c.Magnitude))];
    }

    private double Since(double[] memory)
    {
        if (!_settings.Cusum) return 0.0;
        double most = 0.0, since = 0.0;
        for (var i = 0; i < _settings.Sensors.Length; i++)
        {
            var chart = memory.AsSpan(Head + (PerSensor * i) + 1, 4);
            if (!(ResidualCharts.CusumStatistic(chart) > most)) continue;
            most = ResidualCharts.CusumStatistic(chart);
            since = ResidualCharts.CusumShift(chart, _settings.Slack).Samples;
        }
        return since;
    }

    private static IEnumerable<string> ChartNames(DetectorSettings settings)
    {
        if (settings.Ewma)
        {
            foreach (var sensor in settings.Sensors) yield return $"{sensor}.ewma";
        }
        if (settings.Cusum)
        {
            foreach (var sensor in settings.Sensors) yield return $"{sensor}.cusum";
        }
        if (settings.Nis && settings.Sensors.Length > 0) yield return "nis";
    }

    /// <param name="limits">Empty while they are being set.</param>
    private static void StepCharts(
        DetectorSettings settings, Span<double> charts, ReadOnlySpan<double> normalised, Span<double> scores, ReadOnlySpan<double> limits)
    {
        var n = normalised.Length;
        var (cusums, square, seen) = (settings.Ewma ? n : 0, 0.0, 0);
        for (var i = 0; i < n; i++)
        {
            var own = charts.Slice(PerSensor * i, PerSensor);
            if (double.IsFinite(normalised[i]))
            {
                own[0] = ResidualCharts.Ewma(own[0], normalised[i], settings.Forgetting);
                var ceiling = limits.IsEmpty || !settings.Cusum ? double.PositiveInfinity : 2.0 * limits[cusums + i];
                ResidualCharts.Cusum(own[1..], normalised[i], settings.Slack, ceiling);
                square += normalised[i] * normalised[i];
                seen++;
            }
            if (settings.Ewma) scores[i] = Math.Abs(own[0]);
            if (settings.Cusum) scores[cusums + i] = ResidualCharts.CusumStatistic(own[1..]);
        }
        ref var nis = ref charts[PerSensor * n];
        if (seen > 0) nis = ResidualCharts.Ewma(nis, square / seen, settings.Forgetting);
        if (settings.Nis && n > 0) scores[cusums + (settings.Cusum ? n : 0)] = nis;
    }

    private static double[] WhiteLimits(DetectorSettings settings)
    {
        var samples = (int)Math.Clamp(100.0 / settings.ResidualRate, 20_000, 2_000_000);
        var random = new Philox(settings.Seed);
        var row = new double[settings.Sensors.Length];
        return Set(settings, samples, _ =>
        {
            for (var i = 0; i < row.Length; i++) row[i] = random.NextNormal();
            return row;
        }, 500);
    }

    /// <param name="burn">Rows before the charts are in their stationary state.</param>
    private static double[] Set(DetectorSettings settings, int samples, Func<int, double[]> row, int burn)
    {
        var count = ChartNames(settings).Count();
        if (count == 0) return [];
        var statistics = Enumerable.Range(0, count).Select(_ => new double[samples]).ToArray();
        var charts = new double[(PerSensor * settings.Sensors.Length) + 1];
        charts[^1] = 1.0;
        var scores = new double[count];
        for (var t = -burn; t < samples; t++)
        {
            StepCharts(settings, charts, row(t), scores, []);
            for (var c = 0; t >= 0 && c < count; c++) statistics[c][t] = scores[c];
        }
        try
        {
            return CombinedLimits.Set(statistics, settings.ResidualRate);
        }
        catch (ArgumentException error)
        {
            throw new DetectorException($"detectors.false-alarm-rate: {error.Message}");
        }
    }
}
