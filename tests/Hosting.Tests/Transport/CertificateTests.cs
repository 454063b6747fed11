using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Athanor.Hosting.Configuration;
using Athanor.Hosting.Core;
using Athanor.Hosting.Transport;
using Microsoft.Extensions.Logging.Abstractions;
using static Hosting.Tests.Transport.TestDoor;

namespace Hosting.Tests.Transport;

/// <summary>Who is let in. Each refusal is read at the caller and, where the server refuses, in the server's log too.</summary>
public sealed class CertificateTests : IAsyncLifetime
{
    private static readonly CancellationToken None = CancellationToken.None;
    private static readonly TimeSpan Day = TimeSpan.FromDays(1);
    private readonly HttpNetwork _network = new(certificates: true);
    private readonly TestDoor _door = new();

    private DevelopmentAuthority Authority => _network.Authority;

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync() => await _network.DisposeAsync();

    [Fact]
    public async Task The_caller_is_who_its_certificate_says_and_not_who_its_header_says()
    {
        var address = await _network.Start("b", _door);
        // The link believes to be "x" and holds the certificate of "a".
        var options = _network.OptionsOf("a");
        await using var link = new NodeLink(
            options, "x", TransportIdentities.Open(options, "a", TimeProvider.System, _network.Log), TimeProvider.System, _network.Log);
        Assert.Equal("hello", Text(await link.Ask("b", address, Request(), None)));
        Assert.Equal("a", Assert.Single(_door.Asked).From);
    }

    [Fact]
    public async Task A_certificate_of_another_authority_is_refused_by_the_server()
    {
        var address = await _network.Start("b", _door);
        using var stranger = _network.MakeAuthority("Stranger");
        var files = stranger.Issue(CertificateUse.Node, "a", Day);
        // It believes both authorities, so it is the server that refuses.
        var both = _network.Directory.File("both.pem");
        await File.WriteAllTextAsync(both, File.ReadAllText(Authority.CertificatePath) + File.ReadAllText(stranger.CertificatePath));
        await RefusedByServer(address, _network.With(files) with { Authority = both }, "was issued by 'CN=Stranger'",
            "'CN=Athanor test authority'");
    }

    [Fact]
    public async Task A_server_of_another_authority_is_refused_by_the_caller()
    {
        using var stranger = _network.MakeAuthority("Stranger");
        var options = _network.With(stranger.Issue(CertificateUse.Node, "b", Day)) with { Authority = stranger.CertificatePath };
        var address = await _network.Start("b", _door, options);
        await RefusedByCaller(address, "'CN=b'", "was issued by 'CN=Stranger', which is not the authority of");
        await _network.Log.Until("may have refused this node's certificate");
    }

    [Fact]
    public async Task A_server_under_another_name_is_refused_by_the_caller_before_it_sends_anything()
    {
        var address = await _network.Start("c", _door);
        await RefusedByCaller(address, "'CN=c'", "is not that of node 'b'");
    }

    [Fact]
    public async Task A_server_whose_names_include_the_node_is_that_node()
    {
        var files = Authority.Issue(CertificateUse.Node, "b", Day, "b-2", "localhost");
        using var certificate = X509CertificateLoader.LoadCertificateFromFile(files.CertificatePath);
        Assert.True(CertificateCheck.IsNamed(certificate, "b"));
        Assert.True(CertificateCheck.IsNamed(certificate, "b-2"));
        Assert.False(CertificateCheck.IsNamed(certificate, "B"));
        Assert.False(CertificateCheck.IsNamed(certificate, "b-3"));
    }

    [Theory]
    [InlineData(CertificateUse.Client)]
    [InlineData(CertificateUse.Server)]
    public async Task A_certificate_of_the_same_authority_that_is_no_nodes_does_not_open_the_door(CertificateUse use)
    {
        var address = await _network.Start("b", _door);
        var identity = Raw(Authority.Issue(use, "a", Day));
        var error = await AskWith(identity, address);
        Assert.Contains("refuses this node", error.Message, StringComparison.Ordinal);
        Assert.Contains("is no node's: a node's certificate is for server and client authentication", error.Message,
            StringComparison.Ordinal);
        await _network.Log.Until("is no node's");
        Assert.Empty(_door.Asked);
    }

