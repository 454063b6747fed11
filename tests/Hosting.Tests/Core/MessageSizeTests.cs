using Athanor.Hosting.Core;
using static Hosting.Tests.Core.CoreHarness;

namespace Hosting.Tests.Core;

/// <summary>What is larger than a message may be goes nowhere, and says what would be right.</summary>
public class MessageSizeTests
{
    private static readonly Send Told = new(2, A, 7);
    private static readonly int Limit = Codec.Encode(Told).Body.Length;

    private readonly CoreHarness _core = new(options: new CoreOptions { Node = "node-a", ShardCount = 1, MaxMessageBytes = Limit });

    [Fact]
    public void A_clients_command_that_is_too_large_is_refused_as_invalid()
    {
        var refuse = Assert.IsType<CoreAction.Refuse>(_core.Answers[_core.Send(A, new Poison(new string('x', Limit)))]);
        Assert.Equal(Refusal.Invalid, refuse.Why);
        Assert.Contains("athanor.messages.max", refuse.Reason);
        Assert.Contains("blob", refuse.Reason);
    }

    [Fact]
    public void A_decider_that_persists_too_much_has_its_message_parked_with_the_reason()
    {
        Assert.True(Codec.Encode(new Received(2, 7, B, 0)).Body.Length > Limit);
        _core.Ask(B, Told);
        _core.Pass(1);
        var parked = Wait(_core.Store.ReadParked(default)).Single();
        Assert.Equal("accounts.receive", parked.Mail.Command.Kind);
        Assert.Contains($"at most {Limit}", parked.Reason);
        Assert.Empty(_core.Journal(A));
        Assert.Equal(5, ReplyOf<BalanceIs>(_core.Ask(A, new Credit(3, 5))).Balance);
    }
}
