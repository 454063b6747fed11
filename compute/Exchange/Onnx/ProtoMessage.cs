using Google.Protobuf;

namespace Athanor.Compute.Exchange.Onnx;

/// <summary>One protobuf message as it is written: fields in the order of the calls. Empty strings are left out, as protobuf does.</summary>
internal sealed class ProtoMessage : IDisposable
{
    private readonly MemoryStream _bytes = new();
    private readonly CodedOutputStream _out;

    public ProtoMessage() => _out = new CodedOutputStream(_bytes, leaveOpen: true);

    public ProtoMessage Int(int field, long value)
    {
        _out.WriteTag(field, WireFormat.WireType.Varint);
        _out.WriteInt64(value);
        return this;
    }

    public ProtoMessage Float(int field, float value)
    {
        _out.WriteTag(field, WireFormat.WireType.Fixed32);
        _out.WriteFloat(value);
        return this;
    }

    public ProtoMessage Text(int field, string value)
    {
        if (value.Length == 0) return this;
        _out.WriteTag(field, WireFormat.WireType.LengthDelimited);
        _out.WriteString(value);
        return this;
    }

    public ProtoMessage Bytes(int field, byte[] value)
    {
        _out.WriteTag(field, WireFormat.WireType.LengthDelimited);
        _out.WriteBytes(UnsafeByteOperations.UnsafeWrap(value));
        return this;
    }

    /// <summary>Writes a part and ends it.</summary>
    public ProtoMessage Part(int field, ProtoMessage part)
    {
        Bytes(field, part.ToArray());
        part.Dispose();
        return this;
    }

    public byte[] ToArray()
    {
        _out.Flush();
        return _bytes.ToArray();
    }

    public void Dispose()
    {
        _out.Dispose();
        _bytes.Dispose();
    }
}
