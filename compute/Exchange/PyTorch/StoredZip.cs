using System.Buffers.Binary;
using System.Text;

namespace Athanor.Compute.Exchange.PyTorch;

/// <summary>
/// A zip archive of uncompressed entries without times, so the same content gives the same bytes. The data of each entry begin at a multiple of
/// 64, by an extra field of padding, as PyTorch writes it: readers map tensors straight from the file.
/// </summary>
internal sealed class StoredZip
{
    private const int Alignment = 64, LocalHeader = 30, Padding = 0x4246;

    private static readonly uint[] Table = MakeTable();

    private readonly MemoryStream _bytes = new();
    private readonly List<byte[]> _directory = [];

    public void Add(string name, ReadOnlySpan<byte> content)
    {
        if (_bytes.Length + content.Length > int.MaxValue / 2)
            throw new ExchangeException("a state dict of ours holds at most 1 GiB; --safetensors writes larger models");
        var (utf8, at, crc) = (Encoding.UTF8.GetBytes(name), (uint)_bytes.Length, Crc32(content));
        var extra = (int)((Alignment - ((at + LocalHeader + utf8.Length + 4) % Alignment)) % Alignment) + 4;
        var header = new byte[LocalHeader + utf8.Length + extra];
        Put(header, 0, 0x04034b50);
        Common(header.AsSpan(4), crc, content.Length, utf8.Length, extra);
        utf8.CopyTo(header, LocalHeader);
        BinaryPrimitives.WriteUInt16LittleEndian(header.AsSpan(LocalHeader + utf8.Length), Padding);
        BinaryPrimitives.WriteUInt16LittleEndian(header.AsSpan(LocalHeader + utf8.Length + 2), (ushort)(extra - 4));
        _bytes.Write(header);
        _bytes.Write(content);

        var entry = new byte[46 + utf8.Length];
        Put(entry, 0, 0x02014b50);
        Common(entry.AsSpan(6), crc, content.Length, utf8.Length, 0);
        Put(entry, 42, at);
        utf8.CopyTo(entry, 46);
        _directory.Add(entry);
    }

    public byte[] ToArray()
    {
        var start = (uint)_bytes.Length;
        foreach (var entry in _directory) _bytes.Write(entry);
        var end = new byte[22];
        Put(end, 0, 0x06054b50);
        BinaryPrimitives.WriteUInt16LittleEndian(end.AsSpan(8), (ushort)_directory.Count);
        BinaryPrimitives.WriteUInt16LittleEndian(end.AsSpan(10), (ushort)_directory.Count);
        Put(end, 12, (uint)_bytes.Length - start);
        Put(end, 16, start);
        _bytes.Write(end);
        return _bytes.ToArray();
    }

    /// <summary>What a local header and a directory entry both say: version 2.0, names in UTF-8, stored, no time.</summary>
    private static void Common(Span<byte> fields, uint crc, int size, int name, int extra)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(fields, 20);
        BinaryPrimitives.WriteUInt16LittleEndian(fields[2..], 0x0800);
        // The first of January 1980: the earliest date that the format knows.
        BinaryPrimitives.WriteUInt16LittleEndian(fields[8..], 0x21);
        BinaryPrimitives.WriteUInt32LittleEndian(fields[10..], crc);
        BinaryPrimitives.WriteInt32LittleEndian(fields[14..], size);
        BinaryPrimitives.WriteInt32LittleEndian(fields[18..], size);
        BinaryPrimitives.WriteUInt16LittleEndian(fields[22..], (ushort)name);
        BinaryPrimitives.WriteUInt16LittleEndian(fields[24..], (ushort)extra);
    }

    private static void Put(byte[] bytes, int at, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(at), value);

    /// <summary>CRC-32 of ISO 3309, polynomial 0xEDB88320 (reflected).</summary>
    private static uint Crc32(ReadOnlySpan<byte> content)
    {
        var crc = ~0u;
        foreach (var b in content) crc = Table[(byte)(crc ^ b)] ^ (crc >> 8);
        return ~crc;
    }

    private static uint[] MakeTable()
    {
        var table = new uint[256];
        for (uint i = 0; i < 256; i++)
        {
            var c = i;
            for (var k = 0; k < 8; k++) c = (c & 1) != 0 ? 0xEDB88320 ^ (c >> 1) : c >> 1;
            table[i] = c;
        }
        return table;
    }
}
