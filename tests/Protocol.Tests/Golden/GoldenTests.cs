using Athanor.Protocol;

namespace Protocol.Tests;

public class GoldenTests
{
    [Fact]
    public void Every_kind_has_golden_bytes_and_is_written_as_they_say()
    {
        var problems = GoldenFiles.Check(RegistryTests.Messages, GoldenFiles.FolderOf("Protocol.Tests"),
            kind => kind.Type.Assembly == typeof(Done).Assembly);
        Assert.True(problems.Count == 0, string.Join('\n', problems));
    }

    [Fact]
    public void A_sample_is_the_same_each_time_and_has_something_in_every_member()
    {
        var messages = RegistryTests.Messages;
        var bytes = messages.Encode(SampleFactory.Make(typeof(Everything)));
        Assert.Equal(bytes, messages.Encode(SampleFactory.Make(typeof(Everything))));
        var read = (Everything)messages.Decode("test.everything", 1, bytes);
        Assert.All(typeof(Everything).GetProperties(), property => Assert.NotNull(property.GetValue(read)));
    }
}
