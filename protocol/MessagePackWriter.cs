using System.Buffers.Binary;
using System.Text;

namespace Athanor.Protocol;

/// <summary>
/// Writes MessagePack into a buffer that grows. Canonical: the same values always give the same bytes. Integers and lengths take their
/// shortest form, a double is always float64 and a float always float32, NaN has one pattern, times take the shortest timestamp form.
/// Containers nest at most <see cref="MessagePackReader.MaxDepth"/> deep, so that whatever is written can be read.
/// </summary>
public sealed class MessagePackWriter
{
    private static readonly UTF8Encoding Utf8 = new(false, true);
    private byte[] _buffer;
    private int _length;
    private int _depth;

    /// <param name="registry">Knows the kinds of members that are typed as marker interfaces; null if there are none.</param>
    public MessagePackWriter(MessageRegistry? registry = null, int capacity = 256)
    {
        Registry = registry;
        _buffer = new byte[capacity];
    }

    public MessageRegistry? Registry { get; }

    public ReadOnlySpan<byte> Written => _buffer.AsSpan(0, _length);

    public byte[] ToArray() => Written.ToArray();

    /// <summary>Forgets what was written and keeps the buffer.</summary>
    public void Clear()
    {
        _length = 0;
        _depth = 0;
    }

    public void WriteNil() => Byte(MessagePackCode.Nil);

    public void Write(bool value) => Byte(value ? MessagePackCode.True : MessagePackCode.False);

    public void Write(int value) => Write((long)value);

    public void Write(uint value) => Write((ulong)value);

    public void Write(long value)
    {
        if (value >= 0) Write((ulong)value);
        else if (value >= -32) Byte((byte)value);
        else if (value >= sbyte.MinValue) Byte(MessagePackCode.Int8, (byte)value);
        else if (value >= short.MinValue) BinaryPrimitives.WriteInt16BigEndian(Coded(MessagePackCode.Int16, 2), (short)value);
        else if (value >= int.MinValue) BinaryPrimitives.WriteInt32BigEndian(Coded(MessagePackCode.Int32, 4), (int)value);
        else BinaryPrimitives.WriteInt64BigEndian(Coded(MessagePackCode.Int64, 8), value);
    }

    public void Write(ulong value)
    {
        if (value <= 0x7f) Byte((byte)value);
        else if (value <= byte.MaxValue) Byte(MessagePackCode.UInt8, (byte)value);
        else if (value <= ushort.MaxValue) BinaryPrimitives.WriteUInt16BigEndian(Coded(MessagePackCode.UInt16, 2), (ushort)value);
        else if (value <= uint.MaxValue) BinaryPrimitives.WriteUInt32BigEndian(Coded(MessagePackCode.UInt32, 4), (uint)value);
        else BinaryPrimitives.WriteUInt64BigEndian(Coded(MessagePackCode.UInt64, 8), value);
    }

    // Which NaN a processor makes differs between processors; its payload says nothing, so it must not change a state hash.
    public void Write(float value) =>
        BinaryPrimitives.WriteUInt32BigEndian(
            Coded(MessagePackCode.Float32, 4), float.IsNaN(value) ? 0x7fc00000u : BitConverter.SingleToUInt32Bits(value));

    public void Write(double value) =>
        BinaryPrimitives.WriteUInt64BigEndian(
            Coded(MessagePackCode.Float64, 8), double.IsNaN(value) ? 0x7ff8000000000000u : BitConverter.DoubleToUInt64Bits(value));

    public void Write(string value)
    {
        ArgumentNullException.ThrowIfNull(value);
        var length = Utf8.GetByteCount(value);
        if (length <= 31) Byte((byte)(MessagePackCode.FixStr | length));
        else Length(length, MessagePackCode.Str8, MessagePackCode.Str16, MessagePackCode.Str32);
        Utf8.GetBytes(value, Take(length));
    }

    public void WriteBytes(ReadOnlySpan<byte> value)
    {
        Length(value.Length, MessagePackCode.Bin8, MessagePackCode.Bin16, MessagePackCode.Bin32);
        value.CopyTo(Take(value.Length));
    }

    public void WriteExtension(sbyte type, ReadOnlySpan<byte> value)
    {
        switch (value.Length)
        {
            case 1: Byte(MessagePackCode.FixExt1); break;
            case 2: Byte(MessagePackCode.FixExt2); break;
            case 4: Byte(MessagePackCode.FixExt4); break;
            case 8: Byte(MessagePackCode.FixExt8); break;
            case 16: Byte(MessagePackCode.FixExt16); break;
            default: Length(value.Length, MessagePackCode.Ext8, MessagePackCode.Ext16, MessagePackCode.Ext32); break;
        }
        Byte((byte)type);
        value.CopyTo(Take(value.Length));
    }

