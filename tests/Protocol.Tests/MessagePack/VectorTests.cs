using System.Globalization;
using System.Numerics;
using System.Text.Json;
using Athanor.Protocol;

namespace Protocol.Tests;

/// <summary>Every vector of kawanet/msgpack-test-suite: all forms are read as the value, and what is written is one of the forms.</summary>
public class VectorTests
{
    public static TheoryData<string> Groups()
    {
        using var suite = Suite();
        var groups = new TheoryData<string>();
        foreach (var group in suite.RootElement.EnumerateObject()) groups.Add(group.Name);
        return groups;
    }

    [Theory]
    [MemberData(nameof(Groups))]
    public void All_forms_are_read_and_one_of_them_is_written(string group)
    {
        using var suite = Suite();
        var vectors = suite.RootElement.GetProperty(group).EnumerateArray().ToList();
        Assert.NotEmpty(vectors);
        foreach (var vector in vectors)
        {
            var forms = vector.GetProperty("msgpack").EnumerateArray().Select(form => form.GetString()!).ToList();
            foreach (var form in forms) Read(vector, Bytes(form));
            foreach (var written in Written(vector)) Assert.Contains(Hex(written), forms);
        }
    }

    [Fact]
    public void All_forms_are_skipped_whole_and_none_is_read_when_its_last_byte_is_missing()
    {
        using var suite = Suite();
        var count = 0;
        foreach (var vector in suite.RootElement.EnumerateObject().SelectMany(group => group.Value.EnumerateArray()))
        {
            foreach (var form in vector.GetProperty("msgpack").EnumerateArray())
            {
                var bytes = Bytes(form.GetString()!);
                var reader = new MessagePackReader(bytes);
                Assert.Equal(bytes, reader.ReadRaw().ToArray());
                reader.EndOfData();
                Assert.Throws<MessageFormatException>(() => new MessagePackReader(bytes.AsSpan(..^1)).Skip());
                count++;
            }
        }
        Assert.Equal(233, count);
    }

    private static JsonDocument Suite() =>
        JsonDocument.Parse(File.ReadAllText(RepositoryFiles.Path("tests", "vectors", "msgpack", "msgpack-test-suite.json")));

    private static byte[] Bytes(string hex) => Convert.FromHexString(hex.Replace("-", "", StringComparison.Ordinal));

    private static string Hex(byte[] bytes) => string.Join('-', bytes.Select(b => b.ToString("x2", CultureInfo.InvariantCulture)));

    private static void Read(JsonElement vector, byte[] form)
    {
        var reader = new MessagePackReader(form);
        var name = vector.EnumerateObject().First().Name;
        var value = vector.GetProperty(name);
        switch (name)
        {
            case "nil":
                Assert.True(reader.TryReadNil());
                break;
            case "bool":
                Assert.Equal(value.GetBoolean(), reader.ReadBool());
                break;
            case "binary":
                Assert.Equal(Bytes(value.GetString()!), reader.ReadByteArray());
                break;
            case "number":
                Assert.Equal(value.GetDouble(), reader.ReadDouble());
                if (value.GetDouble() == Math.Floor(value.GetDouble()))
                {
                    var again = new MessagePackReader(form);
                    Assert.Equal(value.GetInt64(), again.ReadInt64());
                }
                break;
            case "bignum":
                var big = BigInteger.Parse(value.GetString()!, CultureInfo.InvariantCulture);
                Assert.Equal(big, big < 0 ? reader.ReadInt64() : (BigInteger)reader.ReadUInt64());
                break;
            case "string":
                Assert.Equal(value.GetString(), reader.ReadString());
                break;
            case "timestamp":
                Assert.Equal((value[0].GetInt64(), value[1].GetUInt32()), reader.ReadTimestamp());
                break;
            case "ext":
                var data = reader.ReadExtension(out var type).ToArray();
                Assert.Equal(value[0].GetInt32(), type);
                Assert.Equal(Bytes(value[1].GetString()!), data);
                break;
            case "array" or "map":
                ReadTree(ref reader, value);
                break;
            default:
                Assert.Fail($"a vector of an unknown sort: {name}");
                break;
        }
        reader.EndOfData();
    }

    private static void ReadTree(ref MessagePackReader reader, JsonElement value)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Array:
                Assert.Equal(value.GetArrayLength(), reader.BeginArray());
                foreach (var item in value.EnumerateArray()) ReadTree(ref reader, item);
                reader.End();
                break;
            case JsonValueKind.Object:
                Assert.Equal(value.EnumerateObject().Count(), reader.BeginMap());
                foreach (var pair in value.EnumerateObject())
                {
                    Assert.Equal(pair.Name, reader.ReadString());
                    ReadTree(ref reader, pair.Value);
                }
                reader.End();
                break;
            case JsonValueKind.String:
                Assert.Equal(value.GetString(), reader.ReadString());
                break;
            default:
                Assert.Equal(value.GetInt64(), reader.ReadInt64());
                break;
        }
    }

    private static IEnumerable<byte[]> Written(JsonElement vector)
    {
        foreach (var property in vector.EnumerateObject().Where(property => property.Name != "msgpack"))
        {
            var value = property.Value;
            var writer = new MessagePackWriter();
            switch (property.Name)
            {
                case "nil":
                    writer.WriteNil();
                    break;
                case "bool":
                    writer.Write(value.GetBoolean());
                    break;
                case "binary":
                    writer.WriteBytes(Bytes(value.GetString()!));
                    break;
                case "number" when value.TryGetInt64(out var whole):
                    writer.Write(whole);
                    break;
                case "number":
                    writer.Write(value.GetDouble());
                    break;
                case "bignum":
                    var big = BigInteger.Parse(value.GetString()!, CultureInfo.InvariantCulture);
                    if (big < 0) writer.Write((long)big);
                    else writer.Write((ulong)big);
                    break;
                case "string":
                    writer.Write(value.GetString()!);
                    break;
                case "timestamp":
                    writer.WriteTimestamp(value[0].GetInt64(), value[1].GetUInt32());
                    break;
                case "ext":
                    writer.WriteExtension((sbyte)value[0].GetInt32(), Bytes(value[1].GetString()!));
                    break;
                default:
                    WriteTree(writer, value);
                    break;
            }
            yield return writer.ToArray();
        }
    }

    private static void WriteTree(MessagePackWriter writer, JsonElement value)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Array:
                writer.BeginArray(value.GetArrayLength());
                foreach (var item in value.EnumerateArray()) WriteTree(writer, item);
                writer.End();
                break;
            case JsonValueKind.Object:
                writer.BeginMap(value.EnumerateObject().Count());
                foreach (var pair in value.EnumerateObject())
                {
                    writer.Write(pair.Name);
                    WriteTree(writer, pair.Value);
                }
                writer.End();
                break;
            case JsonValueKind.String:
                writer.Write(value.GetString()!);
                break;
            default:
                writer.Write(value.GetInt64());
                break;
        }
    }
}
