using System.Diagnostics;
using Athanor.Protocol;

namespace Protocol.Tests;

/// <summary>Bytes that were damaged or made up: they are read as some message, or refused; nothing else happens.</summary>
public class MutationTests(Xunit.Abstractions.ITestOutputHelper output)
{
    private const int Mutations = 200_000;

    [Fact]
    public void Mutated_messages_are_read_or_refused()
    {
        const int Seed = 20_260_301;
        var random = new Random(Seed);
        var messages = RegistryTests.Messages;
        var samples = messages.Kinds.Select(kind => messages.EncodeEnvelope(SampleFactory.Make(kind.Type)))
            .Append(messages.EncodeEnvelope(RegistryTests.Full)).ToArray();
        var watch = Stopwatch.StartNew();
        int read = 0, refused = 0, unknown = 0;
        for (var i = 0; i < Mutations; i++)
        {
            var bytes = Mutate(samples[random.Next(samples.Length)], samples, random);
            try
            {
                messages.EncodeEnvelope(messages.DecodeEnvelope(bytes));
                read++;
            }
            catch (MessageFormatException error)
            {
                Assert.InRange(error.Offset, 0, bytes.Length);
                refused++;
            }
            catch (UnknownKindException)
            {
                unknown++;
            }
            catch (Exception error)
            {
                Assert.Fail($"seed {Seed}, mutation {i}, {Convert.ToHexString(bytes)}: {error}");
            }
        }
        output.WriteLine($"seed {Seed}: {read} read, {refused} refused, {unknown} of unknown kinds in {watch.Elapsed.TotalSeconds:F1} s");
        Assert.True(read > 1000 && refused > 1000 && unknown > 1000);
    }

    private static byte[] Mutate(byte[] sample, byte[][] samples, Random random)
    {
        var bytes = sample.ToList();
        for (var edits = random.Next(1, 4); edits > 0; edits--)
        {
            var at = random.Next(bytes.Count);
            switch (random.Next(6))
            {
                case 0:
                    bytes[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 1:
                    bytes[at] = (byte)random.Next(256);
                    break;
                case 2:
                    bytes.RemoveRange(at, Math.Min(bytes.Count - at, random.Next(1, 4)));
                    break;
                case 3:
                    bytes.Insert(at, (byte)random.Next(256));
                    break;
                case 4:
                    var other = samples[random.Next(samples.Length)];
                    var from = random.Next(other.Length);
                    bytes.InsertRange(at, other.AsSpan(from, Math.Min(other.Length - from, random.Next(1, 16))).ToArray());
                    break;
                default:
                    bytes.RemoveRange(at, bytes.Count - at);
                    break;
            }
            if (bytes.Count == 0) return [];
        }
        return [.. bytes];
    }
}
