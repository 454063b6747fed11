using System.Net;
using Athanor.Compute.Trust;
using Athanor.Hosting.Work;
using Athanor.Hosting.Work.Evolution;
using Athanor.Nodes.Peers;
using Athanor.Protocol;
using Athanor.Protocol.Evolution;
using Athanor.Protocol.Peers;

namespace Nodes.Tests.Peers;

/// <summary>The gateway's promises to and against peers, one by one, over real HTTPS.</summary>
public sealed class PeerGatewayTests : IAsyncLifetime
{
    private readonly PeerKey _key = PeerKey.Create();
    private PeerHost _host = null!;

    public async Task InitializeAsync() => _host = await PeerHost.Start();

    public async Task DisposeAsync()
    {
        await _host.DisposeAsync();
        _key.Dispose();
    }

    private static async Task<HttpStatusCode> StatusOf(Func<Task> call) => (await Assert.ThrowsAsync<PeerRefusedException>(call)).Status;

    private sealed class Context(ulong seed, IReadOnlyDictionary<string, byte[]> inputs) : IWorkContext
    {
        public List<byte[]> Outputs { get; } = [];

        public ulong Seed => seed;

        public CancellationToken Cancellation => default;

        public ReadOnlyMemory<byte> GetBlob(string hash) => inputs[hash];

        public string PutBlob(ReadOnlyMemory<byte> content)
        {
            Outputs.Add(content.ToArray());
            return "";
        }

        public void Report(double done, string note)
        {
        }
    }

