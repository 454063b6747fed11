using System.Net;
using System.Text.Json;
using Athanor.Compute.Trust;
using Athanor.Hosting.Blobs;
using Athanor.Hosting.Stores;
using Athanor.Nodes.Cli;
using Athanor.Nodes.Peers;
using Athanor.Nodes.Remote;
using Athanor.Protocol;
using Athanor.Protocol.Evolution;
using Athanor.Protocol.Models;
using Athanor.Protocol.Peers;
using Athanor.Protocol.Training;
using Nodes.Tests.Peers;

namespace Nodes.Tests.Access;

/// <summary>The wall between tenants: a principal of plant-a with every role tries to see and to touch what is plant-b's, and the other way
/// round what plant-b's own principal sees is there.</summary>
public sealed class TenantWallTests : IAsyncLifetime
{
    private static readonly string[] Every = ["view", "operate", "train", "administer", "peer"];

    private AccessHost _host = null!;
    private GatewayClient _a = null!;
    private GatewayClient _b = null!;
    private string _keyOfA = "";
    private string _keyOfB = "";

    public async Task InitializeAsync()
    {
        _host = await AccessHost.Start();
        _keyOfA = _host.AddKey("alice", ["plant-a"], Every);
        _keyOfB = _host.AddKey("boris", ["plant-b"], Every);
        _a = await Open(_keyOfA);
        _b = await Open(_keyOfB);
    }

    public async Task DisposeAsync()
    {
        _a.Dispose();
        _b.Dispose();
        await _host.DisposeAsync();
    }

    private Task<GatewayClient> Open(string key) => GatewayClient.Open(_host.Remote(key), Athanor.Hosting.Families.Messages, TimeProvider.System, default);

