using Athanor.Protocol;

namespace Athanor.Hosting.Stores.Sqlite;

/// <summary>How values that SQLite does not know lie in columns.</summary>
internal static class SqliteColumns
{
    /// <summary>Bits of a number inside a shard; the shard stands above them, so one key orders rows by shard and then by number.</summary>
    public const int NumberBits = 40;

    public const int MaxShards = 1 << 16;

    public static long Sequence(int shard, long number) => number is >= 0 and < 1L << NumberBits
        ? ((long)shard << NumberBits) | number
        : throw new StoreException($"shard {shard} has used up its numbers: {number} does not fit in {NumberBits} bits");

    public static int ShardOf(long sequence) => (int)(sequence >> NumberBits);

    public static long NumberOf(long sequence) => sequence & ((1L << NumberBits) - 1);

    public static EntityAddress Address(this SqliteStatement row, int column) =>
        EntityAddress.TryParse(row.Text(column), out var address)
            ? address
            : throw new DamageException("journal.db", $"\"{row.Text(column)}\" is not an entity's address");

    public static StoredMessage Message(this SqliteStatement row, int kind) => new(row.Text(kind), row.Int(kind + 1), row.Blob(kind + 2));

    public static DateTimeOffset Time(this SqliteStatement row, int column) => new(row.Long(column), TimeSpan.Zero);

    public static SqliteStatement Bind(this SqliteStatement row, EntityAddress entity) => row.Bind(entity.ToString());

    public static SqliteStatement Bind(this SqliteStatement row, DateTimeOffset time) => row.Bind(time.UtcTicks);

    public static SqliteStatement Bind(this SqliteStatement row, in StoredMessage message) =>
        row.Bind(message.Kind).Bind(message.Version).Bind(message.Body.Span);
}
