using System.Collections.Immutable;
using System.Globalization;
using Athanor.Protocol.Twins.Units;

namespace Athanor.Actors.Twins.Units.Alarms;

/// <summary>Whether alarms are specified so that the rules can hold what they promise.</summary>
public static class AlarmChecks
{
    public const int MaxAlarms = 256;

    private static readonly TimeSpan LongestDelay = TimeSpan.FromDays(1), LongestShelf = TimeSpan.FromDays(7);

    /// <summary>What is wrong, naming the alarm; null if nothing is.</summary>
    public static string? Problem(ImmutableArray<AlarmSpec> specs)
    {
        if (specs.Length > MaxAlarms) return Text($"a unit has {specs.Length} alarms; at most {MaxAlarms} would be right");
        var tags = new HashSet<string>(StringComparer.Ordinal);
        foreach (var spec in specs)
        {
            if (TwinChecks.SignalName(spec.Tag) is { } tag) return $"the tag of an alarm: {tag}";
            if (!tags.Add(spec.Tag)) return $"two alarms are named {spec.Tag}";
            if (Problem(spec) is { } wrong) return $"alarm {spec.Tag}: {wrong}";
        }
        return null;
    }

    private static string? Problem(AlarmSpec spec)
    {
        if (spec.Signal == "") return "it names no signal";
        if (!Enum.IsDefined(spec.Condition)) return Text($"{(int)spec.Condition} is no condition");
        if (!Enum.IsDefined(spec.Priority)) return Text($"{(int)spec.Priority} is no priority");
        if (!double.IsFinite(spec.Limit)) return Text($"its limit is {spec.Limit}; a finite number would be right");
        if (!(spec.DeadBand >= 0.0) || !double.IsFinite(spec.DeadBand))
            return Text($"its dead-band is {spec.DeadBand}; 0 or more would be right");
        if (Delay(spec.OnDelay) is { } on) return $"its on-delay is {on}";
        if (Delay(spec.OffDelay) is { } off) return $"its off-delay is {off}";
        if (spec.LongestShelf < TimeSpan.Zero || spec.LongestShelf > LongestShelf)
            return Text($"its longest shelf is {spec.LongestShelf}; 0 to {LongestShelf} would be right");
        if (spec.Group.Length > 64) return "the name of its group is longer than 64 characters";
        if (spec.SuppressedWhile is not { } rule) return null;
        if (rule.Signal == "") return "the rule that suppresses it names no signal";
        if (!Enum.IsDefined(rule.Condition)) return Text($"{(int)rule.Condition} is no condition for the rule that suppresses it");
        return double.IsFinite(rule.Limit) && rule.DeadBand >= 0.0 && double.IsFinite(rule.DeadBand) ? null
            : Text($"the rule that suppresses it has limit {rule.Limit} and dead-band {rule.DeadBand}; finite numbers, the second 0 or more, would be right");
    }

    private static string? Delay(TimeSpan delay) =>
        delay < TimeSpan.Zero || delay > LongestDelay ? Text($"{delay}; 0 to {LongestDelay} would be right") : null;

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
