using System.Buffers.Binary;

namespace Athanor.Protocol;

// Numbers in any of their forms, and arrays of them.
public ref partial struct MessagePackReader
{
    public int ReadInt32() => (int)ReadSigned(int.MinValue, int.MaxValue);

    public long ReadInt64() => ReadSigned(long.MinValue, long.MaxValue);

    public uint ReadUInt32() => (uint)ReadUnsigned(uint.MaxValue);

    public ulong ReadUInt64() => ReadUnsigned(ulong.MaxValue);

    /// <summary>Reads any number. An integer beyond 2^53 is rounded.</summary>
    public double ReadDouble()
    {
        switch (Peek())
        {
            case MessagePackCode.Float64:
                return BinaryPrimitives.ReadDoubleBigEndian(TakeCoded(8));
            case MessagePackCode.Float32:
                return BinaryPrimitives.ReadSingleBigEndian(TakeCoded(4));
            default:
                if (NextType != MessagePackType.Integer) throw Expected("a number");
                ReadInteger(out var magnitude, out var negative);
                return negative ? (long)magnitude : (double)magnitude;
        }
    }

    /// <summary>Reads any number that a float holds exactly, or NaN.</summary>
    public float ReadSingle()
    {
        if (Peek() == MessagePackCode.Float32) return BinaryPrimitives.ReadSingleBigEndian(TakeCoded(4));
        var start = _position;
        var value = ReadDouble();
        var single = (float)value;
        if (single != value && !double.IsNaN(value)) throw Error($"{value:R} is no 32-bit float", start);
        return single;
    }

    public double[] ReadDoubleArray()
    {
        var values = new double[BeginArray()];
        for (var i = 0; i < values.Length; i++) values[i] = ReadDouble();
        End();
        return values;
    }

    public float[] ReadSingleArray()
    {
        var values = new float[BeginArray()];
        for (var i = 0; i < values.Length; i++) values[i] = ReadSingle();
        End();
        return values;
    }

    public int[] ReadInt32Array()
    {
        var values = new int[BeginArray()];
        for (var i = 0; i < values.Length; i++) values[i] = ReadInt32();
        End();
        return values;
    }

    public long[] ReadInt64Array()
    {
        var values = new long[BeginArray()];
        for (var i = 0; i < values.Length; i++) values[i] = ReadInt64();
        End();
        return values;
    }

    private long ReadSigned(long min, long max)
    {
        var start = _position;
        ReadIntegerOrWholeFloat(out var magnitude, out var negative);
        var value = (long)magnitude;
        if ((!negative && magnitude > (ulong)max) || (negative && value < min))
            throw Error($"{(negative ? value.ToString() : magnitude.ToString())} is outside {min} to {max}", start);
        return value;
    }

    private ulong ReadUnsigned(ulong max)
    {
        var start = _position;
        ReadIntegerOrWholeFloat(out var magnitude, out var negative);
        if (negative || magnitude > max)
            throw Error($"{(negative ? ((long)magnitude).ToString() : magnitude.ToString())} is outside 0 to {max}", start);
        return magnitude;
    }

    // Writers in languages with one number type write whole numbers as floats.
    private void ReadIntegerOrWholeFloat(out ulong magnitude, out bool negative)
    {
        if (NextType != MessagePackType.Float)
        {
            ReadInteger(out magnitude, out negative);
            return;
        }
        var start = _position;
        var value = ReadDouble();
        // 2^64 and -2^63 are the first and last doubles outside and inside the range of the two integers.
        if (value != Math.Floor(value) || value < -9223372036854775808.0 || value >= 18446744073709551616.0)
            throw Error($"expected an integer, found {value:R}", start);
        negative = value < 0;
        magnitude = negative ? (ulong)(long)value : (ulong)value;
    }

    /// <summary>A negative number comes as its 64-bit pattern.</summary>
    private void ReadInteger(out ulong magnitude, out bool negative)
    {
        var code = Peek();
        long signed;
        switch (code)
        {
            case < MessagePackCode.FixMap: signed = Advance(code); break;
            case >= MessagePackCode.NegativeFixInt: signed = (sbyte)Advance(code); break;
            case MessagePackCode.UInt8: signed = TakeCoded(1)[0]; break;
            case MessagePackCode.UInt16: signed = BinaryPrimitives.ReadUInt16BigEndian(TakeCoded(2)); break;
            case MessagePackCode.UInt32: signed = BinaryPrimitives.ReadUInt32BigEndian(TakeCoded(4)); break;
            case MessagePackCode.UInt64:
                magnitude = BinaryPrimitives.ReadUInt64BigEndian(TakeCoded(8));
                negative = false;
                return;
            case MessagePackCode.Int8: signed = (sbyte)TakeCoded(1)[0]; break;
            case MessagePackCode.Int16: signed = BinaryPrimitives.ReadInt16BigEndian(TakeCoded(2)); break;
            case MessagePackCode.Int32: signed = BinaryPrimitives.ReadInt32BigEndian(TakeCoded(4)); break;
            case MessagePackCode.Int64: signed = BinaryPrimitives.ReadInt64BigEndian(TakeCoded(8)); break;
            default: throw Expected("an integer");
        }
        magnitude = (ulong)signed;
        negative = signed < 0;
    }
}