    /// <summary>Keeps each request so that it can be sent again byte for byte.</summary>
    private sealed class Recorder(HttpMessageHandler inner) : DelegatingHandler(inner)
    {
        public Func<HttpRequestMessage>? Again { get; private set; }

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellation)
        {
            var body = request.Content is null ? null : await request.Content.ReadAsByteArrayAsync(cancellation);
            var headers = request.Headers.Select(h => (h.Key, h.Value.First())).ToArray();
            var (method, uri) = (request.Method, request.RequestUri);
            Again = () =>
            {
                var copy = new HttpRequestMessage(method, uri) { Content = body is null ? null : new ByteArrayContent(body) };
                foreach (var (name, value) in headers) copy.Headers.Add(name, value);
                return copy;
            };
            return await base.SendAsync(request, cancellation);
        }
    }

    private async Task<(PeerClient Client, LeasedWork Item, EvaluationClaim Claim, List<byte[]> States)> GivenAnEvaluationDone()
    {
        var client = _host.ClientOf("anna", _key);
        await client.Enrol(default);
        await _host.Begin("one", 4, TimeSpan.FromMinutes(5), "anna");
        var item = (await client.Lease(1, TimeSpan.FromSeconds(30), default)).Items.Single();
        var inputs = new Dictionary<string, byte[]>();
        foreach (var hash in item.Inputs) inputs[hash] = await client.GetBlob(hash, default);
        var context = new Context(item.Seed, inputs);
        return (client, item, (EvaluationClaim)new EvaluateHandler().Run(item.Work, context), context.Outputs);
    }

    [Fact]
    public async Task A_claim_counts_once_its_states_are_there_and_only_once()
    {
        var (client, item, claim, states) = await GivenAnEvaluationDone();

        Assert.Equal(HttpStatusCode.Conflict, await StatusOf(() => client.Submit(item, claim, [], default)));
        foreach (var state in states) await client.PutBlob(state, default);
        Assert.True(await client.Submit(item, claim, [], default));
        Assert.False(await client.Submit(item, claim, [], default));
    }

    [Fact]
    public async Task Two_different_claims_for_one_item_revoke_the_peer_and_it_gets_403_with_the_reason()
    {
        var (client, item, claim, states) = await GivenAnEvaluationDone();
        foreach (var state in states) await client.PutBlob(state, default);
        // Both go to the peer's own entity, as the gateway would send them; neither is judged yet.
        var work = (Evaluate)item.Work;
        var other = EvaluateHandler.Claim(work, [.. claim.StateHashes], [.. claim.Errors.Select(e => e + 1)]);
        var statement = Athanor.Actors.Evolution.EvaluationSpecs.Statement(work.Spec, "anna", other);
        await _host.Client.Ask(EntityAddress.Of("peers", "anna"), new SubmitClaim(work.WorkId, statement, _key.Sign(statement)));

        var refusal = await Assert.ThrowsAsync<PeerRefusedException>(() => client.Submit(item, claim, [], default));

        Assert.Equal(HttpStatusCode.Forbidden, refusal.Status);
        Assert.Contains("equivocation", refusal.Message);
        var later = await Assert.ThrowsAsync<PeerRefusedException>(() => client.Lease(1, TimeSpan.Zero, default));
        Assert.Equal(HttpStatusCode.Forbidden, later.Status);
        Assert.Contains("revoked", later.Message);
        Assert.Contains("equivocation", later.Message);
    }

    [Fact]
    public async Task A_request_is_taken_once_and_from_the_enrolled_key_alone()
    {
        using var recorder = new Recorder(new SocketsHttpHandler
        {
            SslOptions = { RemoteCertificateValidationCallback = (_, _, _, _) => true },
        });
        using var http = new HttpClient(recorder) { BaseAddress = _host.Url };
        var client = _host.ClientOf("anna", _key, http);
        await client.Enrol(default);
        await client.Lease(1, TimeSpan.Zero, default);

        using var replay = recorder.Again!();
        using var answer = await http.SendAsync(replay);
        Assert.Equal(HttpStatusCode.Unauthorized, answer.StatusCode);
        Assert.Equal("application/problem+json", answer.Content.Headers.ContentType?.MediaType);
        Assert.Contains("sent before", await answer.Content.ReadAsStringAsync());

        using var thief = PeerKey.Create();
        var stranger = _host.ClientOf("anna", thief);
        Assert.Equal(HttpStatusCode.Conflict, await StatusOf(() => stranger.Enrol(default)));
        Assert.Equal(HttpStatusCode.Unauthorized, await StatusOf(() => stranger.Lease(1, TimeSpan.Zero, default)));
    }

    [Fact]
    public async Task Nobody_leases_or_reads_what_is_not_theirs()
    {
        var (client, item, claim, _) = await GivenAnEvaluationDone();
        using var key = PeerKey.Create();
        var boris = _host.ClientOf("boris", key);
        await boris.Enrol(default);

        Assert.Empty((await boris.Lease(8, TimeSpan.Zero, default)).Items);
        Assert.Equal(HttpStatusCode.NotFound, await StatusOf(() => boris.GetBlob(item.Inputs[0], default)));
        Assert.Equal(HttpStatusCode.Conflict, await StatusOf(() => boris.Submit(item, claim, [], default)));
        Assert.Empty(await boris.Renew([item.Token], default));
        Assert.Equal([item.Token], await client.Renew([item.Token], default));
    }

    [Fact]
    public async Task A_peer_that_joins_again_gets_back_what_it_had_leased()
    {
        var (client, item, _, _) = await GivenAnEvaluationDone();

        await client.Enrol(default);

        var again = (await client.Lease(64, TimeSpan.FromSeconds(10), default)).Items;
        Assert.Contains(again, i => i.WorkId == item.WorkId && i.Token != item.Token);
    }

    [Fact]
    public async Task A_peer_does_not_talk_to_a_gateway_with_another_certificate()
    {
        var wrong = new string('0', 64);
        using var http = PeerClient.Connect(_host.Url, wrong);

        await Assert.ThrowsAsync<HttpRequestException>(() => _host.ClientOf("anna", _key, http).Enrol(default));
    }

    [Fact]
    public async Task A_peer_uploads_no_more_than_its_quota()
    {
        await using var host = await PeerHost.Start(quota: 1000);
        var client = host.ClientOf("anna", _key);
        await client.Enrol(default);

        Assert.NotEmpty(await client.PutBlob(new byte[900], default));
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, await StatusOf(() => client.PutBlob(new byte[101], default)));
    }

    [Fact]
    public async Task A_body_that_is_no_message_is_refused_with_a_problem()
    {
        using var http = PeerClient.Connect(_host.Url, _host.Pin);
        using var answer = await http.PostAsync($"{PeerRequests.Root}/lease", new ByteArrayContent([0xc1]));

        Assert.Equal(HttpStatusCode.Unauthorized, answer.StatusCode);
        Assert.Contains("header", await answer.Content.ReadAsStringAsync());
    }
}
