using Athanor.Hosting.Core;
using Athanor.Hosting.Stores;
using Athanor.Hosting.Transport;
using Athanor.Protocol;
using Xunit.Abstractions;

namespace Hosting.Tests.Transport;

/// <summary>Envelopes of other builds, and of nobody.</summary>
public sealed class EnvelopeFuzzTests(ITestOutputHelper output)
{
    private static readonly NodeRequest Full = TestDoor.Request("hello", key: new Guid("0190f5d0-1f3a-7c11-9b3a-0a1b2c3d4e5f")) with
    {
        TraceParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        Order = new ClientOrder("session", 12, 9),
    };

    private static readonly byte[] Request = NodeEnvelope.Write(Full);
    private static readonly byte[] Answer = NodeEnvelope.Write(TestDoor.Echo(TestDoor.Request()));
    private static readonly byte[] Refusal = NodeEnvelope.Write(TestDoor.NotMine("c", "10.0.0.5:7450"));
    private static readonly byte[] Hint = NodeEnvelope.WriteHint([0, 15, 300]);

    [Fact]
    public void The_bytes_of_envelopes_stay_as_they_are()
    {
        // An envelope is read by nodes of the release before and after: these bytes change only with NodeEnvelope.Version.
        Assert.Equal(
            "8F0001" + "01A5706C616E74" + "02A8636F756E74657273" + "03A3632D31" + "04AC636F756E746572732E616464" + "0503"
            + "06C40568656C6C6F" + "0700" + "08CE11E1A300" + "09C4100190F5D01F3A7C119B3A0A1B2C3D4E5F" + "0AAE6F70657261746F7240706C616E74"
            + "0BD93730302D30616637363531393136636434336464383434386562323131633830333139632D623761643662373136393230333333312D3031"
            + "0CA773657373696F6E" + "0D0C" + "0E09", Convert.ToHexString(Request));
        Assert.Equal("84000104AE636F756E746572732E616464656405" + "0306C40568656C6C6F", Convert.ToHexString(Answer));
        Assert.Equal("820001019300" + "0FCD012C", Convert.ToHexString(Hint));
    }

    [Fact]
    public void Keys_of_a_later_release_are_skipped()
    {
        foreach (var envelope in new[] { Request, Answer, Refusal, Hint })
        {
            var more = new MessagePackWriter();
            var reader = new MessagePackReader(envelope);
            var pairs = reader.BeginMap();
            more.BeginMap(pairs + 2);
            more.End();
            more.Write(77);
            more.WriteArray([1.5, 2.5]);
            more.Write("name");
            more.WriteNil();
            byte[] bytes = [.. more.ToArray(), .. envelope.AsSpan(reader.Position)];
            if (envelope == Request) Assert.Equal(NodeEnvelope.ReadRequest(Request).Order, NodeEnvelope.ReadRequest(bytes).Order);
            else if (envelope == Hint) Assert.Equal(new[] { 0, 15, 300 }, NodeEnvelope.ReadHint(bytes).ToArray());
            else Assert.Equal(NodeEnvelope.ReadAnswer(envelope).OwnerNode, NodeEnvelope.ReadAnswer(bytes).OwnerNode);
        }
    }

    [Fact]
    public void A_refusal_that_only_a_later_release_knows_means_try_again()
    {
        var bytes = NodeEnvelope.Write(new NodeAnswer(null, (Athanor.Hosting.Core.Refusal)99, "overslept"));
        Assert.Equal((Athanor.Hosting.Core.Refusal.Unavailable, "overslept"),
            (NodeEnvelope.ReadAnswer(bytes).Why, NodeEnvelope.ReadAnswer(bytes).Reason));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void Mutated_envelopes_are_read_or_refused(int which)
    {
        byte[][] samples = which switch { 0 => [Request], 1 => [Answer, Refusal], _ => [Hint] };
        new Fuzz(output, which switch { 0 => "requests", 1 => "answers", _ => "hints" }, 64 << 10, 64).Run(
            Fuzz.Inputs(100_000), random => Fuzz.Mutate(random, samples, MessagePackWords.All), bytes =>
            {
                try
                {
                    switch (which)
                    {
                        case 0: NodeEnvelope.Write(NodeEnvelope.ReadRequest(bytes)); break;
                        case 1: NodeEnvelope.Write(NodeEnvelope.ReadAnswer(bytes)); break;
                        default: NodeEnvelope.WriteHint(NodeEnvelope.ReadHint(bytes).AsSpan()); break;
                    }
                    return FuzzOutcome.Value;
                }
                catch (MessageFormatException e)
                {
                    Assert.InRange(e.Offset, 0, bytes.Length);
                    return FuzzOutcome.Error;
                }
            });
    }
}
