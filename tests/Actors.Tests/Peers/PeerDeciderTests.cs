using Athanor.Actors.Peers;
using Athanor.Compute.Trust;
using Athanor.Protocol;
using Athanor.Protocol.Evolution;
using Athanor.Protocol.Peers;

namespace Athanor.Actors.Tests.Peers;

public sealed class PeerDeciderTests : IDisposable
{
    private static readonly EntityAddress Address = EntityAddress.Of("peers", "anna");
    private static readonly EntityAddress Watcher = EntityAddress.Of("evolution", "test");
    private static readonly byte[] Statement = [1, 2, 3];

    private readonly PeerDecider _decider = new();
    private readonly PeerKey _key = PeerKey.Create();
    private readonly PeerKey _other = PeerKey.Create();
    private PeerState _state;
    private long _number;

    public PeerDeciderTests() => _state = _decider.Initial(Address);

    public void Dispose()
    {
        _key.Dispose();
        _other.Dispose();
    }

    private IReadOnlyList<Effect> When(ICommand command)
    {
        var effects = _decider.Decide(_state, command, new DecisionContext(Address, DateTimeOffset.UnixEpoch, _number + 1));
        foreach (var persist in effects.OfType<Effect.Persist>())
        {
            _state = _decider.Apply(_state, persist.Event);
            _number++;
        }
        return effects;
    }

    private static IReply ReplyOf(IEnumerable<Effect> effects) => effects.OfType<Effect.Reply>().Single().Message;

    private static string CodeOf(IEnumerable<Effect> effects) => Assert.IsType<Rejected>(ReplyOf(effects)).Code;

    private static EnrolPeer Enrolment(PeerKey key, string name = "anna") => new(
        key.PublicKey, "cpu", key.Sign(new EnrolmentStatement(name, key.PublicKey, "cpu").CanonicalBytes()));

    private SubmitClaim ClaimOf(byte[] statement, PeerKey? key = null) => new("work-1", statement, (key ?? _key).Sign(statement));

    [Fact]
    public void A_peer_enrols_once_and_the_same_key_again_has_no_effect()
    {
        Assert.Equal(new Done(), ReplyOf(When(Enrolment(_key))));
        var again = When(Enrolment(_key));

        Assert.Equal(new Done(), ReplyOf(again));
        Assert.Empty(again.OfType<Effect.Persist>());
        Assert.Equal(PeerStatus.Probation, _state.Status);
    }

    [Fact]
    public void A_name_belongs_to_its_first_key()
    {
        When(Enrolment(_key));

        Assert.Equal("conflict", CodeOf(When(Enrolment(_other))));
        Assert.Equal(_key.PublicKey, _state.PublicKey);
    }

    [Fact]
    public void An_enrolment_for_one_tenant_is_none_for_another()
    {
        IReply At(string tenant, string signed)
        {
            var address = Address with { Tenant = tenant };
            return ReplyOf(_decider.Decide(PeerState.Of(address), Enrolment(_key, signed), new DecisionContext(address, DateTimeOffset.UnixEpoch, 1)));
        }

        Assert.Equal(new Done(), At("plant-a", "plant-a/anna"));
        Assert.Equal("forbidden", Assert.IsType<Rejected>(At("plant-a", "anna")).Code);
        Assert.Equal("forbidden", Assert.IsType<Rejected>(At("plant-b", "plant-a/anna")).Code);
        Assert.Equal("forbidden", Assert.IsType<Rejected>(At("default", "plant-a/anna")).Code);
    }

    [Fact]
    public void An_enrolment_without_possession_of_the_key_or_for_another_name_is_refused()
    {
        Assert.Equal("forbidden", CodeOf(When(Enrolment(_key) with { Proof = Enrolment(_other).Proof })));
        Assert.Equal("forbidden", CodeOf(When(Enrolment(_key, "boris"))));
        Assert.Equal(PeerStatus.Unknown, _state.Status);
    }

