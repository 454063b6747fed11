using System.Buffers.Binary;

namespace Athanor.Compute.Kernels;

/// <summary>Rows of inputs and outputs in float32, with canonical bytes, so that a table is named by its hash.</summary>
/// <param name="X">[rows, inputs], row-major, finite.</param>
/// <param name="Y">[rows, outputs], row-major, finite.</param>
public sealed record SampleTable(int Rows, int Inputs, int Outputs, float[] X, float[] Y)
{
    /// <summary>First bytes: "ATB" and the layout's version.</summary>
    private const uint Magic = 0x01425441;

    /// <summary>Magic, rows, inputs, outputs (int32), X, Y (float32); little-endian.</summary>
    /// <exception cref="ArgumentException">The lengths do not fit, or a number is not finite; the message says where.</exception>
    public byte[] ToBytes()
    {
        if (Rows < 1 || Inputs < 1 || Outputs < 1 || X.Length != (long)Rows * Inputs || Y.Length != (long)Rows * Outputs)
        {
            throw new ArgumentException(
                $"{X.Length} inputs and {Y.Length} outputs are not {Rows} rows of {Inputs} inputs and {Outputs} outputs");
        }
        var bytes = new byte[16 + 4 * (X.Length + Y.Length)];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, Magic);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(4), Rows);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(8), Inputs);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(12), Outputs);
        Write(X, bytes.AsSpan(16), Inputs, "input");
        Write(Y, bytes.AsSpan(16 + 4 * X.Length), Outputs, "output");
        return bytes;
    }

    /// <exception cref="InvalidDataException">The bytes are no such table; the message says why.</exception>
    public static SampleTable FromBytes(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < 16 || BinaryPrimitives.ReadUInt32LittleEndian(bytes) != Magic)
            throw new InvalidDataException("these bytes are not a table of samples");
        var rows = BinaryPrimitives.ReadInt32LittleEndian(bytes[4..]);
        var inputs = BinaryPrimitives.ReadInt32LittleEndian(bytes[8..]);
        var outputs = BinaryPrimitives.ReadInt32LittleEndian(bytes[12..]);
        if (rows < 1 || inputs < 1 || outputs < 1 || 16 + 4L * rows * ((long)inputs + outputs) != bytes.Length)
        {
            throw new InvalidDataException(
                $"a table of {rows} rows, {inputs} inputs and {outputs} outputs does not have {bytes.Length} bytes");
        }
        var table = new SampleTable(rows, inputs, outputs, new float[rows * inputs], new float[rows * outputs]);
        Read(bytes[16..], table.X, inputs, "input");
        Read(bytes[(16 + 4 * table.X.Length)..], table.Y, outputs, "output");
        return table;
    }

    private static void Write(float[] from, Span<byte> to, int width, string what)
    {
        for (var i = 0; i < from.Length; i++)
        {
            if (!float.IsFinite(from[i]))
                throw new ArgumentException($"{what} {i % width} of row {i / width} is {from[i]}; a finite number would be right");
            BinaryPrimitives.WriteSingleLittleEndian(to[(4 * i)..], from[i]);
        }
    }

    private static void Read(ReadOnlySpan<byte> from, float[] to, int width, string what)
    {
        for (var i = 0; i < to.Length; i++)
        {
            to[i] = BinaryPrimitives.ReadSingleLittleEndian(from[(4 * i)..]);
            if (!float.IsFinite(to[i]))
                throw new InvalidDataException($"{what} {i % width} of row {i / width} is {to[i]}; a finite number would be right");
        }
    }
}
