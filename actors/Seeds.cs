using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Athanor.Actors;

/// <summary>Seeds derived from a root seed and a purpose, so that a repeated run draws the same.</summary>
public static class Seeds
{
    /// <summary>The first 8 bytes, little-endian, of SHA-256 over (root seed as 8 bytes little-endian, purpose in UTF-8).</summary>
    public static ulong Derive(ulong rootSeed, string purpose)
    {
        var text = Encoding.UTF8.GetBytes(purpose);
        var input = new byte[8 + text.Length];
        BinaryPrimitives.WriteUInt64LittleEndian(input, rootSeed);
        text.CopyTo(input, 8);
        return BinaryPrimitives.ReadUInt64LittleEndian(SHA256.HashData(input));
    }
}
