using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Athanor.Compute.Tensors;

/// <summary>
/// A file of named tensors (huggingface/safetensors): 8 bytes of header length, a JSON header that says of each tensor its type, shape
/// and place, and the bytes. Reading trusts nothing: the tensors must fill the bytes after the header without a gap or an overlap.
/// Writing is canonical: the same tensors give the same bytes, those of the reference implementation (with the metadata's keys sorted).
/// </summary>
public sealed record SafeTensors(ImmutableSortedDictionary<string, SafeTensor> Tensors, ImmutableSortedDictionary<string, string> Metadata)
{
    private const long MaxHeader = 100_000_000;
    private const string MetadataKey = "__metadata__";

    public SafeTensors(IEnumerable<KeyValuePair<string, SafeTensor>> tensors)
        : this(ImmutableSortedDictionary.CreateRange(StringComparer.Ordinal, tensors), ImmutableSortedDictionary<string, string>.Empty)
    {
    }

    /// <exception cref="SafeTensorsException">The bytes are no safetensors file.</exception>
    public static SafeTensors Read(ReadOnlyMemory<byte> file)
    {
        if (file.Length < 8)
            throw Error(SafeTensorsError.HeaderTooSmall, $"a file begins with 8 bytes of header length and has {file.Length}");
        var length = BinaryPrimitives.ReadUInt64LittleEndian(file.Span);
        if (length > MaxHeader) throw Error(SafeTensorsError.HeaderTooLarge, $"the header of {length} bytes is larger than {MaxHeader}");
        if (length > (ulong)file.Length - 8)
            throw Error(SafeTensorsError.InvalidHeaderLength, $"the header of {length} bytes does not end in the file of {file.Length}");
        var header = file.Slice(8, (int)length);
        var data = file[(8 + (int)length)..];
        if (!System.Text.Unicode.Utf8.IsValid(header.Span)) throw Error(SafeTensorsError.InvalidHeader, "the header is not valid UTF-8");
        var (entries, metadata) = SafeTensorsHeader.Parse(header);
        Validate(entries, (ulong)data.Length);
        var tensors = entries.Select(entry => KeyValuePair.Create(
            entry.Name,
            new SafeTensor(entry.Type, [.. entry.Shape.Select(static size => (long)size)], data[(int)entry.Begin..(int)entry.End])));
        return new SafeTensors(ImmutableSortedDictionary.CreateRange(StringComparer.Ordinal, tensors), metadata);
    }

    public byte[] Write()
    {
        var ordered = Tensors.OrderByDescending(static pair => pair.Value.Type)
            .ThenBy(static pair => pair.Key, StringComparer.Ordinal).ToList();
        using var header = new MemoryStream();
        header.Write(new byte[8]);
        using (var json = new Utf8JsonWriter(header, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            WriteMetadata(json);
            var offset = 0L;
            foreach (var (name, tensor) in ordered)
            {
                WriteTensor(json, name, tensor, offset);
                offset += tensor.Data.Length;
            }
            json.WriteEndObject();
        }
        // The data begin at a multiple of 8, so that they can be mapped.
        while (header.Length % 8 != 0) header.WriteByte((byte)' ');
        foreach (var (_, tensor) in ordered) header.Write(tensor.Data.Span);
        var file = header.ToArray();
        BinaryPrimitives.WriteInt64LittleEndian(file, file.Length - 8 - ordered.Sum(static pair => (long)pair.Value.Data.Length));
        return file;
    }

    private void WriteMetadata(Utf8JsonWriter json)
    {
        if (Metadata.IsEmpty) return;
        json.WriteStartObject(MetadataKey);
        foreach (var (key, value) in Metadata.OrderBy(static pair => pair.Key, StringComparer.Ordinal)) json.WriteString(key, value);
        json.WriteEndObject();
    }

    private static void WriteTensor(Utf8JsonWriter json, string name, SafeTensor tensor, long offset)
    {
        if (name == MetadataKey) throw new ArgumentException($"no tensor can be named {MetadataKey}");
        var bits = tensor.Shape.Aggregate((long)tensor.Type.Bits(), static (product, size) => checked(product * size));
        if (bits != tensor.Data.Length * 8L)
            throw new ArgumentException($"'{name}' has {tensor.Data.Length} bytes, and its type and shape say {bits / 8.0}");
        json.WriteStartObject(name);
        json.WriteString("dtype", tensor.Type.Name());
        json.WriteStartArray("shape");
        foreach (var size in tensor.Shape) json.WriteNumberValue(size);
        json.WriteEndArray();
        json.WriteStartArray("data_offsets");
        json.WriteNumberValue(offset);
        json.WriteNumberValue(offset + tensor.Data.Length);
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void Validate(List<SafeTensorsHeader.Entry> entries, ulong length)
    {
        var place = 0UL;
        foreach (var entry in entries.OrderBy(static entry => (entry.Begin, entry.End)))
        {
            if (entry.Begin != place || entry.End < entry.Begin)
            {
                throw Error(SafeTensorsError.InvalidOffset,
                    $"'{entry.Name}' lies at {entry.Begin} to {entry.End} and must begin at {place}, where the one before it ends");
            }
            place = entry.End;
            ulong bits = (ulong)entry.Type.Bits();
            try
            {
                // First the count, as the reference does: a size of 0 after an overflow is an overflow.
                var count = entry.Shape.Aggregate(1UL, static (product, size) => checked(product * size));
                bits = checked(bits * count);
            }
            catch (OverflowException error)
            {
                throw new SafeTensorsException(
                    SafeTensorsError.ValidationOverflow, $"'{entry.Name}' has more elements than can be counted", error);
            }
            if (bits % 8 != 0) throw Error(SafeTensorsError.MisalignedSlice, $"'{entry.Name}' does not end at a byte's end");
            if (bits / 8 != entry.End - entry.Begin)
            {
                throw Error(SafeTensorsError.TensorInvalidInfo,
                    $"'{entry.Name}' has {entry.End - entry.Begin} bytes, and its type and shape say {bits / 8}");
            }
        }
        if (place != length)
            throw Error(SafeTensorsError.MetadataIncompleteBuffer, $"the tensors have {place} bytes, and {length} follow the header");
    }

    private static SafeTensorsException Error(SafeTensorsError error, string problem) => new(error, problem);
}