    [Fact]
    public async Task An_expired_certificate_is_refused_by_the_server()
    {
        var address = await _network.Start("b", _door);
        var error = await AskWith(Raw(Authority.Issue(CertificateUse.Node, "a", TimeSpan.FromHours(-1))), address);
        Assert.Contains("node 'b'", error.Message, StringComparison.Ordinal);
        Assert.Contains("'CN=a'", error.Message, StringComparison.Ordinal);
        Assert.Contains("expired on 20", error.Message, StringComparison.Ordinal);
        await _network.Log.Until("expired on 20");
        Assert.Empty(_door.Asked);
    }

    [Fact]
    public async Task An_expired_server_is_refused_by_the_caller()
    {
        var address = await _network.Start("b", _door);
        var now = TimeProvider.System.GetUtcNow();
        var identity = Raw(Authority.Issue(CertificateUse.Node, "a", Day * 400));
        using var server = X509CertificateLoader.LoadCertificateFromFile(Path.Combine(Authority.Folder, "b.pem"));
        Assert.Null(identity.Refusal(server, [], now, "b"));
        Assert.Contains("expired on", identity.Refusal(server, [], now + (Day * 2), "b"), StringComparison.Ordinal);
        Assert.Contains("begins to count on", identity.Refusal(server, [], now - (Day * 2), "b"), StringComparison.Ordinal);
        Assert.NotEqual("", address);
    }

    [Fact]
    public async Task A_revoked_certificate_loses_its_open_connection_without_a_restart()
    {
        var serverOptions = _network.OptionsOf("b") with { RevocationList = Authority.RevokedPath };
        var address = await _network.Start("b", _door, serverOptions);
        var clientOptions = _network.OptionsOf("a");
        var link = _network.LinkOf("a", clientOptions);
        await link.Ask("b", address, Request(), None);
        var revoked = Assert.Single(Authority.Revoke("a"));
        var error = await Fails(link.Ask("b", address, Request(), None));
        Assert.Equal((Refusal.Unavailable, false), (error.Why, error.MayHaveRun));
        Assert.Contains($"node 'b' at {address} refuses this node: the certificate 'CN=a' (serial {revoked}) is revoked", error.Message,
            StringComparison.Ordinal);
        await _network.Log.Until($"(serial {revoked}) is revoked");
        Assert.Single(_door.Asked);
        // A new one is made and laid over the old: no restart either.
        _ = Authority.Issue(CertificateUse.Node, "a", Day);
        Assert.Equal("hello", Text(await link.Ask("b", address, Request(), None)));
    }

    [Fact]
    public async Task A_revoked_server_loses_its_connection_to_the_caller()
    {
        var address = await _network.Start("b", _door);
        var link = _network.LinkOf("a", _network.OptionsOf("a") with { RevocationList = Authority.RevokedPath });
        await link.Ask("b", address, Request(), None);
        Authority.Revoke("b");
        var error = await Fails(link.Ask("b", address, Request(), None));
        Assert.Contains("is refused: the certificate 'CN=b'", error.Message, StringComparison.Ordinal);
        Assert.Contains("is revoked", error.Message, StringComparison.Ordinal);
        Assert.Single(_door.Asked);
    }

    [Fact]
    public async Task A_certificate_is_revoked_by_thumbprint_or_serial_in_the_settings_too()
    {
        var files = Authority.Issue(CertificateUse.Node, "a", Day);
        foreach (var id in new[] { files.Thumbprint, "00" + files.Serial.ToLowerInvariant() })
        {
            var address = await _network.Start("b", _door, _network.OptionsOf("b") with { Revoked = [id] });
            var error = await Fails(_network.LinkOf("a", _network.With(files)).Ask("b", address, Request(), None));
            Assert.Contains("is revoked", error.Message, StringComparison.Ordinal);
        }
        Assert.Empty(_door.Asked);
    }

