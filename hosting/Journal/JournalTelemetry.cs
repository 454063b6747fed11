using System.Diagnostics;
using System.Diagnostics.Metrics;
using Athanor.Hosting.Telemetry;

namespace Athanor.Hosting.Journal;

/// <summary>What is measured of feeds, segments and verification.</summary>
internal static class JournalTelemetry
{
    private static readonly Meter Meter = new(AthanorTelemetry.Name);

    private static readonly Counter<long> SkippedEvents = Meter.CreateCounter<long>(
        "athanor.feed.skipped", "{event}", "Events that a projection could not be given: damage, or history that was given up");

    private static readonly Counter<long> Projected = Meter.CreateCounter<long>("athanor.feed.events", "{event}", "Events projected");

    private static readonly Counter<long> SealedEvents = Meter.CreateCounter<long>("athanor.journal.sealed", "{event}", "Events sealed");

    private static readonly Counter<long> SealedBytes =
        Meter.CreateCounter<long>("athanor.journal.sealed.size", "By", "Size of sealed segments");

    private static readonly Counter<long> Checked =
        Meter.CreateCounter<long>("athanor.journal.verified", "{entity}", "Entities verified in the background");

    private static readonly Counter<long> DamageFound =
        Meter.CreateCounter<long>("athanor.journal.damage", "{place}", "Damaged places that the background verification found");

    public static void Skipped(string projection, long events) =>
        SkippedEvents.Add(events, new KeyValuePair<string, object?>("projection", projection));

    public static void Events(string projection, long events) =>
        Projected.Add(events, new KeyValuePair<string, object?>("projection", projection));

    public static void Sealed(string family, long events, long bytes)
    {
        var tags = new TagList { { "family", family } };
        SealedEvents.Add(events, tags);
        SealedBytes.Add(bytes, tags);
    }

    public static void Verified(string family) => Checked.Add(1, new KeyValuePair<string, object?>("family", family));

    public static void Damaged(string where) => DamageFound.Add(1, new KeyValuePair<string, object?>("in", where));
}
