using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Athanor.Protocol;

namespace Athanor.Hosting.Stores;

/// <summary>Which shard an entity belongs to.</summary>
public static class ShardOf
{
    /// <summary>The first 4 bytes, big-endian and unsigned, of SHA-256 over the address's text (<c>tenant/family/id</c>, UTF-8), modulo the
    /// number of shards. Fixed for the life of a store: the number of shards is recorded at its creation.</summary>
    public static int Address(EntityAddress address, int shardCount)
    {
        Span<byte> hash = stackalloc byte[32];
        // Valid addresses fit: three parts of at most 128 letters of one byte.
        Span<byte> text = stackalloc byte[3 * EntityAddress.MaxPartLength + 2];
        var (tenant, family, id) = (address.Tenant, address.Family, address.Id);
        if (Encoding.UTF8.GetByteCount(tenant) + Encoding.UTF8.GetByteCount(family) + Encoding.UTF8.GetByteCount(id) + 2 > text.Length)
            text = new byte[3 * (tenant.Length + family.Length + id.Length) + 2];
        var at = Encoding.UTF8.GetBytes(tenant, text);
        text[at++] = (byte)'/';
        at += Encoding.UTF8.GetBytes(family, text[at..]);
        text[at++] = (byte)'/';
        at += Encoding.UTF8.GetBytes(id, text[at..]);
        SHA256.HashData(text[..at], hash);
        return (int)(BinaryPrimitives.ReadUInt32BigEndian(hash) % (uint)shardCount);
    }
}
