using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Text;

namespace Athanor.Compute.Training;

/// <summary>A table of finite numbers with named columns, as training data are kept: canonical bytes, so that the same table has the same
/// hash wherever it was read.</summary>
public sealed class TrainingTable
{
    /// <summary>First bytes: "ATT" and the layout's version.</summary>
    private const uint Magic = 0x01545441;

    private readonly double[][] _columns;

    /// <param name="columns">By name, each of <see cref="Rows"/> finite numbers.</param>
    /// <exception cref="TrainingException">Columns differ in length, a name is there twice, or a number is not finite.</exception>
    public TrainingTable(ImmutableArray<string> names, double[][] columns)
    {
        if (names.Length == 0 || names.Length != columns.Length)
            throw new TrainingException($"a table of {columns.Length} columns has {names.Length} names");
        if (names.Distinct(StringComparer.Ordinal).Count() != names.Length)
            throw new TrainingException("two columns of the table have the same name");
        for (var c = 0; c < columns.Length; c++)
        {
            if (columns[c].Length != columns[0].Length)
                throw new TrainingException($"column '{names[c]}' has {columns[c].Length} rows where '{names[0]}' has {columns[0].Length}");
            var wrong = Array.FindIndex(columns[c], static value => !double.IsFinite(value));
            if (wrong >= 0)
                throw new TrainingException($"column '{names[c]}' holds {columns[c][wrong]} in row {wrong + 1}; it must be finite");
        }
        Names = names;
        _columns = columns;
    }

    public ImmutableArray<string> Names { get; }

    public int Rows => _columns[0].Length;

    /// <summary>The values of a column, [rows].</summary>
    /// <exception cref="TrainingException">There is no such column.</exception>
    public ReadOnlySpan<double> this[string name] => Names.IndexOf(name) is >= 0 and var column
        ? _columns[column]
        : throw new TrainingException($"the table has no column '{name}'; it has {string.Join(", ", Names)}");

    public byte[] ToBytes()
    {
        using var stream = new MemoryStream();
        using var writer = new BinaryWriter(stream, Encoding.UTF8);
        writer.Write(Magic);
        writer.Write(Names.Length);
        writer.Write(Rows);
        foreach (var name in Names) writer.Write(name);
        foreach (var column in _columns)
        {
            foreach (var value in column) writer.Write(BitConverter.DoubleToInt64Bits(value));
        }
        writer.Flush();
        return stream.ToArray();
    }

    /// <exception cref="TrainingException">The bytes are no such table, or cut short.</exception>
    public static TrainingTable FromBytes(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < 12 || BinaryPrimitives.ReadUInt32LittleEndian(bytes) != Magic)
            throw new TrainingException("these bytes are no table of training data");
        var (count, rows) = (BinaryPrimitives.ReadInt32LittleEndian(bytes[4..]), BinaryPrimitives.ReadInt32LittleEndian(bytes[8..]));
        if (count < 1 || rows < 0 || (long)count * rows > bytes.Length / 8) throw CutShort(bytes.Length, count, rows);
        using var reader = new BinaryReader(new MemoryStream(bytes.ToArray(), 12, bytes.Length - 12), Encoding.UTF8);
        try
        {
            var names = ImmutableArray.CreateBuilder<string>(count);
            for (var c = 0; c < count; c++) names.Add(reader.ReadString());
            var columns = new double[count][];
            for (var c = 0; c < count; c++)
            {
                columns[c] = new double[rows];
                for (var r = 0; r < rows; r++) columns[c][r] = BitConverter.Int64BitsToDouble(reader.ReadInt64());
            }
            if (reader.BaseStream.Position != reader.BaseStream.Length) throw CutShort(bytes.Length, count, rows);
            return new TrainingTable(names.MoveToImmutable(), columns);
        }
        catch (EndOfStreamException e)
        {
            throw CutShort(bytes.Length, count, rows, e);
        }
    }

    private static TrainingException CutShort(int length, int count, int rows, Exception? inner = null) =>
        new($"{length} bytes are no table of {rows} rows and {count} columns; the file is cut short or damaged", inner);
}
