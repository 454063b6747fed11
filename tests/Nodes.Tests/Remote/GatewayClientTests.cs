using System.Net;
using System.Net.Sockets;
using Athanor.Hosting;
using Athanor.Hosting.Configuration;
using Athanor.Nodes.Access;
using Athanor.Nodes.Cli;
using Athanor.Nodes.Remote;
using Athanor.Protocol;
using Athanor.Protocol.Models;
using Nodes.Tests.Access;

namespace Nodes.Tests.Remote;

/// <summary>The command line's way through a gateway, over real HTTPS, and what is said where it fails.</summary>
public sealed class GatewayClientTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("athanor-remote-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static Task<GatewayClient> Open(RemoteSettings settings) => GatewayClient.Open(settings, Families.Messages, TimeProvider.System, default);

    private static async Task<string> Refused(RemoteSettings settings, int exitCode = ExitCodes.Environment)
    {
        var e = await Assert.ThrowsAsync<UserException>(() => Open(settings));
        Assert.Equal(exitCode, e.ExitCode);
        return e.Message;
    }

    private string File(string name) => Path.Combine(_folder, name);

    [Fact]
    public async Task A_key_a_token_and_a_certificate_each_open_the_gateway_and_it_says_for_whom()
    {
        using var authority = Certificates.Authority();
        await System.IO.File.WriteAllTextAsync(File("clients.pem"), authority.ExportCertificatePem());
        await using var host = await AccessHost.Start(o => o with { Access = o.Access with { ClientAuthority = File("clients.pem") } });
        using (var byKey = await Open(host.Remote(host.AddKey("alice", ["plant-a"], ["train"]))))
        {
            Assert.Equal(("key:alice", "plant-a"), (byKey.Principal.Name, Assert.Single(byKey.Principal.Tenants)));
            Assert.Equal(["view", "train"], byKey.Principal.Roles);
            Assert.Equal(new Done(), await byKey.Ask(new EntityAddress("plant-a", "models", "m"), new RegisterModel("kinetics", "test")));
            Assert.Equal("plant-a/models/m", Assert.Single(await byKey.List("plant-a", "models")).Address.ToString());
        }
        var token = Tokens.Issue(host.Keys, "athanor", "bob", ["plant-a"], ["view"], TimeProvider.System.GetUtcNow(), TimeSpan.FromHours(1));
        using (var byToken = await Open(host.Remote(token))) Assert.Equal("token:bob", byToken.Principal.Name);
        host.Change(list => list.With(new KeptPrincipal("scada", ["plant-b"], ["operate"], [], [], false)));
        using (var certificate = Certificates.OfClient(authority, "scada")) Certificates.WritePem(certificate, File("scada.pem"));
        var settings = host.Remote(null) with { Credential = Credential.OfCertificate(File("scada.pem"), "", "--certificate") };
        using (var byCertificate = await Open(settings)) Assert.Equal("certificate:scada", byCertificate.Principal.Name);
    }

    [Fact]
    public async Task A_gateway_is_trusted_by_its_authority_for_its_name_and_by_its_pin_and_not_otherwise()
    {
        using var authority = Certificates.Authority();
        using var other = Certificates.Authority();
        await System.IO.File.WriteAllTextAsync(File("ca.pem"), authority.ExportCertificatePem());
        await System.IO.File.WriteAllTextAsync(File("other.pem"), other.ExportCertificatePem());
        Certificates.OfServer(authority, "127.0.0.1", File("gateway.pem"));
        await using var host = await AccessHost.Start(o => o with { Gateway = o.Gateway with { Certificate = File("gateway.pem") } });
        var settings = host.Remote(host.AddKey("alice", ["default"], ["view"])) with { Pin = "", Authority = File("ca.pem") };
        using (await Open(settings))
        {
            // It is let in.
        }
        Assert.Contains("is of no authority that this system trusts", await Refused(settings with { Authority = "" }));
        Assert.Contains($"is not of the authority in {File("other.pem")}", await Refused(settings with { Authority = File("other.pem") }));
        var byName = new UriBuilder(settings.Gateway) { Host = "localhost" }.Uri;
        Assert.Contains("is for other names than localhost", await Refused(settings with { Gateway = byName }));
        Assert.Contains($"and the pin is {new string('0', 64)}", await Refused(settings with { Authority = "", Pin = new string('0', 64) }));
        Assert.Contains("no-such-file.pem", await Refused(settings with { Authority = File("no-such-file.pem") }, ExitCodes.BadInput));
    }

    [Fact]
    public async Task A_gateway_that_is_not_there_is_named_at_once_with_what_is_wrong()
    {
        var settings = new RemoteSettings(new Uri("https://athanor.invalid:7443"), "", "", Credential.None, TimeSpan.FromMinutes(5));
        Assert.Contains("there is no host 'athanor.invalid'", await Refused(settings));

        using var silent = new TcpListener(IPAddress.Loopback, 0);
        silent.Start();
        var port = ((IPEndPoint)silent.LocalEndpoint).Port;
        var speaking = silent.AcceptTcpClientAsync();
        var refused = Refused(settings with { Gateway = new Uri($"https://127.0.0.1:{port}") });
        using (var client = await speaking)
        {
            await client.GetStream().WriteAsync("HTTP/1.1 400 Bad Request\r\n\r\n"u8.ToArray());
            client.Close();
        }
        Assert.Contains("no TLS connection to it comes about", await refused);
        silent.Stop();
        Assert.Contains($"nothing listens on port {port} of 127.0.0.1", await Refused(settings with { Gateway = new Uri($"https://127.0.0.1:{port}") }));
    }

    [Fact]
    public async Task Nobody_wrong_and_revoked_credentials_are_told_apart_and_never_repeated()
    {
        await using var host = await AccessHost.Start();
        var key = host.AddKey("alice", ["default"], ["view"]);
        Assert.Contains("wants to know who asks: give --token-file", await Refused(host.Remote(null), ExitCodes.Failure));
        var wrong = ApiKey.Make(null).Text;
        var said = await Refused(host.Remote(wrong), ExitCodes.Failure);
        Assert.Contains("does not take the credential of the test: no such API key", said);
        Assert.DoesNotContain(wrong[13..], said);
        host.Change(list => list.With(list.Principals[0] with { Revoked = true }));
        Assert.Contains("the access of alice was revoked", await Refused(host.Remote(key), ExitCodes.Failure));
        Assert.Equal("the credential of the test", Credential.OfText(key, "the test").ToString());
        Assert.DoesNotContain(key[13..], host.Remote(key).ToString());
        var broken = Assert.Throws<UserException>(() => Credential.OfText($"{key}\nmore", "--key-file k"));
        Assert.Contains("more than one word", broken.Message);
        Assert.DoesNotContain(key[13..], broken.Message);
    }

    [Fact]
    public async Task What_the_role_or_the_tenant_does_not_allow_is_said_with_what_it_takes()
    {
        await using var host = await AccessHost.Start();
        using var client = await Open(host.Remote(host.AddKey("alice", ["plant-a"], ["view"])));
        var role = await Assert.ThrowsAsync<UserException>(
            () => client.Ask(new EntityAddress("plant-a", "models", "m"), new RegisterModel("kinetics", "test")));
        Assert.Contains("takes the role train", role.Message);
        Assert.Equal(ExitCodes.Failure, role.ExitCode);
        var tenant = await Assert.ThrowsAsync<UserException>(() => client.List("plant-b", "models"));
        Assert.Contains("does not belong to the tenant 'plant-b'", tenant.Message);
    }

    [Fact]
    public async Task A_gateway_that_says_later_is_asked_again_after_that_time_as_long_as_patience_lasts()
    {
        await using var host = await AccessHost.Start(o => o with { Gateway = o.Gateway with { RequestsPerSecond = 1 } });
        var key = host.AddKey("alice", ["default"], ["view"]);
        var begun = TimeProvider.System.GetTimestamp();
        using (var patient = await Open(host.Remote(key)))
        {
            for (var i = 0; i < 2; i++) Assert.Empty(await patient.List("default", "models"));
        }
        // One a second: the third request is answered in the third second.
        Assert.True(TimeProvider.System.GetElapsedTime(begun) > TimeSpan.FromSeconds(1));
        var e = await Assert.ThrowsAsync<UserException>(async () =>
        {
            using var hasty = await Open(host.Remote(key, TimeSpan.FromMilliseconds(500)));
            for (var i = 0; i < 5; i++) await hasty.List("default", "models");
        });
        Assert.Contains("is busy: key:alice sends more than 1 requests a second; it says to come again in 1 s (client.patience is 0.5 s)", e.Message);
        Assert.Equal(ExitCodes.Environment, e.ExitCode);
    }

    [Fact]
    public async Task A_command_outlives_a_gateway_that_is_started_anew_and_takes_effect_once()
    {
        var first = await AccessHost.Start();
        var key = first.AddKey("alice", ["default"], ["train"]);
        using var client = await Open(first.Remote(key));
        await first.End();
        var asked = client.Ask(EntityAddress.Of("models", "m"), new RegisterModel("kinetics", "test"));
        await using var second = await AccessHost.Start(
            o => o with { Gateway = new GatewayOptions { Port = first.Node.Gateway!.Url.Port } }, first.Directory);
        Assert.Equal(new Done(), await asked);
        Assert.Equal(1, Assert.Single(await client.List("default", "models")).EventNumber);
    }
}