    /// <summary>A point in time as (seconds since 1970-01-01T00:00:00Z, nanoseconds within that second).</summary>
    public void WriteTimestamp(long seconds, uint nanoseconds)
    {
        if (nanoseconds > 999_999_999) throw new ArgumentOutOfRangeException(nameof(nanoseconds), nanoseconds, "at most 999999999");
        Span<byte> data = stackalloc byte[12];
        if (seconds >>> 34 != 0)
        {
            BinaryPrimitives.WriteUInt32BigEndian(data, nanoseconds);
            BinaryPrimitives.WriteInt64BigEndian(data[4..], seconds);
        }
        else if (nanoseconds != 0 || seconds > uint.MaxValue)
        {
            BinaryPrimitives.WriteUInt64BigEndian(data, ((ulong)nanoseconds << 34) | (ulong)seconds);
            data = data[..8];
        }
        else
        {
            BinaryPrimitives.WriteUInt32BigEndian(data, (uint)seconds);
            data = data[..4];
        }
        WriteExtension(MessagePackCode.Timestamp, data);
    }

    /// <summary>The moment; the offset from UTC is not written.</summary>
    public void Write(DateTimeOffset value)
    {
        var ticks = value.UtcTicks - DateTimeOffset.UnixEpoch.UtcTicks;
        var seconds = Math.DivRem(ticks, TimeSpan.TicksPerSecond, out var rest);
        if (rest < 0)
        {
            seconds--;
            rest += TimeSpan.TicksPerSecond;
        }
        WriteTimestamp(seconds, (uint)(rest * TimeSpan.NanosecondsPerTick));
    }

    /// <summary>In ticks of 100 ns.</summary>
    public void Write(TimeSpan value) => Write(value.Ticks);

    /// <summary>As 16 bytes in the order of RFC 9562.</summary>
    public void Write(Guid value)
    {
        Span<byte> bytes = stackalloc byte[16];
        value.TryWriteBytes(bytes, bigEndian: true, out _);
        WriteBytes(bytes);
    }

    public void WriteArray(ReadOnlySpan<double> values)
    {
        BeginArray(values.Length);
        foreach (var value in values) Write(value);
        End();
    }

    public void WriteArray(ReadOnlySpan<float> values)
    {
        BeginArray(values.Length);
        foreach (var value in values) Write(value);
        End();
    }

    public void WriteArray(ReadOnlySpan<int> values)
    {
        BeginArray(values.Length);
        foreach (var value in values) Write(value);
        End();
    }

    public void WriteArray(ReadOnlySpan<long> values)
    {
        BeginArray(values.Length);
        foreach (var value in values) Write(value);
        End();
    }

    /// <summary>Begins an array of that many values; <see cref="End"/> ends it.</summary>
    public void BeginArray(int count)
    {
        Enter();
        if (count <= 15) Byte((byte)(MessagePackCode.FixArray | count));
        else Length(count, 0, MessagePackCode.Array16, MessagePackCode.Array32);
    }

    /// <summary>Begins a map of that many pairs of key and value; <see cref="End"/> ends it.</summary>
    public void BeginMap(int count)
    {
        Enter();
        if (count <= 15) Byte((byte)(MessagePackCode.FixMap | count));
        else Length(count, 0, MessagePackCode.Map16, MessagePackCode.Map32);
    }

    public void End() => _depth--;

    /// <summary>A message as [kind, version, body], the body being the map itself.</summary>
    public void WriteMessage(IMessage message) =>
        (Registry ?? throw new InvalidOperationException("the writer has no MessageRegistry, and a member needs one")).Write(this, message);

    /// <summary>What generated code throws when a member that must have a value has none.</summary>
    public static InvalidOperationException Null(string type, string member) =>
        new($"{type}.{member} is null and cannot be written; give it a value or declare it nullable");

    private void Enter()
    {
        if (++_depth > MessagePackReader.MaxDepth)
            throw new InvalidOperationException($"the message nests deeper than {MessagePackReader.MaxDepth} containers");
    }

    // A code of 0 says that the format has no 8-bit length.
    private void Length(int length, byte code8, byte code16, byte code32)
    {
        if (code8 != 0 && length <= byte.MaxValue) Byte(code8, (byte)length);
        else if (length <= ushort.MaxValue) BinaryPrimitives.WriteUInt16BigEndian(Coded(code16, 2), (ushort)length);
        else BinaryPrimitives.WriteUInt32BigEndian(Coded(code32, 4), (uint)length);
    }

    private void Byte(byte value) => Take(1)[0] = value;

    private void Byte(byte code, byte value) => Coded(code, 1)[0] = value;

    private Span<byte> Coded(byte code, int count)
    {
        var span = Take(count + 1);
        span[0] = code;
        return span[1..];
    }

    private Span<byte> Take(int count)
    {
        if (_buffer.Length - _length < count) Array.Resize(ref _buffer, Math.Max(_buffer.Length * 2, checked(_length + count)));
        var span = _buffer.AsSpan(_length, count);
        _length += count;
        return span;
    }
}