    private static async Task Forbidden(Func<Task> call)
    {
        var e = await Assert.ThrowsAsync<UserException>(call);
        Assert.Contains("key:alice does not", e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("boris", e.Message, StringComparison.Ordinal);
    }

    /// <summary>A population of plant-b whose work waits in the pools of plant-b's peers and of the node.</summary>
    private async Task<EntityAddress> GivenAPopulationOfB(params string[] peers)
    {
        var population = new EntityAddress("plant-b", "evolution", "wings");
        var blob = await _b.PutBlob(PeerHost.Table(), default, "plant-b");
        Assert.Equal(new Done(), await _b.Ask(population, new StartPopulation(PeerHost.Spec(blob, 4, TimeSpan.FromMinutes(5), peers))));
        return population;
    }

    [Fact]
    public async Task Populations_of_another_tenant_are_neither_seen_nor_touched()
    {
        var population = await GivenAPopulationOfB();
        Assert.Equal("plant-b/evolution/wings", Assert.Single(await _b.List("plant-b", "evolution")).Address.ToString());
        await Forbidden(() => _a.List("plant-b", "evolution"));
        await Forbidden(() => _a.Query(population, new ShowPopulation()));
        await Forbidden(() => _a.Query(population, new Describe(), consistent: true));
        await Forbidden(() => _a.Ask(population, new StartPopulation(PeerHost.Spec(new string('0', 64), 4, TimeSpan.FromMinutes(5), []))));
        await Forbidden(() => _a.Ask(population, new RepairEntity(true)));
        await Forbidden(() => _a.Replay(population));
        // The same name in the tenant of one's own is another entity, and does not exist.
        Assert.Empty(await _a.List("plant-a", "evolution"));
        Assert.True((await _b.Replay(population)).Same);
    }

    [Fact]
    public async Task Work_of_another_tenant_is_neither_listed_nor_counted()
    {
        await GivenAPopulationOfB();
        await Until(async () => (await _b.Work(null)).Count > 0);
        Assert.Empty(await _a.Work(null));
        Assert.Empty(await _a.Running());
        var seen = await _a.Cluster();
        Assert.Empty(seen.Work);
        Assert.NotEmpty(seen.Shards);
        Assert.All((await _b.Cluster()).Work, static w => Assert.Equal("plant-b", w.Tenant));
        Assert.NotEmpty((await _b.Cluster()).Work);
        await Forbidden(() => _a.AskToDrain("embedded"));
        await Assert.ThrowsAsync<UserException>(() => _b.AskToDrain("embedded"));
    }

    [Fact]
    public async Task Feeds_of_another_tenant_are_not_read()
    {
        await _b.Ask(new EntityAddress("plant-b", "models", "m"), new RegisterModel("kinetics", "secret"));
        await _a.Ask(new EntityAddress("plant-a", "models", "own"), new RegisterModel("kinetics", "own"));
        await _host.Project();
        Assert.Equal("plant-b/models/m", Assert.Single(await _b.Entities("plant-b", null, 10)).Entity.ToString());
        await Forbidden(() => _a.Entities("plant-b", null, 10));
        await Forbidden(() => _a.Alarms("plant-b", null, 10));
        // Nor around the corner, by a range that begins in one's own tenant.
        var e = await Assert.ThrowsAsync<UserException>(() => _a.Entities("plant-a", "../plant-b/models", 10));
        Assert.Contains("is no name", e.Message, StringComparison.Ordinal);
        Assert.Equal("plant-a/models/own", Assert.Single(await _a.Entities("plant-a", "models", 10)).Entity.ToString());
    }

    [Fact]
    public async Task A_blob_of_another_tenant_is_not_there_even_for_whoever_knows_its_hash_and_nothing_is_computed_with_it()
    {
        byte[] secret = [.. Enumerable.Range(0, 200).Select(static i => (byte)i)];
        var hash = await _b.PutBlob(secret, default, "plant-b");
        Assert.Equal(secret, await _b.GetBlob(hash));
        await Assert.ThrowsAsync<KeyNotFoundException>(() => _a.GetBlob(hash));
        var missing = await Assert.ThrowsAsync<KeyNotFoundException>(() => _a.GetBlob(new string('0', 64)));
        Assert.Equal(missing.Message.Replace(new string('0', 64), hash), (await Assert.ThrowsAsync<KeyNotFoundException>(() => _a.GetBlob(hash))).Message);
        await Forbidden(() => _a.PutBlob(secret, default, "plant-b"));

        // A training run of plant-a's over plant-b's table would show in its losses what is in it.
        var spec = new TrainingSpec(
            "perceptron", [2, 4, 1], hash, 2, 1, 1, 100, 100, 8, 0.01, 0.0, 0.0,
            System.Collections.Immutable.ImmutableSortedDictionary<string, double>.Empty);
        var run = new EntityAddress("plant-a", "training", "spy");
        var refused = await Assert.ThrowsAsync<UserException>(() => _a.Ask(run, new StartTraining(spec)));
        Assert.Contains($"the tenant 'plant-a' has no blob {hash}", refused.Message, StringComparison.Ordinal);
        Assert.Empty(await _a.List("plant-a", "training"));

        // Whoever has the content may have it too: both own it from then on, and neither takes it from the other.
        Assert.Equal(hash, await _a.PutBlob(secret, default, "plant-a"));
        Assert.Equal(secret, await _a.GetBlob(hash));
        Assert.Equal(secret, await _b.GetBlob(hash));
        Assert.Equal(new Done(), await _a.Ask(run, new StartTraining(spec)));
        Assert.False(await _host.Node.Cluster.Blobs.BelongsTo(hash, EntityAddress.DefaultTenant, default));
    }

    [Fact]
    public async Task Peers_of_another_tenant_are_not_seen_and_nobody_becomes_one_without_its_key()
    {
        using var key = PeerKey.Create();
        var pin = _host.Node.Gateway!.Info.CertificateSha256;
        PeerClient Peer(string? apiKey, string tenant) =>
            new(PeerClient.Connect(_host.Node.Gateway!.Url, pin, apiKey), key, "anna", TimeProvider.System, tenant);
        var without = await Assert.ThrowsAsync<PeerRefusedException>(() => Peer(null, "plant-b").Enrol(default));
        Assert.Equal(HttpStatusCode.Unauthorized, without.Status);
        var foreign = await Assert.ThrowsAsync<PeerRefusedException>(() => Peer(_keyOfA, "plant-b").Enrol(default));
        Assert.Equal(HttpStatusCode.Forbidden, foreign.Status);
        await Peer(_keyOfB, "plant-b").Enrol(default);

        var anna = new EntityAddress("plant-b", "peers", "anna");
        Assert.Equal(PeerStatus.Probation, Assert.IsType<PeerView>(await _b.Query(anna, new ShowPeer())).Status);
        await Forbidden(() => _a.Query(anna, new ShowPeer()));
        await Forbidden(() => _a.List("plant-b", "peers"));
        Assert.Equal(PeerStatus.Unknown, Assert.IsType<PeerView>(await _a.Query(anna with { Tenant = "plant-a" }, new ShowPeer())).Status);

        // Enrolled there it is nobody here, with the same key and name.
        var client = Peer(_keyOfB, "plant-a");
        var elsewhere = await Assert.ThrowsAsync<PeerRefusedException>(() => client.Lease(1, TimeSpan.Zero, default));
        Assert.Equal(HttpStatusCode.Unauthorized, elsewhere.Status);
    }

    [Fact]
    public async Task A_peer_leases_the_work_of_its_tenant_alone_though_another_has_its_name()
    {
        var pin = _host.Node.Gateway!.Info.CertificateSha256;
        using var keyA = PeerKey.Create();
        using var keyB = PeerKey.Create();
        var ofA = new PeerClient(PeerClient.Connect(_host.Node.Gateway.Url, pin, _keyOfA), keyA, "anna", TimeProvider.System, "plant-a");
        var ofB = new PeerClient(PeerClient.Connect(_host.Node.Gateway.Url, pin, _keyOfB), keyB, "anna", TimeProvider.System, "plant-b");
        await ofA.Enrol(default);
        await ofB.Enrol(default);
        await GivenAPopulationOfB("anna");

        var item = (await ofB.Lease(1, TimeSpan.FromSeconds(30), default)).Items.Single();
        Assert.StartsWith("plant-b/evolution/wings/", item.WorkId, StringComparison.Ordinal);
        Assert.Empty((await ofA.Lease(8, TimeSpan.Zero, default)).Items);
        Assert.Empty(await ofA.Renew([item.Token], default));
        Assert.NotEmpty(await ofB.GetBlob(item.Inputs[0], default));
        var blob = await Assert.ThrowsAsync<PeerRefusedException>(() => ofA.GetBlob(item.Inputs[0], default));
        Assert.Equal(HttpStatusCode.NotFound, blob.Status);
        var claim = await Assert.ThrowsAsync<PeerRefusedException>(() => ofA.Refuse(item.Token, "mine now", default));
        Assert.Equal(HttpStatusCode.Conflict, claim.Status);

        // What plant-b's peer uploads is plant-b's.
        var state = await ofB.PutBlob(new byte[] { 1, 2, 3 }, default);
        Assert.Equal([1, 2, 3], await _b.GetBlob(state));
        await Assert.ThrowsAsync<KeyNotFoundException>(() => _a.GetBlob(state));
    }

    [Fact]
    public async Task A_parked_message_is_seen_by_its_tenant_alone()
    {
        var everyone = (await _host.Node.Cluster.Store.ReadParked(default)).Count;
        Assert.Equal(0, everyone);
        var status = new Athanor.Nodes.Local.ClusterStatus(
            DateTimeOffset.UnixEpoch, 1, 1, 1, [new("n", ["shards"], "10.0.0.1:7450", true, 1, 0, 1, 1, false)], [],
            [new("cpu", "training.segment", "plant-a", WorkStatus.Pending, 1, null), new("cpu", "training.segment", "plant-b", WorkStatus.Pending, 1, null)],
            [new("0/1/0", "plant-b/twins/u", "twins.measure", "because", 1), new("0/2/0", "plant-a/twins/u", "twins.measure", "because", 1)]);
        var seen = status.For(new Athanor.Nodes.Access.Principal("key:alice", ["plant-a"], Athanor.Nodes.Access.Role.Administer));
        Assert.Equal("plant-a/twins/u", Assert.Single(seen.Parked).To);
        Assert.Equal("plant-a", Assert.Single(seen.Work).Tenant);
        Assert.Equal("", Assert.Single(seen.Nodes).Address);
        Assert.Same(status, status.For(Athanor.Nodes.Access.Principal.Local));
        Assert.DoesNotContain("10.0.0.1", JsonSerializer.Serialize(seen), StringComparison.Ordinal);
    }

    private static async Task Until(Func<Task<bool>> condition)
    {
        var begun = TimeProvider.System.GetTimestamp();
        while (!await condition())
        {
            Assert.True(TimeProvider.System.GetElapsedTime(begun) < TimeSpan.FromSeconds(30), "it did not come about within 30 s");
            await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System);
        }
    }
}
