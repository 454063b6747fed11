using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Athanor.Hosting.Configuration;
using Athanor.Nodes.Access;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace Nodes.Tests.Access;

/// <summary>Bearer tokens: this cluster's own and another issuer's, and every way to forge one that is known to have worked somewhere.</summary>
public sealed class TokenTests
{
    private static readonly DateTimeOffset Now = TimeProvider.System.GetUtcNow();

    [Fact]
    public async Task A_token_of_the_cluster_s_own_opens_what_it_says_until_it_is_revoked()
    {
        await using var host = await AccessHost.Start();
        var token = Tokens.Issue(host.Keys, "athanor", "bob", ["plant-a", "plant-b"], ["view", "train"], Now, TimeSpan.FromHours(1));
        using var http = host.Client(bearer: token);
        Assert.Equal(HttpStatusCode.OK, (await AccessHost.Register(http, "plant-b", "m")).StatusCode);
        Assert.Equal(HttpStatusCode.Forbidden, (await AccessHost.Register(http, "plant-c", "m")).StatusCode);
        var history = await host.Node.Cluster.Store.ReadEntity(new("plant-b", "models", "m"), true, default);
        Assert.Equal("token:bob", Assert.Single(history.Events).Principal);

        var id = new JsonWebToken(token).Id;
        host.Change(list => list with { RevokedTokens = [id] });
        Assert.Contains($"the token {id} was revoked", await AccessHost.Problem(HttpStatusCode.Unauthorized, await http.GetAsync("v1/work")));
    }

    [Fact]
    public async Task Tokens_that_are_old_early_long_or_for_others_are_refused()
    {
        await using var host = await AccessHost.Start();
        string Issue(DateTimeOffset at, TimeSpan life, string audience = "athanor") =>
            Tokens.Issue(host.Keys, audience, "bob", ["default"], ["view"], at, life);
        Assert.Contains("has expired", await Refused(host, Issue(Now.AddHours(-2), TimeSpan.FromHours(1))));
        Assert.Contains("not valid yet", await Refused(host, Issue(Now.AddHours(1), TimeSpan.FromHours(1))));
        Assert.Contains("live longer than access.tokens.longest", await Refused(host, Issue(Now, TimeSpan.FromDays(30))));
        Assert.Contains("another audience", await Refused(host, Issue(Now, TimeSpan.FromHours(1), "payroll")));
    }

    [Fact]
    public async Task Forged_tokens_are_refused()
    {
        await using var host = await AccessHost.Start();
        var good = Tokens.Issue(host.Keys, "athanor", "bob", ["default"], ["view"], Now, TimeSpan.FromHours(1));
        using (var http = host.Client(bearer: good)) Assert.Equal(HttpStatusCode.OK, (await http.GetAsync("v1/work")).StatusCode);
        var parts = good.Split('.');

        // Roles raised under the old signature.
        var raised = Decode(parts[1]).Replace("\"view\"", "\"administer\"", StringComparison.Ordinal);
        Assert.Contains("not signed by a key", await Refused(host, $"{parts[0]}.{Base64UrlEncoder.Encode(raised)}.{parts[2]}"));

        // No signature at all.
        Assert.NotEmpty(await Refused(host, $"{Base64UrlEncoder.Encode("""{"alg":"none","typ":"JWT"}""")}.{Base64UrlEncoder.Encode(raised)}."));

        // The public key, which is no secret, taken as the secret of a symmetric signature.
        using var own = ECDsa.Create();
        own.ImportFromPem(await File.ReadAllTextAsync(Path.Combine(host.Keys, Tokens.KeyFile)));
        var head = Base64UrlEncoder.Encode("""{"alg":"HS256","typ":"JWT"}""");
        var mac = HMACSHA256.HashData(Encoding.ASCII.GetBytes(own.ExportSubjectPublicKeyInfoPem()), Encoding.ASCII.GetBytes($"{head}.{parts[1]}"));
        Assert.NotEmpty(await Refused(host, $"{head}.{parts[1]}.{Base64UrlEncoder.Encode(mac)}"));

        // Somebody else's key under this cluster's name.
        using var other = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        Assert.Contains("not signed by a key", await Refused(host, Sign(other, "athanor", new() { ["sub"] = "eve", ["tenant"] = "default", ["roles"] = "administer" })));
        Assert.Contains("no token", await Refused(host, "nonsense"));
    }

    [Fact]
    public async Task Another_issuer_s_tokens_are_taken_by_its_public_key_and_not_under_this_cluster_s_name()
    {
        using var issuer = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var keys = Path.GetTempFileName();
        await File.WriteAllTextAsync(keys, issuer.ExportSubjectPublicKeyInfoPem());
        await using var host = await AccessHost.Start(o => o with
        {
            Access = o.Access with { Tokens = new TokenOptions { Issuer = "https://login.example", Keys = keys } },
        });
        Dictionary<string, object> claims = new() { ["sub"] = "carol", ["tenant"] = "default", ["roles"] = new[] { "train", "payroll-clerk" } };
        using (var http = host.Client(bearer: Sign(issuer, "https://login.example", claims)))
            Assert.Equal(HttpStatusCode.OK, (await AccessHost.Register(http, "default", "m")).StatusCode);
        var history = await host.Node.Cluster.Store.ReadEntity(new("default", "models", "m"), true, default);
        Assert.Equal("token:carol@https://login.example", Assert.Single(history.Events).Principal);

        Assert.Contains("issuer that this cluster does not know", await Refused(host, Sign(issuer, "https://elsewhere.example", claims)));
        Assert.NotEmpty(await Refused(host, Sign(issuer, Tokens.OwnIssuer, claims)));
        Assert.Contains("names no tenant", await Refused(host, Sign(issuer, "https://login.example", new() { ["sub"] = "carol", ["roles"] = "train" })));
        File.Delete(keys);
    }

    private static async Task<string> Refused(AccessHost host, string token)
    {
        using var http = host.Client(bearer: token);
        var answer = await http.GetAsync("v1/work");
        var problem = await AccessHost.Problem(HttpStatusCode.Unauthorized, answer);
        Assert.DoesNotContain(token, problem);
        return problem;
    }

    private static string Sign(ECDsa key, string issuer, Dictionary<string, object> claims) => new JsonWebTokenHandler().CreateToken(
        new SecurityTokenDescriptor
        {
            Issuer = issuer,
            Audience = "athanor",
            Expires = Now.AddHours(1).UtcDateTime,
            Claims = claims,
            SigningCredentials = new SigningCredentials(new ECDsaSecurityKey(key), SecurityAlgorithms.EcdsaSha256),
        });

    private static string Decode(string part) => JsonDocument.Parse(Base64UrlEncoder.Decode(part)).RootElement.GetRawText();
}
