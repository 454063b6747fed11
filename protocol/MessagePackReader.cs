using System.Buffers.Binary;
using System.Text;
using System.Text.Unicode;

namespace Athanor.Protocol;

/// <summary>
/// Reads MessagePack from untrusted bytes, in any legal form. Whatever is wrong is a <see cref="MessageFormatException"/> with its
/// offset. A length is believed only as far as bytes remain (an item takes at least one), so a lie costs no memory; containers nest at
/// most <see cref="MaxDepth"/> deep.
/// </summary>
public ref partial struct MessagePackReader
{
    /// <summary>How deep arrays and maps may nest.</summary>
    public const int MaxDepth = 64;

    private readonly ReadOnlySpan<byte> _data;
    private int _position;
    private int _depth;

    /// <param name="registry">Knows the kinds of members that are typed as marker interfaces; null if there are none.</param>
    public MessagePackReader(ReadOnlySpan<byte> data, MessageRegistry? registry = null)
    {
        _data = data;
        Registry = registry;
    }

    public MessageRegistry? Registry { get; }

    /// <summary>Offset of the next byte.</summary>
    public readonly int Position => _position;

    public readonly int Remaining => _data.Length - _position;

    public readonly MessagePackType NextType => Peek() switch
    {
        < MessagePackCode.FixMap or >= MessagePackCode.NegativeFixInt => MessagePackType.Integer,
        < MessagePackCode.FixArray or MessagePackCode.Map16 or MessagePackCode.Map32 => MessagePackType.Map,
        < MessagePackCode.FixStr or MessagePackCode.Array16 or MessagePackCode.Array32 => MessagePackType.Array,
        < MessagePackCode.Nil or MessagePackCode.Str8 or MessagePackCode.Str16 or MessagePackCode.Str32 => MessagePackType.String,
        MessagePackCode.Nil => MessagePackType.Nil,
        MessagePackCode.False or MessagePackCode.True => MessagePackType.Bool,
        MessagePackCode.Bin8 or MessagePackCode.Bin16 or MessagePackCode.Bin32 => MessagePackType.Binary,
        MessagePackCode.Float32 or MessagePackCode.Float64 => MessagePackType.Float,
        >= MessagePackCode.UInt8 and <= MessagePackCode.Int64 => MessagePackType.Integer,
        MessagePackCode.NeverUsed => throw Error("0xc1 begins no value"),
        _ => MessagePackType.Extension,
    };

    /// <summary>Reads nil if it is next.</summary>
    public bool TryReadNil()
    {
        if (Peek() != MessagePackCode.Nil) return false;
        _position++;
        return true;
    }

    public bool ReadBool() => Peek() switch
    {
        MessagePackCode.False => Advance(false),
        MessagePackCode.True => Advance(true),
        _ => throw Expected("true or false"),
    };

    public string ReadString()
    {
        var start = _position;
        var bytes = ReadUtf8();
        return Utf8.IsValid(bytes) ? Encoding.UTF8.GetString(bytes) : throw Error("the string is not valid UTF-8", start);
    }

    /// <summary>The bytes of a string, unchecked.</summary>
    public ReadOnlySpan<byte> ReadUtf8()
    {
        var start = _position;
        var code = Peek();
        var length = code switch
        {
            >= MessagePackCode.FixStr and < MessagePackCode.Nil => (uint)(Advance(code) & 0x1f),
            MessagePackCode.Str8 => TakeCoded(1)[0],
            MessagePackCode.Str16 => BinaryPrimitives.ReadUInt16BigEndian(TakeCoded(2)),
            MessagePackCode.Str32 => BinaryPrimitives.ReadUInt32BigEndian(TakeCoded(4)),
            _ => throw Expected("a string"),
        };
        return Take(length, start);
    }

    public byte[] ReadByteArray() => ReadBytes().ToArray();

    public ReadOnlySpan<byte> ReadBytes()
    {
        var start = _position;
        var length = Peek() switch
        {
            MessagePackCode.Bin8 => TakeCoded(1)[0],
            MessagePackCode.Bin16 => BinaryPrimitives.ReadUInt16BigEndian(TakeCoded(2)),
            MessagePackCode.Bin32 => BinaryPrimitives.ReadUInt32BigEndian(TakeCoded(4)),
            _ => throw Expected("bytes"),
        };
        return Take(length, start);
    }

    public ReadOnlySpan<byte> ReadExtension(out sbyte type)
    {
        var start = _position;
        var length = Peek() switch
        {
            MessagePackCode.FixExt1 => Advance(1u),
            MessagePackCode.FixExt2 => Advance(2u),
            MessagePackCode.FixExt4 => Advance(4u),
            MessagePackCode.FixExt8 => Advance(8u),
            MessagePackCode.FixExt16 => Advance(16u),
            MessagePackCode.Ext8 => TakeCoded(1)[0],
            MessagePackCode.Ext16 => BinaryPrimitives.ReadUInt16BigEndian(TakeCoded(2)),
            MessagePackCode.Ext32 => BinaryPrimitives.ReadUInt32BigEndian(TakeCoded(4)),
            _ => throw Expected("an extension"),
        };
        type = (sbyte)Take(1, start)[0];
        return Take(length, start);
    }

    /// <summary>A point in time as seconds since 1970-01-01T00:00:00Z, and nanoseconds within that second.</summary>
    public (long Seconds, uint Nanoseconds) ReadTimestamp()
    {
        var start = _position;
        var data = ReadExtension(out var type);
        if (type != MessagePackCode.Timestamp) throw Error($"expected a timestamp, found an extension of type {type}", start);
        (long Seconds, uint Nanoseconds) time;
        switch (data.Length)
        {
            case 4:
                time = (BinaryPrimitives.ReadUInt32BigEndian(data), 0);
                break;
            case 8:
                var both = BinaryPrimitives.ReadUInt64BigEndian(data);
                time = ((long)(both & 0x3_ffff_ffff), (uint)(both >> 34));
                break;
            case 12:
                time = (BinaryPrimitives.ReadInt64BigEndian(data[4..]), BinaryPrimitives.ReadUInt32BigEndian(data));
                break;
            default:
                throw Error($"a timestamp has 4, 8 or 12 bytes, found {data.Length}", start);
        }
        return time.Nanoseconds <= 999_999_999 ? time : throw Error("a timestamp's nanoseconds are at most 999999999", start);
    }

    /// <summary>A moment in UTC between the years 1 and 9999; what is finer than 100 ns is cut off.</summary>
    public DateTimeOffset ReadDateTimeOffset()
    {
        var start = _position;
        var (seconds, nanoseconds) = ReadTimestamp();
        if (seconds < -62135596800 || seconds > 253402300799) throw Error("the timestamp is outside the years 1 to 9999", start);
        return DateTimeOffset.UnixEpoch.AddTicks((seconds * TimeSpan.TicksPerSecond) + (nanoseconds / TimeSpan.NanosecondsPerTick));
    }

    public TimeSpan ReadTimeSpan() => new(ReadInt64());

    public Guid ReadGuid()
    {
        var start = _position;
        var bytes = ReadBytes();
        return bytes.Length == 16 ? new Guid(bytes, bigEndian: true) : throw Error($"a GUID has 16 bytes, found {bytes.Length}", start);
    }

    /// <summary>Begins an array and returns how many values it has; <see cref="End"/> ends it.</summary>
    public int BeginArray()
    {
        var start = _position;
        var count = ArrayCount();
        if (count > (uint)Remaining) throw Error($"an array of {count} items in the {Remaining} bytes that remain", start);
        return Enter(count, start);
    }

    /// <summary>Begins a map and returns how many pairs of key and value it has; <see cref="End"/> ends it.</summary>
    public int BeginMap()
    {
        var start = _position;
        var count = MapCount();
        if (count > (uint)Remaining / 2) throw Error($"a map of {count} pairs in the {Remaining} bytes that remain", start);
        return Enter(count, start);
    }

    public void End() => _depth--;

    /// <summary>Reads the key of a member. What no member can have as its key reads as -1, so that it is skipped.</summary>
    public int ReadKey()
    {
        if (NextType != MessagePackType.Integer)
        {
            Skip();
            return -1;
        }
        ReadInteger(out var magnitude, out var negative);
        return negative || magnitude > int.MaxValue ? -1 : (int)magnitude;
    }

    /// <summary>Skips one value of any type.</summary>
    public void Skip()
    {
        switch (NextType)
        {
            case MessagePackType.Nil or MessagePackType.Bool:
                _position++;
                break;
            case MessagePackType.Integer:
                ReadInteger(out _, out _);
                break;
            case MessagePackType.Float:
                TakeCoded(Peek() == MessagePackCode.Float32 ? 4 : 8);
                break;
            case MessagePackType.String:
                ReadUtf8();
                break;
            case MessagePackType.Binary:
                ReadBytes();
                break;
            case MessagePackType.Extension:
                ReadExtension(out _);
                break;
            case MessagePackType.Array:
                for (var i = BeginArray(); i > 0; i--) Skip();
                End();
                break;
            default:
                for (var i = BeginMap(); i > 0; i--)
                {
                    Skip();
                    Skip();
                }
                End();
                break;
        }
    }

    /// <summary>The bytes of one value of any type.</summary>
    public ReadOnlySpan<byte> ReadRaw()
    {
        var start = _position;
        Skip();
        return _data[start.._position];
    }

    /// <summary>Reads a message written as [kind, version, body]; it must be a <typeparamref name="T"/>.</summary>
    public T ReadMessage<T>()
        where T : class, IMessage
    {
        var registry = Registry ?? throw new InvalidOperationException("the reader has no MessageRegistry, and a member needs one");
        var start = _position;
        var message = registry.Read(ref this);
        return message as T ?? throw Error($"'{registry.KindOf(message)}' stands where a {typeof(T).Name} belongs", start);
    }

    /// <summary>Refuses bytes after the value.</summary>
    public readonly void EndOfData()
    {
        if (Remaining != 0) throw Error($"{Remaining} bytes after the end of the value");
    }

    /// <summary>What generated code throws when a key without a default is absent.</summary>
    public readonly MessageFormatException Missing(string type, int key, string member) =>
        Error($"{type} lacks key {key} ({member}), which has no default");

    /// <summary>What generated code throws when a key stands twice in one map.</summary>
    public readonly MessageFormatException Twice(string type, int key, string member) => Error($"{type} has key {key} ({member}) twice");

    public readonly MessageFormatException Error(string problem) => new(problem, _position);

    private static MessageFormatException Error(string problem, int offset) => new(problem, offset);

    private readonly MessageFormatException Expected(string what) => Error($"expected {what}, found {Name(NextType)}");

    private static string Name(MessagePackType type) => type switch
    {
        MessagePackType.Nil => "nil",
        MessagePackType.Bool => "a bool",
        MessagePackType.Integer => "an integer",
        MessagePackType.Float => "a float",
        MessagePackType.String => "a string",
        MessagePackType.Binary => "bytes",
        MessagePackType.Array => "an array",
        MessagePackType.Map => "a map",
        _ => "an extension",
    };

    private int Enter(uint count, int start)
    {
        if (++_depth > MaxDepth) throw Error($"containers nest deeper than {MaxDepth}", start);
        return (int)count;
    }

    private uint ArrayCount()
    {
        var code = Peek();
        return code switch
        {
            >= MessagePackCode.FixArray and < MessagePackCode.FixStr => (uint)(Advance(code) & 0xf),
            MessagePackCode.Array16 => BinaryPrimitives.ReadUInt16BigEndian(TakeCoded(2)),
            MessagePackCode.Array32 => BinaryPrimitives.ReadUInt32BigEndian(TakeCoded(4)),
            _ => throw Expected("an array"),
        };
    }

    private uint MapCount()
    {
        var code = Peek();
        return code switch
        {
            >= MessagePackCode.FixMap and < MessagePackCode.FixArray => (uint)(Advance(code) & 0xf),
            MessagePackCode.Map16 => BinaryPrimitives.ReadUInt16BigEndian(TakeCoded(2)),
            MessagePackCode.Map32 => BinaryPrimitives.ReadUInt32BigEndian(TakeCoded(4)),
            _ => throw Expected("a map"),
        };
    }

    private readonly byte Peek() => _position < _data.Length ? _data[_position] : throw Error("the bytes end where a value should begin");

    private T Advance<T>(T result)
    {
        _position++;
        return result;
    }

    private ReadOnlySpan<byte> TakeCoded(int count)
    {
        var start = _position++;
        return Take((uint)count, start);
    }

    private ReadOnlySpan<byte> Take(uint count, int start)
    {
        if (count > (uint)Remaining) throw Error($"a value of {count} bytes in the {Remaining} bytes that remain", start);
        var span = _data.Slice(_position, (int)count);
        _position += (int)count;
        return span;
    }
}
