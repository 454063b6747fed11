using System.Buffers.Binary;

namespace Athanor.Protocol.Twins.Units;

/// <summary>
/// Numbers in few bytes and without loss. Plants send decimals of few digits: 351.20 is written as its decimals (one byte, 2) and 35120 as
/// a variable-length integer (7 bits a byte, least first, sign in the lowest bit), if dividing by the power of ten gives the same bits back;
/// 1.29e12 as 0x10 plus its zeros (10) and 129. What is no such decimal is written as it is: byte 0x7F and 8 bytes little-endian.
/// </summary>
public static class PackedNumbers
{
    private const byte Raw = 0x7F;
    private const byte Zeros = 0x10;
    private const int MostDecimals = 15;
    private const long Largest = 1L << 48;

    private static readonly double[] Powers = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];

    /// <summary>Most bytes that one number takes.</summary>
    public const int Most = 9;

    public static byte[] Pack(ReadOnlySpan<double> values)
    {
        Span<byte> to = values.Length <= 64 ? stackalloc byte[Most * 64] : new byte[Most * values.Length];
        var at = 0;
        var hint = 0;
        foreach (var value in values) Write(to, ref at, value, ref hint);
        return to[..at].ToArray();
    }

    public static double[] Unpack(ReadOnlySpan<byte> packed)
    {
        var values = new double[Count(packed)];
        var at = 0;
        for (var i = 0; i < values.Length; i++) values[i] = Read(packed, ref at);
        return values;
    }

    /// <param name="hint">Decimals of the number before, which are tried first.</param>
    public static void Write(Span<byte> to, ref int at, double value, ref int hint)
    {
        if (Decimal(value, ref hint, out var mantissa))
        {
            if (hint == 0 && Trimmed(ref mantissa) is var zeros and > 0) to[at++] = (byte)(Zeros + zeros);
            else to[at++] = (byte)hint;
            WriteInteger(to, ref at, mantissa);
            return;
        }
        to[at++] = Raw;
        BinaryPrimitives.WriteDoubleLittleEndian(to[at..], value);
        at += 8;
    }

    /// <exception cref="MessageFormatException">The bytes are no packed numbers.</exception>
    public static double Read(ReadOnlySpan<byte> from, ref int at)
    {
        if (at >= from.Length) throw Bad(at);
        var decimals = from[at++];
        if (decimals <= MostDecimals) return ReadInteger(from, ref at) / Powers[decimals];
        if (decimals is > Zeros and <= Zeros + MostDecimals) return ReadInteger(from, ref at) * Powers[decimals - Zeros];
        if (decimals != Raw || at + 8 > from.Length) throw Bad(at);
        at += 8;
        return BinaryPrimitives.ReadDoubleLittleEndian(from[(at - 8)..]);
    }

    public static void WriteInteger(Span<byte> to, ref int at, long value)
    {
        var left = (ulong)((value << 1) ^ (value >> 63));
        while (left >= 0x80)
        {
            to[at++] = (byte)(left | 0x80);
            left >>= 7;
        }
        to[at++] = (byte)left;
    }

    public static long ReadInteger(ReadOnlySpan<byte> from, ref int at)
    {
        ulong value = 0;
        for (var shift = 0; shift < 64; shift += 7)
        {
            if (at >= from.Length) break;
            var part = from[at++];
            value |= (ulong)(part & 0x7F) << shift;
            if (part < 0x80) return (long)(value >> 1) ^ -(long)(value & 1);
        }
        throw Bad(at);
    }

    /// <summary>The number to at least so many digits, so that it packs into few bytes.</summary>
    public static double Digits(double value, int digits)
    {
        if (!double.IsFinite(value)) return value;
        var size = Math.Abs(value);
        if (size == 0.0) return 0.0;
        var least = Powers[digits - 1];
        var zeros = 0;
        while (zeros < MostDecimals && size >= 100.0 * least * Powers[zeros]) zeros++;
        if (zeros > 0) return Whole(value, zeros);
        var decimals = 0;
        while (decimals < MostDecimals && size * Powers[decimals] < least) decimals++;
        return Rounded(value, decimals);
    }

    /// <summary>The number to a 30th of its standard deviation or finer.</summary>
    public static double Near(double value, double sd)
    {
        if (!double.IsFinite(value) || !(sd > 0) || !double.IsFinite(sd)) return value;
        var zeros = 0;
        while (zeros < MostDecimals && sd >= 300.0 * Powers[zeros]) zeros++;
        if (zeros > 0) return Whole(value, zeros);
        var decimals = 0;
        while (decimals < MostDecimals && sd * Powers[decimals] < 30.0) decimals++;
        return Rounded(value, decimals);
    }

    private static double Rounded(double value, int decimals)
    {
        var scaled = value * Powers[decimals];
        // Adding 0 turns a negative zero, which is no decimal, into zero.
        return Math.Abs(scaled) < Largest ? (Math.Round(scaled) / Powers[decimals]) + 0.0 : value;
    }

    private static double Whole(double value, int zeros)
    {
        var scaled = value / Powers[zeros];
        return Math.Abs(scaled) < Largest ? (Math.Round(scaled) * Powers[zeros]) + 0.0 : value;
    }

    /// <summary>Takes the zeros from the end of a long whole number; short ones are left as they are.</summary>
    private static int Trimmed(ref long mantissa)
    {
        if (Math.Abs(mantissa) < 1_000_000) return 0;
        var zeros = 0;
        while (zeros < MostDecimals && mantissa % 10 == 0)
        {
            mantissa /= 10;
            zeros++;
        }
        return zeros;
    }

    private static bool Decimal(double value, ref int decimals, out long mantissa)
    {
        if (Fits(value, decimals, out mantissa))
        {
            // Fewer decimals make fewer bytes, so trailing zeros go.
            while (decimals > 0 && mantissa % 10 == 0 && Fits(value, decimals - 1, out var shorter)) (decimals, mantissa) = (decimals - 1, shorter);
            return true;
        }
        for (var other = 0; other <= MostDecimals; other++)
        {
            if (other == decimals || !Fits(value, other, out mantissa)) continue;
            decimals = other;
            return true;
        }
        return false;
    }

    private static bool Fits(double value, int decimals, out long mantissa)
    {
        var scaled = Math.Round(value * Powers[decimals]);
        mantissa = 0;
        if (!(Math.Abs(scaled) < Largest)) return false;
        mantissa = (long)scaled;
        return BitConverter.DoubleToInt64Bits(mantissa / Powers[decimals]) == BitConverter.DoubleToInt64Bits(value);
    }

    private static int Count(ReadOnlySpan<byte> packed)
    {
        var (count, at) = (0, 0);
        while (at < packed.Length)
        {
            _ = Read(packed, ref at);
            count++;
        }
        return count;
    }

    private static MessageFormatException Bad(int at) => new("no packed number", at);
}
