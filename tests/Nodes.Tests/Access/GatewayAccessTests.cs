using System.Net;
using Athanor.Hosting;
using Athanor.Hosting.Configuration;
using Athanor.Nodes.Access;
using Athanor.Protocol;
using Athanor.Protocol.Twins;

namespace Nodes.Tests.Access;

/// <summary>Who gets through the gateway with a key, to what, and what the journal says of it.</summary>
public sealed class GatewayAccessTests
{
    [Fact]
    public async Task Nobody_is_let_in_unknown_not_even_from_this_machine()
    {
        await using var host = await AccessHost.Start();
        using var http = host.Client();
        Assert.Contains("says not who", await AccessHost.Problem(HttpStatusCode.Unauthorized, await http.GetAsync("v1/entities/default/models")));
        Assert.Contains("says not who", await AccessHost.Problem(HttpStatusCode.Unauthorized, await AccessHost.Register(http, "default", "m")));
        Assert.Contains("says not who", await AccessHost.Problem(HttpStatusCode.Unauthorized, await http.GetAsync("health")));
        Assert.Equal("yes\n", await http.GetStringAsync("health/live"));
    }

    [Fact]
    public async Task Anonymous_views_over_loopback_if_the_configuration_says_so_and_changes_nothing()
    {
        await using var host = await AccessHost.Start(o => o with { Access = o.Access with { Anonymous = "view" } });
        using var http = host.Client();
        Assert.Equal(HttpStatusCode.OK, (await http.GetAsync("v1/entities/default/models")).StatusCode);
        Assert.Contains("takes the role train", await AccessHost.Problem(HttpStatusCode.Forbidden, await AccessHost.Register(http, "default", "m")));
    }

    [Fact]
    public void Anonymous_access_is_refused_where_the_gateway_listens_beyond_loopback()
    {
        var file = Path.GetTempFileName();
        File.WriteAllText(file, "athanor { gateway.address = \"0.0.0.0\", access.anonymous = view }");
        var e = Assert.Throws<ConfigurationException>(() => ClusterConfiguration.Load(file));
        Assert.Contains($"{file}:1", e.Message);
        Assert.Contains("nobody is let in unknown from elsewhere", e.Message);
        File.Delete(file);
    }

