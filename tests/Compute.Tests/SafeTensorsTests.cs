using System.Collections.Immutable;
using System.Text.Json;
using Athanor.Compute.Tensors;

namespace Compute.Tests;

public class SafeTensorsTests
{
    public static TheoryData<string> Names()
    {
        using var vectors = Vectors();
        var names = new TheoryData<string>();
        foreach (var vector in vectors.RootElement.EnumerateArray()) names.Add(vector.GetProperty("name").GetString()!);
        return names;
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_vector_is_read_or_refused_as_the_reference_does(string name)
    {
        using var vectors = Vectors();
        var vector = vectors.RootElement.EnumerateArray().Single(v => v.GetProperty("name").GetString() == name);
        var file = Convert.FromHexString(vector.GetProperty("hex").GetString()!);
        if (!vector.GetProperty("valid").GetBoolean())
        {
            var error = Assert.Throws<SafeTensorsException>(() => SafeTensors.Read(file));
            Assert.Equal(vector.GetProperty("error").GetString(), error.Error.ToString());
            return;
        }
        var read = SafeTensors.Read(file);
        var tensors = vector.GetProperty("tensors").EnumerateObject().ToList();
        Assert.Equal(tensors.Select(t => t.Name).Order(StringComparer.Ordinal), read.Tensors.Keys);
        foreach (var expected in tensors)
        {
            var tensor = read.Tensors[expected.Name];
            Assert.Equal(expected.Value.GetProperty("dtype").GetString(), tensor.Type.Name());
            Assert.Equal(expected.Value.GetProperty("shape").EnumerateArray().Select(size => size.GetInt64()), tensor.Shape);
            if (expected.Value.TryGetProperty("values", out var values))
                Assert.Equal(values.EnumerateArray().Select(value => value.GetDouble()), tensor.ToDoubles());
            else
                Assert.Equal(expected.Value.GetProperty("raw_hex").GetString(), Convert.ToHexStringLower(tensor.Data.Span));
        }
        if (vector.TryGetProperty("metadata", out var metadata))
            Assert.Equal(metadata.EnumerateObject().ToDictionary(m => m.Name, m => m.Value.GetString()!), read.Metadata);
        else
            Assert.Empty(read.Metadata);
        if (vector.TryGetProperty("canonical", out var canonical) && canonical.GetBoolean()) Assert.Equal(file, read.Write());
    }

    [Fact]
    public void There_are_21_vectors()
    {
        using var vectors = Vectors();
        Assert.Equal(21, vectors.RootElement.GetArrayLength());
    }

    [Fact]
    public void What_is_written_is_read_and_the_same_tensors_give_the_same_bytes()
    {
        KeyValuePair<string, SafeTensor>[] tensors =
        [
            new("b", SafeTensor.Of([1.5f, -2f, 3f, 4f, 5f, 6f], 2, 3)),
            new("a", SafeTensor.Of([0.1, double.MaxValue], 2)),
            new("ä \"scalar\"", SafeTensor.Of([7.0])),
            new("empty", SafeTensor.Of(ReadOnlySpan<double>.Empty, 0, 4)),
        ];
        var file = new SafeTensors(tensors) { Metadata = ImmutableSortedDictionary<string, string>.Empty.Add("made by", "a test") };
        var bytes = file.Write();
        Assert.Equal(bytes, (new SafeTensors(tensors.Reverse()) { Metadata = file.Metadata }).Write());
        var read = SafeTensors.Read(bytes);
        Assert.Equal(bytes, read.Write());
        Assert.Equal([0.1, double.MaxValue], read.Tensors["a"].ToDoubles());
        Assert.True(read.Tensors["b"].Shape.AsSpan().SequenceEqual([2L, 3L]));
        Assert.Equal([7.0], read.Tensors["ä \"scalar\""].ToDoubles());
        Assert.Equal("a test", read.Metadata["made by"]);
    }

    [Fact]
    public void Every_type_keeps_its_bytes_its_shape_and_its_name()
    {
        var random = new Random(5);
        var tensors = Enum.GetValues<SafeTensorType>().ToDictionary(type => $"t.{type}", type =>
        {
            // 2 x 4 elements: a whole number of bytes for types of 4 and 6 bits too.
            var bytes = new byte[type.Bits()];
            random.NextBytes(bytes);
            return new SafeTensor(type, [2, 4], bytes);
        });
        Assert.Equal(20, tensors.Count);
        var file = new SafeTensors(tensors).Write();
        var read = SafeTensors.Read(file);
        Assert.Equal(file, read.Write());
        foreach (var (name, tensor) in tensors)
        {
            Assert.Equal(tensor.Type, read.Tensors[name].Type);
            Assert.Equal(tensor.Shape.AsEnumerable(), read.Tensors[name].Shape);
            Assert.Equal(tensor.Data.ToArray(), read.Tensors[name].Data.ToArray());
        }
        // The data begin at a multiple of 8, the widest types first, so every tensor lies where its elements are aligned.
        Assert.Equal(0, (8 + BitConverter.ToInt64(file)) % 8);
        Assert.Equal(tensors["t.U64"].Data.ToArray(), file[(8 + (int)BitConverter.ToInt64(file))..][..64]);
    }

    [Fact]
    public void Halves_of_either_kind_are_read_as_their_values()
    {
        static double[] Values(SafeTensorType type, params ushort[] bits) => new SafeTensor(
            type, [bits.Length], bits.SelectMany(BitConverter.GetBytes).ToArray()).ToDoubles();
        Assert.Equal([1.0, -2.0, 65504.0, Math.Pow(2, -24), double.PositiveInfinity], Values(SafeTensorType.F16, 0x3c00, 0xc000, 0x7bff, 0x0001, 0x7c00));
        Assert.Equal([1.0, -2.0, 3.140625, double.NegativeInfinity], Values(SafeTensorType.BF16, 0x3f80, 0xc000, 0x4049, 0xff80));
        Assert.Contains("F8_E4M3", Assert.Throws<NotSupportedException>(() => new SafeTensor(SafeTensorType.F8E4M3, [1], new byte[1]).ToDoubles()).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(100_000_000L, SafeTensorsError.InvalidHeaderLength)]
    [InlineData(100_000_001L, SafeTensorsError.HeaderTooLarge)]
    [InlineData(-1L, SafeTensorsError.HeaderTooLarge)]
    [InlineData(3L, SafeTensorsError.InvalidHeaderLength)]
    public void A_header_may_have_up_to_100_million_bytes_and_must_end_in_the_file(long length, SafeTensorsError expected) =>
        Assert.Equal(expected, Assert.Throws<SafeTensorsException>(() => SafeTensors.Read((byte[])[.. BitConverter.GetBytes(length), .. "{}"u8])).Error);

    [Theory]
    [InlineData("{\"a\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4],\"more\":1}}", "unknown, wrong or there twice")]
    [InlineData("{\"a\":{\"dtype\":\"F33\",\"shape\":[],\"data_offsets\":[0,4]}}", "has the dtype 'F33'; there are BOOL, F4")]
    [InlineData("{\"a\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}}", "what is no whole number from 0 up: -1")]
    [InlineData("{\"a\":{\"dtype\":\"F32\",\"shape\":[1.5],\"data_offsets\":[0,4]}}", "what is no whole number from 0 up: 1.5")]
    [InlineData("{\"a\":{\"dtype\":\"F32\",\"shape\":[]}}", "must have dtype, shape and two data_offsets")]
    [InlineData("{\"a\":{\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[0,1]},"
        + "\"a\":{\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[1,2]}}",
        "'a' stands twice")]
    [InlineData("{\"__metadata__\":{\"a\":1}}", "__metadata__ 'a' must be a string")]
    [InlineData("[]", "the header must be an object")]
    [InlineData("{\"\\ud800\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]}}", "no text")]
    public void A_header_that_is_not_as_its_schema_says_is_refused(string header, string problem)
    {
        var text = System.Text.Encoding.UTF8.GetBytes(header);
        byte[] file = [.. BitConverter.GetBytes((long)text.Length), .. text, 0, 0, 0, 0];
        var error = Assert.Throws<SafeTensorsException>(() => SafeTensors.Read(file));
        Assert.Equal(SafeTensorsError.InvalidHeaderDeserialization, error.Error);
        Assert.Contains(problem, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_type_of_less_than_a_byte_must_end_at_a_bytes_end() =>
        Assert.Equal(SafeTensorsError.MisalignedSlice, Assert.Throws<SafeTensorsException>(() => SafeTensors.Read(
            File("{\"a\":{\"dtype\":\"F4\",\"shape\":[3],\"data_offsets\":[0,1]}}", [0]))).Error);

    [Fact]
    public void Bytes_changed_anywhere_are_read_or_refused()
    {
        const int Seed = 11;
        var random = new Random(Seed);
        var good = new SafeTensors([new("a", SafeTensor.Of([1f, 2f], 2)), new("b", SafeTensor.Of([1.0, 2.0], 1, 2))]).Write();
        for (var i = 0; i < 20_000; i++)
        {
            var bytes = (byte[])good.Clone();
            for (var n = random.Next(1, 4); n > 0; n--) bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            try
            {
                SafeTensors.Read(bytes.AsMemory(0, random.Next(4) == 0 ? random.Next(bytes.Length) : bytes.Length));
            }
            catch (SafeTensorsException)
            {
                // Refused, as it should be.
            }
            catch (Exception error)
            {
                Assert.Fail($"seed {Seed}, change {i}: {error}");
            }
        }
    }

    [Fact]
    public void A_tensor_that_does_not_fill_its_shape_is_not_written()
    {
        Assert.Throws<ArgumentException>(() => SafeTensor.Of([1.0, 2.0], 3));
        Assert.Throws<ArgumentException>(() => new SafeTensors([new("a", new SafeTensor(SafeTensorType.F32, [2], new byte[7]))]).Write());
        Assert.Throws<ArgumentException>(() => new SafeTensors([new("__metadata__", SafeTensor.Of([1.0]))]).Write());
    }

    private static byte[] File(string header, byte[] data)
    {
        var text = System.Text.Encoding.UTF8.GetBytes(header);
        return [.. BitConverter.GetBytes((long)text.Length), .. text, .. data];
    }

    private static JsonDocument Vectors()
    {
        var path = RepositoryFiles.Path("tests", "vectors", "safetensors", "vectors.json");
        return JsonDocument.Parse(System.IO.File.ReadAllText(path));
    }
}
