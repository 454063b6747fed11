using System.Collections.Immutable;
using Athanor.Hosting.Configuration.Hocon;
using Athanor.Protocol.Twins.Units;

namespace Athanor.Hosting.Specifications;

/// <summary>Reads <c>alarms { T.high { signal = T, above = "400 K", ... } }</c>; a dot makes an object of its own in HOCON, and one name here.
/// </summary>
internal static class TwinFileAlarms
{
    private static readonly string[] Keys =
    [
        "signal", "above", "below", "bad", "dead-band", "on-delay", "off-delay", "priority", "group", "latching", "longest-shelf",
        "suppressed-while", "response",
    ];

    /// <param name="unitOf">The unit of a signal; null for one that there is not.</param>
    public static ImmutableArray<AlarmSpec> Read(SpecificationReader twin, Func<string, string?> unitOf, IEnumerable<string> signals)
    {
        if (twin.Object("alarms") is not { } section) return [];
        return [.. Tagged("", section, twin.At("alarms")).Select(a => One(a.Tag, new SpecificationReader(a.Alarm, a.At, Keys), unitOf, signals))];
    }

    private static IEnumerable<(string Tag, HoconObject Alarm, string At)> Tagged(string tag, HoconObject section, string path)
    {
        var reader = new SpecificationReader(section, path, null);
        foreach (var (key, _) in reader.Fields)
        {
            var (name, inner) = (tag.Length == 0 ? key : $"{tag}.{key}", reader.Object(key)!);
            var isGroup = inner.Fields.Any() && inner.Fields.All(static f => f.Value is HoconObject && !Keys.Contains(f.Key));
            if (!isGroup) yield return (name, inner, reader.At(key));
            else foreach (var one in Tagged(name, inner, reader.At(key))) yield return one;
        }
    }

    private static AlarmSpec One(string tag, SpecificationReader reader, Func<string, string?> unitOf, IEnumerable<string> signals)
    {
        var signal = Signal(reader, unitOf, signals);
        var unit = unitOf(signal)!;
        var (condition, limit) = Condition(reader, unit, bad: true);
        var deadBand = TwinQuantities.Width(reader, "dead-band", unit) ?? 0.0;
        if (!(deadBand >= 0.0)) throw reader.Wrong("dead-band", "at least 0");
        AlarmSuppression? suppressed = null;
        if (reader.Object("suppressed-while") is { } hocon)
        {
            var inner = new SpecificationReader(hocon, reader.At("suppressed-while"), ["signal", "above", "below", "dead-band"]);
            var other = Signal(inner, unitOf, signals);
            var (when, at) = Condition(inner, unitOf(other)!, bad: false);
            suppressed = new AlarmSuppression(other, when, at, TwinQuantities.Width(inner, "dead-band", unitOf(other)!) ?? 0.0);
        }
        return new AlarmSpec(
            tag, signal, condition, limit, deadBand, Delay("on-delay"), Delay("off-delay"), Priority(reader), reader.Text("group") ?? "",
            PlantQuantities.Flag(reader, "latching"), reader.Has("longest-shelf") ? Delay("longest-shelf") : TimeSpan.FromHours(8), suppressed,
            reader.Text("response") ?? "");

        TimeSpan Delay(string key) => TwinQuantities.Seconds(reader, key) is not { } s ? TimeSpan.Zero
            : s >= 0.0 ? TimeSpan.FromSeconds(s) : throw reader.Wrong(key, "at least 0 s");
    }

    private static string Signal(SpecificationReader reader, Func<string, string?> unitOf, IEnumerable<string> signals)
    {
        var signal = reader.Text("signal") ?? throw reader.Missing("signal");
        return unitOf(signal) is not null ? signal : throw reader.Wrong("signal", $"one of {string.Join(", ", signals)}");
    }

    private static (AlarmCondition Condition, double Limit) Condition(SpecificationReader reader, string unit, bool bad)
    {
        var isBad = bad && PlantQuantities.Flag(reader, "bad");
        if ((reader.Has("above") ? 1 : 0) + (reader.Has("below") ? 1 : 0) + (isBad ? 1 : 0) != 1)
            throw reader.Wrong(reader.Has("above") ? "above" : "below", $"one of above, below{(bad ? ", bad" : "")}, and only one");
        if (isBad) return (AlarmCondition.Bad, 0.0);
        return reader.Has("above") ? (AlarmCondition.High, TwinQuantities.Value(reader, "above", unit)!.Value)
            : (AlarmCondition.Low, TwinQuantities.Value(reader, "below", unit)!.Value);
    }

    private static AlarmPriority Priority(SpecificationReader reader)
    {
        var text = reader.Text("priority") ?? "medium";
        foreach (var priority in Enum.GetValues<AlarmPriority>())
        {
            if (text == priority.ToString().ToLowerInvariant()) return priority;
        }
        throw reader.Wrong("priority", "one of journal, low, medium, high, critical");
    }
}
