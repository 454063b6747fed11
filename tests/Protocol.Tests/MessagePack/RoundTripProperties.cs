using System.Collections.Immutable;
using Athanor.Protocol;
using FsCheck;
using FsCheck.Fluent;

namespace Protocol.Tests;

/// <summary>What is written is read, in the shortest form, whatever it is. A failure prints its seed.</summary>
public class RoundTripProperties
{
    private static readonly Config Config = Config.QuickThrowOnFailure.WithMaxTest(1000);

    [Fact]
    public void Integers_come_back_and_take_their_shortest_form()
    {
        // Numbers near each power of two, where the forms change.
        var signed = from power in Gen.Choose(0, 63)
                     from near in Gen.Choose(-2, 2)
                     from sign in Gen.Elements(-1L, 1L)
                     select unchecked(((1L << power) + near) * sign);
        Check.One(Config, Prop.ForAll(signed.ToArbitrary(), value =>
        {
            var writer = new MessagePackWriter();
            writer.Write(value);
            var reader = new MessagePackReader(writer.Written);
            return reader.ReadInt64() == value && reader.Remaining == 0 && writer.Written.Length == Shortest(value);
        }));
        Check.One(Config, Prop.ForAll(signed.Select(value => (ulong)value).ToArbitrary(), value =>
        {
            var writer = new MessagePackWriter();
            writer.Write(value);
            return new MessagePackReader(writer.Written).ReadUInt64() == value;
        }));
    }

    [Fact]
    public void Doubles_floats_and_strings_come_back()
    {
        Check.One(Config, Prop.ForAll(ArbMap.Default.ArbFor<long>(), bits =>
        {
            var value = BitConverter.Int64BitsToDouble(bits);
            var writer = new MessagePackWriter();
            writer.Write(value);
            writer.Write((float)value);
            var reader = new MessagePackReader(writer.Written);
            return reader.ReadDouble().Equals(value) && reader.ReadSingle().Equals((float)value) && writer.Written.Length == 14;
        }));
        Check.One(Config, Prop.ForAll(ArbMap.Default.ArbFor<string>().Filter(IsText), text =>
        {
            var writer = new MessagePackWriter();
            writer.Write(text);
            return new MessagePackReader(writer.Written).ReadString() == text;
        }));
    }

    [Fact]
    public void Times_come_back_to_100_ns()
    {
        var ticks = from high in Gen.Choose(0, int.MaxValue)
                    from low in Gen.Choose(0, int.MaxValue)
                    select (long)(high / (double)int.MaxValue * (DateTimeOffset.MaxValue.Ticks - int.MaxValue)) + low;
        Check.One(Config, Prop.ForAll(ticks.ToArbitrary(), value =>
        {
            var time = new DateTimeOffset(Math.Min(value, DateTimeOffset.MaxValue.Ticks), TimeSpan.Zero);
            var writer = new MessagePackWriter();
            writer.Write(time);
            return new MessagePackReader(writer.Written).ReadDateTimeOffset() == time;
        }));
    }

    [Fact]
    public void Trees_of_any_shape_come_back_with_the_same_bytes()
    {
        Check.One(Config.WithMaxTest(300), Prop.ForAll(Trees(5).ToArbitrary(), tree =>
        {
            var message = new Everything { String = "", MaybeTree = tree };
            var bytes = RegistryTests.Messages.Encode(message);
            return bytes.AsSpan().SequenceEqual(RegistryTests.Messages.Encode(RegistryTests.Messages.Decode("test.everything", 1, bytes)));
        }));
    }

    private static Gen<Tree> Trees(int depth)
    {
        var names = Gen.Elements("", "a", "ä", new string('x', 300));
        if (depth == 0) return names.Select(name => new Tree(name, []));
        return from name in names
               from count in Gen.Choose(0, 3)
               from children in Gen.ArrayOf(Trees(depth - 1), count)
               from place in Gen.Elements<Point?>(null, new Point(1, double.NaN))
               select new Tree(name, [.. children]) { Place = place };
    }

    private static bool IsText(string? text)
    {
        for (var i = 0; i < text?.Length; i++)
        {
            if (!char.IsSurrogate(text[i])) continue;
            if (i + 1 >= text.Length || !char.IsSurrogatePair(text[i], text[++i])) return false;
        }
        return text is not null;
    }

    private static int Shortest(long value) => value switch
    {
        >= -32 and <= 127 => 1,
        >= sbyte.MinValue and <= byte.MaxValue => 2,
        >= short.MinValue and <= ushort.MaxValue => 3,
        >= int.MinValue and <= uint.MaxValue => 5,
        _ => 9,
    };
}
