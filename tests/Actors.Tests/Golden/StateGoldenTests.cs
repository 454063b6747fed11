using Athanor.Actors;
using Athanor.Protocol;
using Protocol.Tests;

namespace Actors.Tests.Golden;

/// <summary>Snapshots hold states, and state hashes are taken of their bytes.</summary>
public class StateGoldenTests
{
    [Fact]
    public void Every_kind_of_state_has_golden_bytes_and_is_written_as_they_say()
    {
        var messages = MessageRegistry.Of(ProtocolMessages.AddTo, Athanor.Actors.ActorsMessages.AddTo, TestsMessages.AddTo);
        var problems = GoldenFiles.Check(
            messages, GoldenFiles.FolderOf("Actors.Tests"), kind => kind.Type.Assembly == typeof(IDecider).Assembly);
        Assert.True(problems.Count == 0, string.Join('\n', problems));
    }
}
