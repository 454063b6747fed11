using System.Collections.Immutable;
using Athanor.Protocol;

namespace Protocol.Tests;

/// <summary>What an older or a newer build's bytes are read as.</summary>
public class SchemaTests
{
    private static readonly MessageRegistry Messages = RegistryTests.Messages;

    [Fact]
    public void Keys_that_are_not_known_are_skipped_whatever_they_hold()
    {
        var counts = ImmutableSortedDictionary<string, int>.Empty.Add("a", 1);
        var newer = Messages.Encode(new Grown([1, 2], "name", Note: "new", Counts: counts));
        Assert.Equal(new Small("name"), Messages.Decode("test.small", 1, newer));

        var writer = new MessagePackWriter();
        writer.BeginMap(4);
        writer.Write("a name for a key");
        writer.WriteTimestamp(1, 2);
        writer.Write(-1);
        writer.WriteExtension(5, [1, 2, 3]);
        writer.Write(ulong.MaxValue);
        writer.WriteBytes([1]);
        writer.Write(1);
        writer.Write("name");
        writer.End();
        Assert.Equal(new Small("name"), Messages.Decode("test.small", 1, writer.Written));
    }

    [Fact]
    public void Keys_that_are_absent_read_as_the_members_defaults()
    {
        var older = Messages.Encode(new Small("name"));
        var read = (Grown)Messages.Decode("test.grown", 1, older);
        Assert.False(read.Added.IsDefault);
        Assert.Equal(new Grown(read.Added, "name"), read);
        Assert.Equal((0.5, "cpu", Phase.Full, 7, null, ulong.MaxValue, 1.5f),
            (read.Rate, read.Pool, read.Phase, read.Limit, read.Note, read.Seed, read.Factor));

        var everything = (Everything)Messages.Decode("test.everything", 1, Map((7, "text"), (300, EntityAddress.Of("twins", "b"))));
        Assert.Equal("text", everything.String);
        Assert.Equal("b", everything.Address.Id);
        Assert.Empty(everything.Names);
        Assert.Empty(everything.Doubles);
        Assert.Empty(everything.Bytes);
        Assert.Empty(everything.Map);
        Assert.Null(everything.MaybeInt);
        Assert.Null(everything.MaybeArray);
        Assert.Equal(0, everything.Long);
    }

    [Fact]
    public void Nil_reads_as_absent_does() =>
        Assert.Equal("name", ((Grown)Messages.Decode("test.grown", 1, Map((0, null), (1, "name"), (2, null), (6, null)))).Name);

    [Fact]
    public void A_null_that_is_not_the_default_is_written_and_comes_back()
    {
        var read = (Grown)Messages.Decode("test.grown", 1, Messages.Encode(new Grown([], "name", Limit: null)));
        Assert.Null(read.Limit);
    }

    [Fact]
    public void A_key_without_a_default_that_is_absent_is_an_error_that_names_it()
    {
        var error = Assert.Throws<MessageFormatException>(() => Messages.Decode("test.small", 1, Map()));
        Assert.Contains("test.small lacks key 1 (Name)", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_key_that_stands_twice_is_an_error()
    {
        var error = Assert.Throws<MessageFormatException>(() => Messages.Decode("test.small", 1, Map((1, "a"), (1, "b"))));
        Assert.Contains("test.small has key 1 (Name) twice", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_enum_value_that_is_not_known_is_an_error() =>
        Assert.Contains("1 is no Phase",
            Assert.Throws<MessageFormatException>(() => Messages.Decode("test.grown", 1, Map((1, "a"), (4, 1)))).Message,
            StringComparison.Ordinal);

    [Fact]
    public void Bytes_after_the_body_are_an_error() =>
        Assert.Contains("1 bytes after the end",
            Assert.Throws<MessageFormatException>(() => Messages.Decode("test.small", 1, [.. Map((1, "a")), 0])).Message,
            StringComparison.Ordinal);

    [Fact]
    public void A_kind_or_version_that_is_not_known_is_named()
    {
        Assert.Contains("'test.never'", Assert.Throws<UnknownKindException>(() => Messages.Decode("test.never", 1, [0x80])).Message,
            StringComparison.Ordinal);
        var error = Assert.Throws<UnknownKindException>(() => Messages.Decode("test.value", 3, [0x80]));
        Assert.Contains("knows versions 2 of the message kind 'test.value', not 3", error.Message, StringComparison.Ordinal);
        Assert.Equal(("test.value", 3), (error.Kind, error.Version));
    }

    [Fact]
    public void A_message_of_another_sort_in_a_members_place_is_an_error()
    {
        var writer = new MessagePackWriter(Messages);
        writer.BeginMap(2);
        writer.Write(0);
        writer.Write("name");
        writer.Write(1);
        writer.WriteMessage(new Done());
        writer.End();
        var error = Assert.Throws<MessageFormatException>(() => Messages.Decode("std.work-completed", 1, writer.Written));
        Assert.Contains("'std.done' stands where a IWorkResult belongs", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Equal_maps_give_equal_bytes_whatever_order_they_were_made_in()
    {
        var forward = new Everything { String = "", Map = Map(StringComparer.Ordinal, "a", "B", "ä") };
        var downwards = Comparer<string>.Create((x, y) => string.CompareOrdinal(y, x));
        var backward = new Everything { String = "", Map = Map(downwards, "ä", "a", "B") };
        Assert.Equal(Messages.Encode(forward), Messages.Encode(backward));
    }

    [Fact]
    public void A_map_with_a_key_twice_is_an_error()
    {
        var writer = new MessagePackWriter();
        writer.BeginMap(2);
        writer.Write("a");
        writer.Write(1);
        writer.Write("a");
        writer.Write(2);
        writer.End();
        var body = new List<byte> { 0x82, 1, 0xa1, (byte)'n', 7 };
        body.AddRange(writer.ToArray());
        Assert.Contains("key 'a' twice",
            Assert.Throws<MessageFormatException>(() => Messages.Decode("test.grown", 1, body.ToArray())).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void What_must_not_be_null_is_not_written()
    {
        var error = Assert.Throws<InvalidOperationException>(() => Messages.Encode(new Small(null!)));
        Assert.Contains("test.small.Name is null", error.Message, StringComparison.Ordinal);
        Assert.Throws<InvalidOperationException>(() => Messages.Encode(new Everything { String = "", Address = default }));
    }

    [Fact]
    public void Two_types_cannot_be_one_kind()
    {
        var error = Assert.Throws<ArgumentException>(() => MessageRegistry.Of(ProtocolMessages.AddTo, ProtocolMessages.AddTo));
        Assert.Contains("is both", error.Message, StringComparison.Ordinal);
    }

    private static ImmutableSortedDictionary<string, double> Map(IComparer<string> comparer, params string[] keys) =>
        ImmutableSortedDictionary.CreateRange(comparer, keys.Select(key => KeyValuePair.Create(key, (double)key[0])));

    private static byte[] Map(params (int Key, object? Value)[] pairs)
    {
        var writer = new MessagePackWriter();
        writer.BeginMap(pairs.Length);
        foreach (var (key, value) in pairs)
        {
            writer.Write(key);
            switch (value)
            {
                case null: writer.WriteNil(); break;
                case string text: writer.Write(text); break;
                case int number: writer.Write(number); break;
                case EntityAddress address: Athanor.Protocol.Codecs.EntityAddressCodec.Write(writer, address); break;
                default: throw new ArgumentException(value.GetType().Name);
            }
        }
        writer.End();
        return writer.ToArray();
    }
}
