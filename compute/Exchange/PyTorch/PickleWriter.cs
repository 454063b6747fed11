using System.Buffers.Binary;
using System.Text;

namespace Athanor.Compute.Exchange.PyTorch;

/// <summary>The few opcodes of pickle protocol 2 that a state dict is made of. Nothing is memoised: every reader takes values written out.</summary>
internal sealed class PickleWriter
{
    private readonly MemoryStream _bytes = new();

    public PickleWriter() => Raw(0x80, 2);

    /// <summary>A class or function by module and name.</summary>
    public PickleWriter Global(string module, string name)
    {
        _bytes.WriteByte((byte)'c');
        _bytes.Write(Encoding.ASCII.GetBytes($"{module}\n{name}\n"));
        return this;
    }

    public PickleWriter Mark() => Raw('(');

    /// <summary>A tuple of everything since the mark.</summary>
    public PickleWriter Tuple() => Raw('t');

    public PickleWriter EmptyTuple() => Raw(')');

    /// <summary>Calls what lies below with the tuple on top.</summary>
    public PickleWriter Reduce() => Raw('R');

    /// <summary>Asks the reader for the object that the tuple on top names.</summary>
    public PickleWriter Persistent() => Raw('Q');

    public PickleWriter False() => Raw(0x89);

    /// <summary>Puts the pairs since the mark into the dictionary below it.</summary>
    public PickleWriter SetItems() => Raw('u');

    public PickleWriter Text(string text)
    {
        var utf8 = Encoding.UTF8.GetBytes(text);
        Raw('X');
        Span<byte> length = stackalloc byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(length, utf8.Length);
        _bytes.Write(length);
        _bytes.Write(utf8);
        return this;
    }

    public PickleWriter Int(long value)
    {
        if (value is >= 0 and <= 255) return Raw('K', (byte)value);
        if (value is < int.MinValue or > int.MaxValue) throw new ExchangeException($"a tensor with {value} elements is too large for a state dict of ours");
        Raw('J');
        Span<byte> number = stackalloc byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(number, (int)value);
        _bytes.Write(number);
        return this;
    }

    public PickleWriter Ints(IEnumerable<long> values)
    {
        Mark();
        foreach (var value in values) Int(value);
        return Tuple();
    }

    /// <summary>The whole pickle.</summary>
    public byte[] Stop()
    {
        Raw('.');
        return _bytes.ToArray();
    }

    private PickleWriter Raw(params ReadOnlySpan<int> bytes)
    {
        foreach (var b in bytes) _bytes.WriteByte((byte)b);
        return this;
    }
}
