using Athanor.Protocol;

namespace Athanor.Actors.Twins.Units.Alarms;

/// <summary>Annunciations of one unit in time, as far as the figures of ISA-18.2 need them.</summary>
/// <param name="RecentTicks">Those of the last ten minutes before the last one, rising; at most <see cref="MaxRecent"/>.</param>
/// <param name="Total">All of them.</param>
/// <param name="Peak">The most in any ten minutes, as far as <see cref="MaxRecent"/> counts.</param>
/// <param name="FloodSinceTicks">When the flood began that had not ended at the last annunciation; 0 for none.</param>
/// <param name="FloodTicks">How long the floods before it lasted together.</param>
/// <param name="Floods">Floods that began.</param>
[MessagePart]
public sealed record AlarmRates(
    [property: Key(0)] long[] RecentTicks, [property: Key(1)] long Total, [property: Key(2)] int Peak,
    [property: Key(3)] long FloodSinceTicks, [property: Key(4)] long FloodTicks, [property: Key(5)] int Floods)
{
    public const int MaxRecent = 512, FloodBegins = 10, FloodEnds = 5;

    public static readonly TimeSpan Window = TimeSpan.FromMinutes(10);

    public static AlarmRates None { get; } = new([], 0, 0, 0, 0, 0);

    /// <summary>After one more annunciation, not earlier than the last.</summary>
    public AlarmRates Raised(DateTimeOffset at)
    {
        var now = at.UtcTicks;
        var (since, past) = EndFlood(now);
        var first = FirstWithin(now);
        long[] recent = [.. RecentTicks.AsSpan(Math.Max(first, RecentTicks.Length - MaxRecent + 1)), now];
        var begins = since == 0 && recent.Length >= FloodBegins;
        return new AlarmRates(
            recent, Total + 1, Math.Max(Peak, recent.Length), begins ? now : since, past, begins ? Floods + 1 : Floods);
    }

    /// <summary>Annunciations in the ten minutes up to <paramref name="now"/>.</summary>
    public int Within(DateTimeOffset now) => RecentTicks.Length - FirstWithin(now.UtcTicks);

    /// <summary>Whether there is a flood, and how long all floods together lasted.</summary>
    public (bool Now, TimeSpan Lasted) FloodAt(DateTimeOffset now)
    {
        var (since, past) = EndFlood(now.UtcTicks);
        return (since != 0, TimeSpan.FromTicks(past + (since == 0 ? 0 : now.UtcTicks - since)));
    }

    /// <summary>A flood ends at the moment at which fewer than five annunciations are left in the window, which no event marks: it is
    /// when the fifth from the end leaves it.</summary>
    private (long Since, long Past) EndFlood(long now)
    {
        if (FloodSinceTicks == 0) return (0, FloodTicks);
        var end = RecentTicks[^FloodEnds] + Window.Ticks;
        return end > now ? (FloodSinceTicks, FloodTicks) : (0, FloodTicks + end - FloodSinceTicks);
    }

    private int FirstWithin(long now)
    {
        var first = 0;
        while (first < RecentTicks.Length && RecentTicks[first] <= now - Window.Ticks) first++;
        return first;
    }
}