    [Fact]
    public async Task A_key_reaches_its_tenants_with_its_roles_and_the_journal_says_whose_it_was()
    {
        await using var host = await AccessHost.Start();
        var key = host.AddKey("alice", "plant-a", "train");
        using var http = host.Client(apiKey: key);
        using var asBearer = host.Client(bearer: key);
        Assert.Equal(HttpStatusCode.OK, (await AccessHost.Register(http, "plant-a", "m")).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await asBearer.GetAsync("v1/entities/plant-a/models")).StatusCode);
        Assert.Contains("does not belong to the tenant 'plant-b'", await AccessHost.Problem(
            HttpStatusCode.Forbidden, await AccessHost.Register(http, "plant-b", "m")));
        Assert.Contains("does not belong to the tenant 'default'", await AccessHost.Problem(
            HttpStatusCode.Forbidden, await http.GetAsync("v1/entities/default/models")));
        var history = await host.Node.Cluster.Store.ReadEntity(new EntityAddress("plant-a", "models", "m"), true, default);
        Assert.Equal("key:alice", Assert.Single(history.Events).Principal);
    }

    [Theory]
    [InlineData("view", false, false)]
    [InlineData("operate", false, true)]
    [InlineData("train", true, false)]
    [InlineData("administer", true, true)]
    public async Task A_role_may_what_it_says_and_nothing_more(string role, bool mayTrain, bool mayOperate)
    {
        await using var host = await AccessHost.Start();
        using var http = host.Client(apiKey: host.AddKey("bob", "default", role));
        Assert.Equal(mayTrain ? HttpStatusCode.OK : HttpStatusCode.Forbidden, (await AccessHost.Register(http, "default", "m")).StatusCode);
        var measure = Families.Messages.EncodeEnvelope(new Measure(0, [], [], []));
        // Whoever may operate gets past the door, and the twin, which is not registered, has the word.
        var measured = await http.PostAsync("v1/ask/default/twins/u", new ByteArrayContent(measure));
        Assert.Equal(mayOperate ? HttpStatusCode.OK : HttpStatusCode.Forbidden, measured.StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await http.GetAsync("v1/work")).StatusCode);
    }

    [Fact]
    public async Task Commands_of_entities_and_of_the_host_are_refused_whoever_sends_them()
    {
        await using var host = await AccessHost.Start();
        using var http = host.Client(apiKey: host.AddKey("root", "*", "administer"));
        var answer = await AccessHost.Post(
            http, "v1/ask/default/models/m", """{"kind": "std.work-failed", "body": {"name": "fit", "reason": "because", "parked": false}}""");
        Assert.Contains("no command for clients", await AccessHost.Problem(HttpStatusCode.Forbidden, answer));
    }

    [Fact]
    public void A_decision_stands_about_every_command_there_is()
    {
        var open = Families.Messages.Kinds.Where(static k => typeof(ICommand).IsAssignableFrom(k.Type)).Select(static k => k.Name)
            .Where(static kind => Permissions.Of(kind) is null && !Permissions.Internal.Contains(kind)).ToList();
        Assert.True(open.Count == 0, $"Permissions says nothing of {string.Join(", ", open)}");
        Assert.All(Permissions.Internal, static kind => Assert.Null(Permissions.Of(kind)));
    }

    [Fact]
    public async Task A_revocation_holds_from_the_next_request_on()
    {
        await using var host = await AccessHost.Start();
        var key = host.AddKey("alice", "default", "view");
        using var http = host.Client(apiKey: key);
        Assert.Equal(HttpStatusCode.OK, (await http.GetAsync("v1/work")).StatusCode);
        host.Change(list => list.With(list.Principals[0] with { Revoked = true }));
        Assert.Contains("the access of alice was revoked", await AccessHost.Problem(HttpStatusCode.Unauthorized, await http.GetAsync("v1/work")));
    }

    [Fact]
    public async Task Expired_wrong_and_malformed_keys_are_refused_each_with_its_reason()
    {
        await using var host = await AccessHost.Start();
        var old = host.AddKey("alice", "default", "view", TimeProvider.System.GetUtcNow().AddMinutes(-1));
        using (var http = host.Client(apiKey: old))
            Assert.Contains("of alice expired", await AccessHost.Problem(HttpStatusCode.Unauthorized, await http.GetAsync("v1/work")));
        var other = ApiKey.Make(null).Text;
        using (var http = host.Client(apiKey: other))
            Assert.Contains("no such API key", await AccessHost.Problem(HttpStatusCode.Unauthorized, await http.GetAsync("v1/work")));
        // The id of one key with the secret of another opens nothing.
        using (var http = host.Client(apiKey: old[..12] + other[12..]))
            Assert.Contains("no such API key", await AccessHost.Problem(HttpStatusCode.Unauthorized, await http.GetAsync("v1/work")));
        using (var http = host.Client(apiKey: "ath_12"))
            Assert.Contains("not of the form", await AccessHost.Problem(HttpStatusCode.Unauthorized, await http.GetAsync("v1/work")));
    }

    [Fact]
    public async Task A_bad_credential_never_falls_back_to_anonymous()
    {
        await using var host = await AccessHost.Start(o => o with { Access = o.Access with { Anonymous = "administer" } });
        using var http = host.Client(apiKey: ApiKey.Make(null).Text);
        Assert.Contains("no such API key", await AccessHost.Problem(HttpStatusCode.Unauthorized, await http.GetAsync("v1/work")));
    }

    [Fact]
    public async Task An_address_that_tries_keys_is_made_to_wait()
    {
        await using var host = await AccessHost.Start();
        using var http = host.Client(apiKey: ApiKey.Make(null).Text);
        for (var i = 0; i < 30; i++) Assert.Equal(HttpStatusCode.Unauthorized, (await http.GetAsync("v1/work")).StatusCode);
        var answer = await http.GetAsync("v1/work");
        Assert.Contains("too many bad credentials", await AccessHost.Problem(HttpStatusCode.TooManyRequests, answer));
        Assert.Equal(TimeSpan.FromMinutes(1), answer.Headers.RetryAfter!.Delta);
    }

    [Fact]
    public async Task A_principal_that_sends_too_much_is_answered_429_and_others_are_not()
    {
        await using var host = await AccessHost.Start(o => o with { Gateway = o.Gateway with { RequestsPerSecond = 1 } });
        using var greedy = host.Client(apiKey: host.AddKey("greedy", "default", "view"));
        using var modest = host.Client(apiKey: host.AddKey("modest", "default", "view"));
        var answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => greedy.GetAsync("v1/work")));
        var refused = answers.First(static a => a.StatusCode == HttpStatusCode.TooManyRequests);
        Assert.Contains("key:greedy sends more than 1 requests a second", await AccessHost.Problem(HttpStatusCode.TooManyRequests, refused));
        Assert.NotNull(refused.Headers.RetryAfter);
        Assert.Equal(HttpStatusCode.OK, (await modest.GetAsync("v1/work")).StatusCode);
    }

    [Fact]
    public async Task Bad_input_is_a_problem_that_names_the_place()
    {
        await using var host = await AccessHost.Start(o => o with { Messages = new MessageOptions { MaxBytes = 2048 } });
        using var http = host.Client(apiKey: host.AddKey("alice", "default", "train"));
        const string Path = "v1/ask/default/models/m";
        Assert.Contains("no message kind 'models.nonsense'", await AccessHost.Problem(
            HttpStatusCode.BadRequest, await AccessHost.Post(http, Path, """{"kind": "models.nonsense", "body": {}}""")));
        Assert.Contains("description", await AccessHost.Problem(
            HttpStatusCode.BadRequest, await AccessHost.Post(http, Path, """{"kind": "models.register-model", "body": {"kind": "k"}}""")));
        Assert.Contains("colour", await AccessHost.Problem(HttpStatusCode.BadRequest, await AccessHost.Post(
            http, Path, """{"kind": "models.register-model", "body": {"kind": "k", "description": "d", "colour": "red"}}""")));
        Assert.Contains("is no UUID", await AccessHost.Problem(HttpStatusCode.BadRequest, await AccessHost.Post(
            http, Path + "?key=7", """{"kind": "models.register-model", "body": {"kind": "k", "description": "d"}}""")));
        Assert.Contains("is no address", await AccessHost.Problem(HttpStatusCode.BadRequest, await AccessHost.Post(
            http, "v1/ask/default/models/a%20b", """{"kind": "models.register-model", "body": {"kind": "k", "description": "d"}}""")));
        Assert.Contains("over the limit of 2048", await AccessHost.Problem(
            HttpStatusCode.RequestEntityTooLarge, await AccessHost.Post(http, Path, new string(' ', 4096))));
        Assert.Contains("is no command", await AccessHost.Problem(
            HttpStatusCode.BadRequest, await AccessHost.Post(http, Path, """{"kind": "std.describe", "body": {}}""")));
    }
}
