using Athanor.Hosting.Stores;
using Athanor.Protocol;

namespace Athanor.Hosting.Journal.Feeds;

/// <summary>An entity as its feed shows it.</summary>
public sealed record EntityLine(EntityAddress Entity, long Events, DateTimeOffset First, DateTimeOffset Last, string LastKind, string Principal)
{
    internal byte[] ToBytes()
    {
        var writer = new MessagePackWriter();
        writer.BeginArray(5);
        writer.Write(Events);
        writer.Write(First);
        writer.Write(Last);
        writer.Write(LastKind);
        writer.Write(Principal);
        writer.End();
        return writer.ToArray();
    }

    internal static EntityLine Parse(EntityAddress entity, ReadOnlyMemory<byte> body)
    {
        var reader = new MessagePackReader(body.Span);
        reader.BeginArray();
        var line = new EntityLine(
            entity, reader.ReadInt64(), reader.ReadDateTimeOffset(), reader.ReadDateTimeOffset(), reader.ReadString(), reader.ReadString());
        reader.End();
        return line;
    }
}

/// <summary>All entities with how many events they have, since when, and what came last: lists by tenant and family without a look at any
/// entity. Keys are addresses, so one family's list is one range.</summary>
public sealed class EntityList : IProjection
{
    public const string ModelName = "entities";

    public string Name => ModelName;

    public string About => "every entity with its number of events, first and last time, last kind and who caused it";

    public async Task Apply(JournalRow row, ProjectionPage page, CancellationToken cancellation)
    {
        var key = row.Entity.ToString();
        var before = await page.Get(key, cancellation).ConfigureAwait(false) is { } body ? EntityLine.Parse(row.Entity, body) : null;
        var line = new EntityLine(
            row.Entity, Math.Max(row.EntityNumber, before?.Events ?? 0), before?.First ?? row.Time, row.Time, row.Event.Kind, row.Principal);
        page.Put(key, line.ToBytes());
    }

    /// <summary>The list of a tenant's family, by id; of all families with null.</summary>
    public static async Task<IReadOnlyList<EntityLine>> Read(
        ProjectionRunner runner, string tenant, string? family, int limit, CancellationToken cancellation)
    {
        // '0' comes after '/': all addresses that begin so.
        var (from, to) = family is null ? ($"{tenant}/", $"{tenant}0") : ($"{tenant}/{family}/", $"{tenant}/{family}0");
        return (await runner.Read(ModelName, from, to, limit, cancellation).ConfigureAwait(false))
            .Select(static r => EntityAddress.TryParse(r.Key, out var entity)
                ? EntityLine.Parse(entity, r.Body)
                : throw new DamageException($"projected, {r.Key}", "its key is no address"))
            .ToList();
    }
}
