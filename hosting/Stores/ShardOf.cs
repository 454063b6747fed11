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
        SHA256.HashData(Encoding.UTF8.GetBytes(address.ToString()), hash);
        return (int)(BinaryPrimitives.ReadUInt32BigEndian(hash) % (uint)shardCount);
    }
}
