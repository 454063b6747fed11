using System.Text.Json;
using Athanor.Protocol;
using Athanor.Tests;
using Xunit.Abstractions;

namespace Protocol.Tests;

/// <summary>Bytes that were damaged or made up: they are read as some message, or refused with their offset; nothing else
/// happens.</summary>
public class FuzzTests(ITestOutputHelper output)
{
    private const int Usual = 100_000;

    // Objects of a message are larger than its bytes: an empty array in an array is one byte there, and a record with its fields here.
    private const long Floor = 64 << 10;
    private const long PerByte = 512;

    [Fact]
    public void Any_bytes_can_be_read_value_by_value_or_are_refused()
    {
        using var suite = JsonDocument.Parse(
            File.ReadAllText(RepositoryFiles.Path("tests", "vectors", "msgpack", "msgpack-test-suite.json")));
        byte[][] vectors = [.. suite.RootElement.EnumerateObject().SelectMany(static group => group.Value.EnumerateArray())
            .SelectMany(static vector => vector.GetProperty("msgpack").EnumerateArray())
            .Select(static form => Convert.FromHexString(form.GetString()!.Replace("-", "", StringComparison.Ordinal)))];
        new Fuzz(output, "MessagePack values", Floor, PerByte).Run(
            Fuzz.Inputs(Usual), random => Fuzz.Mutate(random, vectors, MessagePackWords.All), static bytes =>
            {
                var walked = Attempt(bytes, static (ref MessagePackReader reader) => Walk(ref reader));
                var skipped = Attempt(bytes, static (ref MessagePackReader reader) => reader.Skip());
                // Reading looks at more than skipping does, such as the text of strings; what it takes, skipping takes too.
                if (walked == FuzzOutcome.Value && skipped == FuzzOutcome.Error)
                    throw new InvalidOperationException("read, and not skipped");
                return walked;
            });
    }

    [Fact]
    public void Mutated_bodies_of_every_kind_are_read_or_refused()
    {
        var messages = RegistryTests.Messages;
        var golden = MessagePackWords.Golden("Protocol.Tests");
        byte[][] bodies = [.. golden.Select(static g => g.Body)];
        var (kind, version) = ("", 0);
        new Fuzz(output, $"bodies of {golden.Count} kinds", Floor, PerByte).Run(Fuzz.Inputs(Usual), random =>
        {
            int which = random.Next(golden.Count);
            (kind, version, _) = golden[which];
            // Mostly the kind's own bytes; sometimes another's.
            return Fuzz.Mutate(random, random.Next(10) == 0 ? bodies : [bodies[which]], MessagePackWords.All);
        }, bytes => ReadOrRefuse(bytes, () => messages.Encode(messages.Decode(kind, version, bytes))));
    }

    [Fact]
    public void Mutated_messages_with_their_kind_are_read_or_refused()
    {
        var messages = RegistryTests.Messages;
        byte[][] samples = [.. messages.Kinds.Select(kind => messages.EncodeEnvelope(SampleFactory.Make(kind.Type))),
            messages.EncodeEnvelope(RegistryTests.Full)];
        new Fuzz(output, "messages with their kind", Floor, PerByte).Run(
            Fuzz.Inputs(Usual), random => Fuzz.Mutate(random, samples, MessagePackWords.All),
            bytes => ReadOrRefuse(bytes, () => messages.EncodeEnvelope(messages.DecodeEnvelope(bytes))));
    }

    private delegate void Reading(ref MessagePackReader reader);

    private static FuzzOutcome Attempt(byte[] bytes, Reading read) => ReadOrRefuse(bytes, () =>
    {
        var reader = new MessagePackReader(bytes);
        while (reader.Remaining > 0) read(ref reader);
    });

    private static FuzzOutcome ReadOrRefuse(byte[] bytes, Action read)
    {
        try
        {
            read();
            return FuzzOutcome.Value;
        }
        catch (MessageFormatException e)
        {
            if (e.Offset < 0 || e.Offset > bytes.Length) throw new InvalidOperationException($"offset {e.Offset}", e);
            return FuzzOutcome.Error;
        }
        catch (UnknownKindException)
        {
            return FuzzOutcome.Error;
        }
    }

    private static void Walk(ref MessagePackReader reader)
    {
        switch (reader.NextType)
        {
            case MessagePackType.Nil: reader.TryReadNil(); break;
            case MessagePackType.Bool: reader.ReadBool(); break;
            case MessagePackType.Integer or MessagePackType.Float: reader.ReadDouble(); break;
            case MessagePackType.String: reader.ReadString(); break;
            case MessagePackType.Binary: reader.ReadByteArray(); break;
            case MessagePackType.Extension: reader.ReadExtension(out _); break;
            case MessagePackType.Array:
                for (var i = reader.BeginArray(); i > 0; i--) Walk(ref reader);
                reader.End();
                break;
            default:
                for (var i = reader.BeginMap(); i > 0; i--)
                {
                    Walk(ref reader);
                    Walk(ref reader);
                }
                reader.End();
                break;
        }
    }
}