    [Fact]
    public void Watchers_are_told_of_the_enrolment_before_and_after_it()
    {
        var told = new PeerEnrolled("anna", _key.PublicKey, "cpu", "");
        Assert.Empty(When(new WatchPeer(Watcher)).OfType<Effect.Tell>());

        Assert.Equal(new Effect.Tell(Watcher, told), Assert.Single(When(Enrolment(_key)).OfType<Effect.Tell>()));

        var second = EntityAddress.Of("evolution", "second");
        Assert.Equal(new Effect.Tell(second, told), Assert.Single(When(new WatchPeer(second)).OfType<Effect.Tell>()));
        Assert.Equal(new[] { Watcher, second }, _state.Watchers.AsEnumerable());
    }

    [Fact]
    public void A_claim_sent_again_is_the_same_claim_although_its_signature_differs()
    {
        When(Enrolment(_key));
        When(ClaimOf(Statement));

        var again = When(ClaimOf(Statement));

        Assert.Equal(new Done(), ReplyOf(again));
        Assert.Empty(again.OfType<Effect.Persist>());
        Assert.Single(_state.Claims);
    }

    [Fact]
    public void A_claim_signed_by_another_key_is_refused_and_convicts_nobody()
    {
        When(Enrolment(_key));
        When(ClaimOf(Statement));

        Assert.Equal("forbidden", CodeOf(When(ClaimOf([9], _other))));
        Assert.Equal(PeerStatus.Probation, _state.Status);
    }

    [Fact]
    public void Two_different_claims_for_one_work_item_revoke_the_peer_with_both_as_proof()
    {
        When(Enrolment(_key));
        When(new WatchPeer(Watcher));
        When(ClaimOf(Statement));

        var effects = When(ClaimOf([9]));

        Assert.Equal("forbidden", CodeOf(effects));
        var revoked = Assert.IsType<PeerWasRevoked>(Assert.Single(effects.OfType<Effect.Persist>()).Event);
        Assert.True(PeerKey.Verify(_state.PublicKey, revoked.Statement, revoked.Signature));
        Assert.Equal(_state.Claims["work-1"], revoked.FirstHash);
        Assert.Equal(new PeerBarred("anna", revoked.Reason), Assert.Single(effects.OfType<Effect.Tell>()).Command);
        Assert.Equal("forbidden", CodeOf(When(ClaimOf(Statement))));
        Assert.Equal(PeerStatus.Revoked, _state.Status);
    }

    [Fact]
    public void A_bad_judgement_quarantines_and_every_watcher_is_told_once()
    {
        When(Enrolment(_key));
        When(new WatchPeer(Watcher));
        When(ClaimOf(Statement));

        var first = When(new JudgePeer("work-1", "evolution", false, "segment 3"));
        var second = When(new JudgePeer("work-2", "evolution", false, "segment 1"));

        Assert.Equal(new PeerBarred("anna", "segment 3"), Assert.Single(first.OfType<Effect.Tell>()).Command);
        Assert.Empty(second.OfType<Effect.Tell>());
        Assert.Equal((PeerStatus.Quarantined, "segment 3"), (_state.Status, _state.Reason));
        Assert.Equal(new Reputation(0, 2), _state.Reputations["cpu/evolution"]);
        Assert.Equal("forbidden", CodeOf(When(new SubmitClaim("work-3", Statement, _key.Sign(Statement)))));
        Assert.Contains(
            When(new WatchPeer(EntityAddress.Of("evolution", "later"))).OfType<Effect.Tell>(),
            t => t.Command is PeerEnrolled { Barred: "segment 3" });
    }

    [Fact]
    public void A_judged_claim_is_kept_no_longer_and_counts_for_its_class_and_family()
    {
        When(Enrolment(_key));
        When(ClaimOf(Statement));

        When(new JudgePeer("work-1", "evolution", true, ""));

        Assert.Empty(_state.Claims);
        var view = Assert.IsType<PeerView>(_decider.Answer(_state, new ShowPeer()));
        Assert.Equal(new Reputation(1, 0), view.Reputations["cpu/evolution"]);
        Assert.Equal(PeerStatus.Probation, view.Status);
    }

    [Fact]
    public void A_claim_under_a_name_that_nobody_enrolled_is_refused() => Assert.Equal("not-found", CodeOf(When(ClaimOf(Statement))));
}
