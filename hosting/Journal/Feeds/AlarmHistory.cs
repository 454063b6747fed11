using System.Globalization;
using Athanor.Hosting.Stores;
using Athanor.Protocol;
using Athanor.Protocol.Twins;

namespace Athanor.Hosting.Journal.Feeds;

/// <summary>One alarm of a twin, from when it was raised until it was cleared.</summary>
/// <param name="Nis">Normalised innovation squared at which it was raised.</param>
public sealed record AlarmLine(EntityAddress Twin, long Event, DateTimeOffset Raised, double Nis, double Limit, DateTimeOffset? Cleared)
{
    internal byte[] ToBytes()
    {
        var writer = new MessagePackWriter();
        writer.BeginArray(4);
        writer.Write(Raised);
        writer.Write(Nis);
        writer.Write(Limit);
        if (Cleared is { } cleared) writer.Write(cleared);
        else writer.WriteNil();
        writer.End();
        return writer.ToArray();
    }

    internal static AlarmLine Parse(string key, ReadOnlyMemory<byte> body)
    {
        var slash = key.LastIndexOf('/');
        if (!EntityAddress.TryParse(key[..slash], out var twin)) throw new DamageException($"projected, {key}", "its key is no address");
        var reader = new MessagePackReader(body.Span);
        reader.BeginArray();
        var line = new AlarmLine(
            twin, long.Parse(key.AsSpan(slash + 1), CultureInfo.InvariantCulture), reader.ReadDateTimeOffset(), reader.ReadDouble(),
            reader.ReadDouble(), reader.TryReadNil() ? null : reader.ReadDateTimeOffset());
        reader.End();
        return line;
    }
}

/// <summary>Every alarm that any twin ever raised, with when it was cleared. The key <c>tenant/twins/id/event</c> keeps a twin's alarms
/// together and in order; <c>tenant/twins/id/open</c> names the one that stands.</summary>
public sealed class AlarmHistory : IProjection
{
    public const string ModelName = "alarms";

    public string Name => ModelName;

    public string About => "every alarm of every twin: raised when, at which innovation, cleared when";

    public async Task Apply(JournalRow row, ProjectionPage page, CancellationToken cancellation)
    {
        if (row.Event.Kind is not ("twins.alarm-raised" or "twins.alarm-cleared")) return;
        var open = $"{row.Entity}/open";
        switch (page.Messages.Decode(row.Event.Kind, row.Event.Version, row.Event.Body.Span))
        {
            case AlarmRaised raised:
                var key = string.Create(CultureInfo.InvariantCulture, $"{row.Entity}/{row.EntityNumber:D12}");
                page.Put(key, new AlarmLine(row.Entity, row.EntityNumber, row.Time, raised.Nis, raised.Limit, null).ToBytes());
                page.Put(open, System.Text.Encoding.UTF8.GetBytes(key));
                break;
            case AlarmCleared when await page.Get(open, cancellation).ConfigureAwait(false) is { } name:
                var standing = System.Text.Encoding.UTF8.GetString(name.Span);
                if (await page.Get(standing, cancellation).ConfigureAwait(false) is { } body)
                    page.Put(standing, (AlarmLine.Parse(standing, body) with { Cleared = row.Time }).ToBytes());
                page.Remove(open);
                break;
        }
    }

    /// <summary>A twin's alarms in order, or all of a tenant's.</summary>
    public static async Task<IReadOnlyList<AlarmLine>> Read(
        ProjectionRunner runner, string tenant, string? twin, int limit, CancellationToken cancellation)
    {
        var (from, to) = twin is null ? ($"{tenant}/twins/", $"{tenant}/twins0") : ($"{tenant}/twins/{twin}/", $"{tenant}/twins/{twin}0");
        return (await runner.Read(ModelName, from, to, limit, cancellation).ConfigureAwait(false))
            .Where(static r => !r.Key.EndsWith("/open", StringComparison.Ordinal)).Select(static r => AlarmLine.Parse(r.Key, r.Body)).ToList();
    }
}

/// <summary>The read models of this build.</summary>
public static class Projections
{
    public static IReadOnlyList<IProjection> All { get; } = [new EntityList(), new AlarmHistory()];

    public static IReadOnlyList<string> Names { get; } = [.. All.Select(static p => p.Name)];
}
