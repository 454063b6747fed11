using Athanor.Protocol;

namespace Protocol.Tests;

/// <summary>What the reader refuses, and that refusing costs nothing.</summary>
public class ReaderTests
{
    [Fact]
    public void A_length_beyond_the_bytes_that_remain_is_refused_before_anything_is_allocated()
    {
        // Arrays, maps, strings, bytes and extensions that say that they are 2 GiB long.
        foreach (var code in (byte[])[0xdd, 0xdf, 0xdb, 0xc6, 0xc9])
        {
            byte[] lie = [code, 0x7f, 0xff, 0xff, 0xff, 1, 2, 3];
            var before = GC.GetAllocatedBytesForCurrentThread();
            var error = Refused(lie, (ref MessagePackReader reader) =>
            {
                if (code == 0xdd) reader.ReadDoubleArray();
                else reader.Skip();
            });
            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 20_000);
            Assert.Equal(0, error.Offset);
            Assert.Contains("2147483647", error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Containers_that_nest_too_deep_are_refused_by_reader_and_writer()
    {
        var deep = Enumerable.Repeat((byte)0x91, 100_000).Append((byte)0xc0).ToArray();
        Assert.Contains("deeper than 64", Refused(deep, (ref MessagePackReader reader) => reader.Skip()).Message, StringComparison.Ordinal);

        var writer = new MessagePackWriter();
        for (var i = 0; i < MessagePackReader.MaxDepth; i++) writer.BeginArray(1);
        Assert.Throws<InvalidOperationException>(() => writer.BeginArray(1));

        var tree = new Tree("leaf", []);
        for (var i = 0; i < 100; i++) tree = new Tree("node", [tree]);
        Assert.Throws<InvalidOperationException>(() =>
            RegistryTests.Messages.Encode(new Everything { String = "", MaybeTree = tree }));
    }

    [Fact]
    public void A_message_at_the_greatest_depth_is_written_and_read()
    {
        var tree = new Tree("leaf", []);
        // Everything is one container; each node two, the leaf's two included.
        for (var i = 0; i < 30; i++) tree = new Tree("node", [tree]);
        var bytes = RegistryTests.Messages.Encode(new Everything { String = "", MaybeTree = tree });
        Assert.Equal(31, ((Everything)RegistryTests.Messages.Decode("test.everything", 1, bytes)).MaybeTree!.Count);
    }

    [Theory]
    [InlineData("c0", "expected an integer, found nil")]
    [InlineData("a161", "expected an integer, found a string")]
    [InlineData("ce80000000", "2147483648 is outside -2147483648 to 2147483647")]
    [InlineData("d3ffffffff00000000", "-4294967296 is outside")]
    [InlineData("cb3fe0000000000000", "expected an integer, found 0.5")]
    [InlineData("cb7ff8000000000000", "expected an integer, found NaN")]
    [InlineData("c1", "0xc1 begins no value")]
    [InlineData("", "the bytes end where a value should begin")]
    [InlineData("ce0000", "a value of 4 bytes in the 2 bytes that remain")]
    public void What_is_no_32_bit_integer_is_refused_with_what_was_found(string hex, string problem)
    {
        var error = Refused(Convert.FromHexString(hex), (ref MessagePackReader reader) => reader.ReadInt32());
        Assert.Contains(problem, error.Message, StringComparison.Ordinal);
        Assert.Contains("(at byte 0)", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a2c328", "not valid UTF-8")]
    [InlineData("a3eda080", "not valid UTF-8")]
    [InlineData("c40161", "expected a string, found bytes")]
    public void Strings_must_be_strings_of_UTF8(string hex, string problem) =>
        Assert.Contains(
            problem, Refused(Convert.FromHexString(hex), (ref MessagePackReader reader) => reader.ReadString()).Message,
            StringComparison.Ordinal);

    [Theory]
    [InlineData("d6fe00000000", "extension of type -2")]
    [InlineData("d7ffffffffffffffffff", "nanoseconds are at most")]
    [InlineData("d5ff0000", "4, 8 or 12 bytes, found 2")]
    [InlineData("c70cff000000007fffffffffffffff", "outside the years 1 to 9999")]
    [InlineData("c70cff000000008000000000000000", "outside the years 1 to 9999")]
    public void Times_must_be_timestamps_in_the_range_of_the_calendar(string hex, string problem) =>
        Assert.Contains(problem, Refused(Convert.FromHexString(hex), (ref MessagePackReader reader) => reader.ReadDateTimeOffset()).Message,
            StringComparison.Ordinal);

    [Fact]
    public void A_float_that_is_no_32_bit_float_is_refused_and_NaN_is_not()
    {
        var writer = new MessagePackWriter();
        writer.Write(0.1);
        Refused(writer.ToArray(), (ref MessagePackReader reader) => reader.ReadSingle());
        writer.Clear();
        writer.Write(double.NaN);
        writer.Write(0.25);
        var reader = new MessagePackReader(writer.Written);
        Assert.True(float.IsNaN(reader.ReadSingle()));
        Assert.Equal(0.25f, reader.ReadSingle());
    }

    [Fact]
    public void Every_NaN_is_written_alike()
    {
        var quiet = new MessagePackWriter();
        quiet.Write(double.NaN);
        quiet.Write(float.NaN);
        var other = new MessagePackWriter();
        other.Write(BitConverter.UInt64BitsToDouble(0x7ff8000000000123));
        other.Write(BitConverter.UInt32BitsToSingle(0x7fc00123));
        Assert.Equal(quiet.ToArray(), other.ToArray());
    }

    [Fact]
    public void A_string_that_is_no_Unicode_is_not_written() =>
        Assert.ThrowsAny<ArgumentException>(() => new MessagePackWriter().Write("\ud800"));

    internal static MessageFormatException Refused(byte[] bytes, ReadAction read)
    {
        try
        {
            var reader = new MessagePackReader(bytes);
            read(ref reader);
        }
        catch (MessageFormatException error)
        {
            return error;
        }
        throw new Xunit.Sdk.XunitException($"{Convert.ToHexString(bytes)} was read");
    }

    internal delegate void ReadAction(ref MessagePackReader reader);
}
