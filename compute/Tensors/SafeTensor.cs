using System.Buffers.Binary;
using System.Collections.Immutable;

namespace Athanor.Compute.Tensors;

/// <summary>A tensor as a file holds it: row-major, little-endian.</summary>
/// <param name="Shape">Size of each dimension; empty for a scalar.</param>
/// <param name="Data">Its bytes, as many as type and shape say.</param>
public sealed record SafeTensor(SafeTensorType Type, ImmutableArray<long> Shape, ReadOnlyMemory<byte> Data)
{
    /// <exception cref="ArgumentException">There are more or fewer values than the shape says.</exception>
    public static SafeTensor Of(ReadOnlySpan<double> values, params ReadOnlySpan<long> shape)
    {
        CheckCount(values.Length, shape);
        var bytes = new byte[values.Length * 8];
        for (var i = 0; i < values.Length; i++) BinaryPrimitives.WriteDoubleLittleEndian(bytes.AsSpan(i * 8), values[i]);
        return new SafeTensor(SafeTensorType.F64, [.. shape], bytes);
    }

    /// <exception cref="ArgumentException">There are more or fewer values than the shape says.</exception>
    public static SafeTensor Of(ReadOnlySpan<float> values, params ReadOnlySpan<long> shape)
    {
        CheckCount(values.Length, shape);
        var bytes = new byte[values.Length * 4];
        for (var i = 0; i < values.Length; i++) BinaryPrimitives.WriteSingleLittleEndian(bytes.AsSpan(i * 4), values[i]);
        return new SafeTensor(SafeTensorType.F32, [.. shape], bytes);
    }

    /// <summary>The values of a tensor of numbers that a double holds exactly.</summary>
    /// <exception cref="NotSupportedException">It has another type.</exception>
    public double[] ToDoubles()
    {
        var data = Data.Span;
        Func<ReadOnlySpan<byte>, double> read = Type switch
        {
            SafeTensorType.F64 => BinaryPrimitives.ReadDoubleLittleEndian,
            SafeTensorType.F32 => static bytes => BinaryPrimitives.ReadSingleLittleEndian(bytes),
            SafeTensorType.F16 => static bytes => (double)BinaryPrimitives.ReadHalfLittleEndian(bytes),
            SafeTensorType.BF16 =>
                static bytes => BitConverter.UInt32BitsToSingle((uint)BinaryPrimitives.ReadUInt16LittleEndian(bytes) << 16),
            SafeTensorType.I32 => static bytes => BinaryPrimitives.ReadInt32LittleEndian(bytes),
            SafeTensorType.U32 => static bytes => BinaryPrimitives.ReadUInt32LittleEndian(bytes),
            SafeTensorType.I16 => static bytes => BinaryPrimitives.ReadInt16LittleEndian(bytes),
            SafeTensorType.U16 => static bytes => BinaryPrimitives.ReadUInt16LittleEndian(bytes),
            SafeTensorType.I8 => static bytes => (sbyte)bytes[0],
            SafeTensorType.U8 or SafeTensorType.Bool => static bytes => bytes[0],
            _ => throw new NotSupportedException($"a tensor of type {Type.Name()} cannot be read as doubles"),
        };
        var size = Type.Bits() / 8;
        var values = new double[data.Length / size];
        for (var i = 0; i < values.Length; i++) values[i] = read(data.Slice(i * size, size));
        return values;
    }

    private static void CheckCount(int count, ReadOnlySpan<long> shape)
    {
        var product = 1L;
        foreach (var size in shape) product = checked(product * size);
        if (product != count) throw new ArgumentException($"{count} values do not fill the shape ({string.Join(", ", shape.ToArray())})");
    }
}
