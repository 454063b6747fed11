using System.Globalization;
using System.Text;
using Athanor.Hosting.Stores;
using Athanor.Hosting.Stores.Integrity;

namespace Athanor.Hosting.Blobs;

/// <summary>The chunks of a blob that is larger than one chunk, in order. A text file, so that a person can put a blob together by hand:
/// <code>
/// athanor-manifest 1
/// length 3145731
/// SHA-256 of chunk 0, in hex
/// …
/// crc CRC-32C of everything above, in hex
/// </code></summary>
internal sealed record BlobManifest(long Length, IReadOnlyList<string> Chunks)
{
    public byte[] ToBytes()
    {
        var text = new StringBuilder("athanor-manifest 1\n").Append(CultureInfo.InvariantCulture, $"length {Length}\n");
        foreach (var chunk in Chunks) text.Append(chunk).Append('\n');
        var crc = RowCrc.Compute(Encoding.ASCII.GetBytes(text.ToString()));
        return Encoding.ASCII.GetBytes(text.Append(CultureInfo.InvariantCulture, $"crc {crc:x8}\n").ToString());
    }

    /// <exception cref="DamageException">It is not what <see cref="ToBytes"/> wrote.</exception>
    public static BlobManifest Parse(string blob, ReadOnlySpan<byte> bytes)
    {
        const int Tail = 13; // "crc " + 8 digits + newline
        var lines = Encoding.ASCII.GetString(bytes).Split('\n');
        if (bytes.Length < Tail || lines.Length < 4 || lines[^1] != "" || lines[0] != "athanor-manifest 1"
            || lines[^2] != $"crc {RowCrc.Compute(bytes[..^Tail]):x8}"
            || !lines[1].StartsWith("length ", StringComparison.Ordinal)
            || !long.TryParse(lines[1].AsSpan(7), NumberStyles.None, CultureInfo.InvariantCulture, out var length))
        {
            throw new DamageException($"blob {blob}", "its manifest is damaged");
        }
        return new BlobManifest(length, lines[2..^2]);
    }
}
