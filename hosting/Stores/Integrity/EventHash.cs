using System.Buffers;
using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Athanor.Protocol;

namespace Athanor.Hosting.Stores.Integrity;

/// <summary>
/// The hash chain of an entity's events: SHA-256 over the following bytes, in this order. Integers are little-endian; a text is its length
/// in bytes (u32) and its UTF-8.
/// <code>
/// u8     layout, 1
/// text   tenant
/// text   family
/// text   id
/// i64    the event's number in the entity, from 1
/// text   kind
/// i32    version
/// u32    length of the body, then the body
/// 32 B   hash of the same entity's event before it; zeros for its first
/// </code>
/// Shard, feed number, epoch and time are left out on purpose: a journal copied into another number of shards keeps its hashes, and two
/// runs that decide the same have the same chains. Those columns stand under the row's CRC.
/// </summary>
public static class EventHash
{
    /// <summary>Length of a hash in bytes.</summary>
    public const int Size = SHA256.HashSizeInBytes;

    private const byte Layout = 1;

    /// <summary>What stands in place of the hash before an entity's first event: 32 zero bytes.</summary>
    public static ReadOnlyMemory<byte> None { get; } = new byte[Size];

    /// <exception cref="ArgumentException">The previous hash is not 32 bytes, or the number is below 1.</exception>
    public static byte[] Compute(EntityAddress entity, long entityNumber, in StoredMessage message, ReadOnlySpan<byte> previousHash) =>
        Compute(entity, entityNumber, message.Kind, message.Version, message.Body.Span, previousHash);

    /// <inheritdoc cref="Compute(EntityAddress, long, in StoredMessage, ReadOnlySpan{byte})"/>
    public static byte[] Compute(
        EntityAddress entity, long entityNumber, string kind, int version, ReadOnlySpan<byte> body, ReadOnlySpan<byte> previousHash)
    {
        if (previousHash.Length != Size)
            throw new ArgumentException($"The hash before event {entityNumber} of {entity} has {previousHash.Length} bytes, not {Size}.");
        ArgumentOutOfRangeException.ThrowIfLessThan(entityNumber, 1);

        var texts = entity.Tenant.Length + entity.Family.Length + entity.Id.Length + kind.Length;
        var most = 1 + 4 * 4 + 3 * texts + 8 + 4 + 4 + body.Length + Size;
        var buffer = ArrayPool<byte>.Shared.Rent(most);
        try
        {
            var to = buffer.AsSpan();
            to[0] = Layout;
            var at = 1;
            WriteText(to, ref at, entity.Tenant);
            WriteText(to, ref at, entity.Family);
            WriteText(to, ref at, entity.Id);
            BinaryPrimitives.WriteInt64LittleEndian(to[at..], entityNumber);
            at += 8;
            WriteText(to, ref at, kind);
            BinaryPrimitives.WriteInt32LittleEndian(to[at..], version);
            BinaryPrimitives.WriteInt32LittleEndian(to[(at + 4)..], body.Length);
            at += 8;
            body.CopyTo(to[at..]);
            at += body.Length;
            previousHash.CopyTo(to[at..]);
            at += Size;
            return SHA256.HashData(to[..at]);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>Whether a row's hash is that of its own contents.</summary>
    public static bool Matches(JournalRow row) =>
        row.PreviousHash.Length == Size && row.EntityNumber >= 1
        && Compute(row.Entity, row.EntityNumber, row.Event, row.PreviousHash.Span).AsSpan().SequenceEqual(row.Hash.Span);

    private static void WriteText(Span<byte> to, ref int at, string text)
    {
        var length = Encoding.UTF8.GetBytes(text, to[(at + 4)..]);
        BinaryPrimitives.WriteInt32LittleEndian(to[at..], length);
        at += 4 + length;
    }
}
