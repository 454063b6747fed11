using System.Buffers.Binary;
using System.Numerics;
using System.Text;

namespace Athanor.Hosting.Stores.Integrity;

/// <summary>
/// The CRC-32C (Castagnoli; RFC 3720, appendix B.4) that every stored row carries over all its other columns, in their order. It starts
/// with the table's name, so a row that turns up in another table does not match, and each column brings its type and length, so that
/// bytes cannot move from one column to the next unseen. A CRC-32C finds every burst of up to 32 bits, hence every damaged byte.
/// </summary>
internal struct RowCrc
{
    private uint _crc;

    public static RowCrc Of(string table)
    {
        var crc = new RowCrc { _crc = ~0u };
        crc.Add(table);
        return crc;
    }

    /// <summary>The CRC of everything added so far.</summary>
    public readonly uint Value => ~_crc;

    /// <summary>CRC-32C of a run of bytes.</summary>
    public static uint Compute(ReadOnlySpan<byte> bytes)
    {
        var crc = new RowCrc { _crc = ~0u };
        crc.AddBytes(bytes);
        return crc.Value;
    }

    public void AddNull() => _crc = BitOperations.Crc32C(_crc, (byte)0);

    public void Add(long value)
    {
        _crc = BitOperations.Crc32C(_crc, (byte)1);
        _crc = BitOperations.Crc32C(_crc, (ulong)value);
    }

    public void Add(string text)
    {
        Span<byte> small = stackalloc byte[512];
        var most = Encoding.UTF8.GetMaxByteCount(text.Length);
        var utf8 = most <= small.Length ? small : new byte[most];
        AddText(utf8[..Encoding.UTF8.GetBytes(text, utf8)]);
    }

    public void AddText(ReadOnlySpan<byte> utf8)
    {
        _crc = BitOperations.Crc32C(_crc, (byte)2);
        _crc = BitOperations.Crc32C(_crc, (uint)utf8.Length);
        AddBytes(utf8);
    }

    public void AddBlob(ReadOnlySpan<byte> blob)
    {
        _crc = BitOperations.Crc32C(_crc, (byte)3);
        _crc = BitOperations.Crc32C(_crc, (uint)blob.Length);
        AddBytes(blob);
    }

    private void AddBytes(ReadOnlySpan<byte> bytes)
    {
        var crc = _crc;
        while (bytes.Length >= 8)
        {
            crc = BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
            bytes = bytes[8..];
        }
        foreach (var b in bytes) crc = BitOperations.Crc32C(crc, b);
        _crc = crc;
    }
}
