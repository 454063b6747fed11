using System.Text.Json;
using System.Text.Json.Serialization;

namespace Athanor.Compute.Faults;

/// <summary>What kind of thing a fault is in.</summary>
public enum FaultKind
{
    Sensor = 0,
    Actuator = 1,
    Parameter = 2,
}

/// <summary>How a fault shows in the innovations.</summary>
/// <param name="Response">Change of each sensor's innovation per unit of the fault, in the sensor's unit; by sensor name, absent is
/// 0.</param>
public sealed record FaultSignature(string Name, FaultKind Kind, string Unit, SortedDictionary<string, double> Response);

/// <summary>A trained monitor under a name.</summary>
public sealed record NamedMonitor(string Name, MonitorModel Model);

/// <summary>A classifier of known faults on moving moments of the values.</summary>
/// <param name="Variables">Names of the values whose moments are the features.</param>
public sealed record KnownFaults(string[] Variables, MovingMoments Moments, FaultClassifier Classifier);

/// <summary>A detector that cannot be made, and why.</summary>
public sealed class DetectorException(string message) : Exception(message);

/// <summary>Settings of the detectors of one unit; as JSON with kebab-case keys.</summary>
/// <param name="Sensors">Names, in the order of the innovations.</param>
/// <param name="Values">Names of the values that monitors watch, in their order, e.g. sensors and then inputs; may be empty without
/// monitors.</param>
public sealed record DetectorSettings(string[] Sensors, string[] Values)
{
    /// <summary>Wanted part of samples of normal operation in which any score is above its limit, above 0 and below 0.2. Monitors bring
    /// their own part of it with them.</summary>
    public double FalseAlarmRate { get; init; } = 0.01;

    /// <summary>Charts of the normalised innovations: moving average, two-sided CUSUM, and the moving average of their mean
    /// square.</summary>
    public bool Ewma { get; init; } = true;

    public bool Cusum { get; init; } = true;

    public bool Nis { get; init; } = true;

    /// <summary>λ of the moving averages, in (0, 1].</summary>
    public double Forgetting { get; init; } = 0.1;

    /// <summary>k of the CUSUM: half the shift that it finds soonest, in standard deviations.</summary>
    public double Slack { get; init; } = 0.5;

    /// <summary>Limits by score, as <see cref="Detector.Calibrate"/> set them on recorded innovations. Without them they are set on white
    /// normal ones drawn under <see cref="Seed"/>: right only for a filter whose innovations are white.</summary>
    public SortedDictionary<string, double> Limits { get; init; } = new(StringComparer.Ordinal);

    public ulong Seed { get; init; } = 1;

    /// <summary>Faults of actuators and parameters. Those of sensors need none.</summary>
    public FaultSignature[] Signatures { get; init; } = [];

    public NamedMonitor[] Monitors { get; init; } = [];

    public KnownFaults? Known { get; init; }

    private static readonly JsonSerializerOptions Options = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.KebabCaseLower,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        Converters =
            { new JsonStringEnumConverter(JsonNamingPolicy.KebabCaseLower) },
    };

    public string ToJson() => JsonSerializer.Serialize(this, Options);

    /// <param name="sensors">Taken where the text names none: those of the unit.</param>
    /// <param name="values">Likewise.</param>
    /// <exception cref="DetectorException">The text is not such JSON; the message names the place.</exception>
    public static DetectorSettings FromJson(string json, string[]? sensors = null, string[]? values = null)
    {
        try
        {
            var settings = JsonSerializer.Deserialize<DetectorSettings>(json, Options)
                ?? throw new DetectorException("detectors: null; an object would be right");
            // Left out, the lists are null whatever their type says.
            return settings with
            {
                Sensors = (string[]?)settings.Sensors ?? sensors ?? [],
                Values = (string[]?)settings.Values ?? values
                ?? []
            };
        }
        catch (JsonException error)
        {
            throw new DetectorException($"detectors: {error.Message}");
        }
    }

    /// <summary>What is wrong; null if nothing is.</summary>
    public string? Problem()
    {
        if (Sensors.Length + Values.Length == 0) return "detectors: there is neither a sensor nor a value to watch";
        if (Sensors.Distinct().Count() < Sensors.Length) return "detectors.sensors: a name occurs twice";
        if (!(FalseAlarmRate > 0.0 && FalseAlarmRate < 0.2))
            return FormattableString.Invariant($"detectors.false-alarm-rate is {FalseAlarmRate}; above 0 and below 0.2 would be right");
        if (!(Forgetting > 0.0 && Forgetting <= 1.0))
            return FormattableString.Invariant($"detectors.forgetting is {Forgetting}; above 0 and at most 1 would be right");
        if (!(Slack > 0.0 && Slack < 10.0)) return FormattableString.Invariant($"detectors.slack is {Slack}; 0.5 is usual");
        foreach (var signature in Signatures)
        {
            foreach (var (sensor, response) in signature.Response)
            {
                if (!Sensors.Contains(sensor))
                    return $"detectors.signatures: {signature.Name} answers in '{sensor}', which is no sensor; there are {string.Join(", ", Sensors)}";
                if (!double.IsFinite(response))
                    return $"detectors.signatures: {signature.Name} has a response in {sensor} that is not finite";
            }
            if (signature.Response.Values.All(r => r == 0.0))
                return $"detectors.signatures: {signature.Name} shows in no sensor: it cannot be isolated";
        }
        foreach (var monitor in Monitors)
        {
            if (monitor.Model.Problem() is { } wrong) return $"detectors.monitors: {monitor.Name}: {wrong}";
            if (monitor.Model.FalseAlarmRate == 0.0)
                return $"detectors.monitors: {monitor.Name} was never calibrated: its limits are unknown";
            if (monitor.Model.Variables.FirstOrDefault(v => !Values.Contains(v)) is { } unknown)
                return $"detectors.monitors: {monitor.Name} watches '{unknown}', which is not among the values {string.Join(", ", Values)}";
        }
        if (Sensors.Length > 0 && (Ewma || Cusum || Nis) && !(ResidualRate > 0.0))
            return FormattableString.Invariant($"detectors: the monitors alone use the false-alarm rate of {FalseAlarmRate}; calibrate them to less");
        if (Known is not { } known) return null;
        if (known.Classifier.Problem() is { } bad) return $"detectors.known: {bad}";
        if (known.Moments.Variables != known.Variables.Length || known.Moments.Deviation.Length != known.Variables.Length
            || known.Classifier.Features != known.Moments.Length)
            return "detectors.known: moments and classifier do not fit the variables";
        return known.Variables.FirstOrDefault(v => !Values.Contains(v)) is { } absent
            ? $"detectors.known: '{absent}' is not among the values" : null;
    }

    /// <summary>What of the rate is left to the charts: an alarm of any is at most as frequent as the sum.</summary>
    internal double ResidualRate => FalseAlarmRate - Monitors.Sum(m => m.Model.FalseAlarmRate);
}
