using Athanor.Actors;
using Athanor.Protocol;
using Athanor.Tests;
using Xunit.Abstractions;

namespace Actors.Tests;

/// <summary>Damaged snapshots are read as some state, or refused; nothing else happens.</summary>
public class StateFuzzTests(ITestOutputHelper output)
{
    [Fact]
    public void Mutated_states_of_every_family_are_read_or_refused()
    {
        var messages = MessageRegistry.Of(ProtocolMessages.AddTo, ActorsMessages.AddTo);
        var golden = MessagePackWords.Golden("Actors.Tests");
        var (kind, version) = ("", 0);
        new Fuzz(output, $"states of {golden.Count} families", 64 << 10, 512).Run(Fuzz.Inputs(50_000), random =>
        {
            (kind, version, var body) = golden[random.Next(golden.Count)];
            return Fuzz.Mutate(random, [body], MessagePackWords.All);
        }, bytes =>
        {
            try
            {
                messages.Encode(messages.Decode(kind, version, bytes));
                return FuzzOutcome.Value;
            }
            catch (Exception e) when (e is MessageFormatException or UnknownKindException)
            {
                return FuzzOutcome.Error;
            }
        });
    }
}
