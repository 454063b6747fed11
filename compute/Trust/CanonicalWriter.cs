using System.Buffers;
using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Athanor.Compute.Trust;

/// <summary>
/// Writes values so that equal values are equal bytes and different ones never are: a domain first, little-endian numbers of fixed width,
/// and a length before everything that has one. Minus zero is written as zero; NaN is refused.
/// </summary>
public sealed class CanonicalWriter
{
    private readonly ArrayBufferWriter<byte> _bytes = new();

    /// <param name="domain">What the bytes are, e.g. <c>athanor.claim.1</c>: the same values in another domain are other bytes.</param>
    public CanonicalWriter(string domain) => Text(domain);

    public CanonicalWriter Text(string value)
    {
        var count = Encoding.UTF8.GetByteCount(value);
        Number(count);
        Encoding.UTF8.GetBytes(value, _bytes.GetSpan(count));
        _bytes.Advance(count);
        return this;
    }

    public CanonicalWriter Number(long value)
    {
        BinaryPrimitives.WriteInt64LittleEndian(_bytes.GetSpan(8), value);
        _bytes.Advance(8);
        return this;
    }

    /// <exception cref="ArgumentException">The value is not a number.</exception>
    public CanonicalWriter Real(double value)
    {
        if (double.IsNaN(value)) throw new ArgumentException("NaN has no canonical bytes", nameof(value));
        return Number(BitConverter.DoubleToInt64Bits(value == 0 ? 0.0 : value));
    }

    public CanonicalWriter Blob(ReadOnlySpan<byte> value)
    {
        Number(value.Length);
        _bytes.Write(value);
        return this;
    }

    public byte[] ToArray() => _bytes.WrittenSpan.ToArray();

    public byte[] Hash() => SHA256.HashData(_bytes.WrittenSpan);
}