    [Fact]
    public async Task A_new_certificate_on_disk_is_shown_from_the_next_connection_on_and_a_broken_one_is_not()
    {
        var options = _network.OptionsOf("b");
        var identities = TransportIdentities.Open(options, "b", TimeProvider.System, _network.Log);
        var first = identities.Current!.Own.TargetCertificate.SerialNumber;
        await File.WriteAllTextAsync(options.Certificate, "-----BEGIN CERTIFICATE-----\nhalf of it");
        await WaitReload();
        Assert.Equal(first, identities.Current!.Own.TargetCertificate.SerialNumber);
        Assert.Contains("athanor.transport.certificate", await _network.Log.Until("are not used, the former ones stay"),
            StringComparison.Ordinal);
        var second = Authority.Issue(CertificateUse.Node, "b", Day).Serial;
        await WaitReload();
        Assert.Equal(second, identities.Current!.Own.TargetCertificate.SerialNumber);
        await _network.Log.Until("the new files count from now on");

        async Task WaitReload() => await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System);
    }

    [Fact]
    public void Files_that_are_not_this_nodes_are_refused_at_the_start_with_what_would_be_right()
    {
        var good = _network.OptionsOf("a");
        using var stranger = _network.MakeAuthority("Stranger");
        var other = Authority.Issue(CertificateUse.Node, "b", Day);
        (TransportOptions Options, string[] Says)[] cases =
        [
            (good with { Certificate = "/nowhere/a.pem" }, ["athanor.transport.certificate: /nowhere/a.pem cannot be read"]),
            (good with { Key = other.KeyPath }, ["athanor.transport.key", other.KeyPath]),
            (good with { Certificate = other.CertificatePath, Key = other.KeyPath }, ["its CN is 'b', and this node is 'a'"]),
            (good with { Authority = stranger.CertificatePath },
                ["was issued by 'CN=Athanor test authority', which is not the authority of", "Stranger"]),
            (good with { Authority = good.Key }, ["athanor.transport.authority", "holds no certificate"]),
            (good with { RevocationList = good.Authority }, ["athanor.transport.revocation-list", "no X509 CRL"]),
            (good with { RevocationList = stranger.RevokedPath }, ["athanor.transport.revocation-list", "not signed by the authority"]),
        ];
        foreach (var (options, says) in cases)
        {
            var error = Assert.Throws<ConfigurationException>(
                () => TransportIdentities.Open(options, "a", TimeProvider.System, NullLogger.Instance));
            Assert.All(says, text => Assert.Contains(text, error.Message, StringComparison.Ordinal));
        }
        _ = TransportIdentities.Open(good, "a", TimeProvider.System, NullLogger.Instance);
    }

    [Fact]
    public async Task A_side_without_tls_and_one_with_it_say_so()
    {
        var plain = new HttpNetwork(certificates: false);
        await using var _ = plain;
        var plainAddress = await plain.Start("b", _door);
        var error = await Fails(_network.LinkOf("a").Ask("b", plainAddress, Request(), None));
        Assert.Contains("does the node have a certificate (athanor.transport.certificate)?", error.Message, StringComparison.Ordinal);
        var tlsAddress = await _network.Start("b", _door);
        error = await Fails(plain.LinkOf("a").Ask("b", tlsAddress, Request(), None));
        Assert.Equal(Refusal.Unavailable, error.Why);
        await _network.Log.Until("does the other side speak TLS 1.3 with a node's certificate?");
        Assert.Empty(_door.Asked);
    }

    [Fact]
    public void A_text_list_takes_serials_and_thumbprints_with_comments()
    {
        var list = RevocationList.Parse("# stolen in May\n00:ab:12  # node a\n\n"u8.ToArray(), []);
        Assert.Equal(["AB12"], list.Ids);
        var error = Assert.Throws<CryptographicException>(() => RevocationList.Parse("ab12\nnode-a\n"u8.ToArray(), []));
        Assert.Contains("line 2: 'node-a' is neither a serial number", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_revocation_list_that_was_changed_is_not_taken()
    {
        Authority.Issue(CertificateUse.Node, "a", Day);
        Authority.Revoke("a");
        using var authority = X509CertificateLoader.LoadCertificateFromFile(Authority.CertificatePath);
        var text = File.ReadAllText(Authority.RevokedPath);
        var der = Convert.FromBase64String(text[PemEncoding.Find(text).Base64Data]);
        Assert.Single(RevocationList.Parse(der, [authority]).Ids);
        for (var i = 0; i < der.Length; i++)
        {
            var changed = der.ToArray();
            changed[i] ^= 0x10;
            // Some bytes lie outside of what is signed and of what is read; none may make the list shorter.
            try
            {
                Assert.Single(RevocationList.Parse(changed, [authority]).Ids);
            }
            catch (CryptographicException)
            {
            }
        }
    }

    [Fact]
    public void Keys_are_for_their_owners_eyes_alone()
    {
        var files = Authority.Issue(CertificateUse.Node, "a", Day);
        foreach (var key in new[] { files.KeyPath, Path.Combine(Authority.Folder, DevelopmentAuthority.KeyFile) })
        {
            if (!OperatingSystem.IsWindows()) Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(key));
        }
        foreach (var name in new[] { "../a", "authority", "", new string('a', 65) })
            Assert.Throws<IOException>(() => Authority.Issue(CertificateUse.Node, name, Day));
        Assert.Throws<IOException>(() => DevelopmentAuthority.Create(Authority.Folder, "again", TimeProvider.System));
        Assert.Contains("neither a certificate's file", Assert.Throws<IOException>(() => Authority.Revoke("nobody")).Message,
            StringComparison.Ordinal);
    }

    private async Task RefusedByServer(string address, TransportOptions options, params string[] says)
    {
        var error = await Fails(_network.LinkOf("a", options).Ask("b", address, Request(), None));
        Assert.Equal((Refusal.Unavailable, false), (error.Why, error.MayHaveRun));
        Assert.Contains($"node 'b' at {address} refuses this node", error.Message, StringComparison.Ordinal);
        var line = await _network.Log.Until("Refused 'a' at 127.0.0.1");
        Assert.All(says, text => Assert.Contains(text, error.Message, StringComparison.Ordinal));
        Assert.All(says, text => Assert.Contains(text, line, StringComparison.Ordinal));
        Assert.Empty(_door.Asked);
    }

    private async Task RefusedByCaller(string address, params string[] says)
    {
        var error = await Fails(_network.LinkOf("a").Ask("b", address, Request(), None));
        Assert.Equal((Refusal.Unavailable, false), (error.Why, error.MayHaveRun));
        Assert.Contains($"node 'b' at {address} is refused", error.Message, StringComparison.Ordinal);
        Assert.All(says, text => Assert.Contains(text, error.Message, StringComparison.Ordinal));
        Assert.Empty(_door.Asked);
    }

    /// <summary>An identity that an honest node would not start with.</summary>
    private TransportIdentity Raw(IssuedCertificate files)
    {
        var own = X509Certificate2.CreateFromPemFile(files.CertificatePath, files.KeyPath);
        return new TransportIdentity(
            System.Net.Security.SslStreamCertificateContext.Create(own, null, offline: true),
            [X509CertificateLoader.LoadCertificateFromFile(Authority.CertificatePath)], Authority.CertificatePath, RevocationList.Empty, 1);
    }

    private async Task<NodeLinkException> AskWith(TransportIdentity identity, string address)
    {
        await using var link = new NodeLink(
            new TransportOptions(), "a", TransportIdentities.Fixed(identity, TimeProvider.System), TimeProvider.System, _network.Log);
        return await Fails(link.Ask("b", address, Request(), None));
    }
}
