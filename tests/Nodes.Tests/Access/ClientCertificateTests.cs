using System.Net;
using System.Security.Cryptography.X509Certificates;
using Athanor.Nodes.Access;
using Athanor.Nodes.Gateway;

namespace Nodes.Tests.Access;

/// <summary>Client certificates of a throw-away authority.</summary>
public sealed class ClientCertificateTests : IDisposable
{
    private static readonly DateTimeOffset Now = TimeProvider.System.GetUtcNow();
    private readonly X509Certificate2 _authority = Certificates.Authority();
    private readonly string _file = Path.GetTempFileName();

    public ClientCertificateTests() => File.WriteAllText(_file, _authority.ExportCertificatePem());

    public void Dispose()
    {
        File.Delete(_file);
        _authority.Dispose();
    }

    [Fact]
    public async Task A_certificate_of_the_authority_is_taken_by_its_common_name()
    {
        await using var host = await Start();
        using var certificate = Certificates.OfClient(_authority, "scada");
        using var http = host.Client(certificate: certificate);
        Assert.Contains("nobody is known as 'scada'", await AccessHost.Problem(HttpStatusCode.Unauthorized, await http.GetAsync("v1/work")));
        host.Change(list => list.With(new KeptPrincipal("scada", ["default"], ["train"], [], [], false)));
        Assert.Equal(HttpStatusCode.OK, (await AccessHost.Register(http, "default", "m")).StatusCode);
        var history = await host.Node.Cluster.Store.ReadEntity(new("default", "models", "m"), true, default);
        Assert.Equal("certificate:scada", Assert.Single(history.Events).Principal);
    }

    [Fact]
    public async Task Expired_foreign_and_revoked_certificates_are_refused_each_with_its_reason()
    {
        await using var host = await Start();
        host.Change(list => list.With(new KeptPrincipal("scada", ["default"], ["view"], [], [], false)));
        using var expired = Certificates.OfClient(_authority, "scada", until: Now.AddMinutes(-5));
        Assert.Contains("the client certificate expired", await Refused(host, expired));
        using var elsewhere = Certificates.Authority();
        using var foreign = Certificates.OfClient(elsewhere, "scada");
        Assert.Contains("not of this cluster's authority", await Refused(host, foreign));
        using var good = Certificates.OfClient(_authority, "scada");
        using (var http = host.Client(certificate: good)) Assert.Equal(HttpStatusCode.OK, (await http.GetAsync("v1/work")).StatusCode);
        host.Change(list => list with { RevokedCertificates = [GatewayCertificate.PinOf(good)] });
        Assert.Contains("was revoked", await Refused(host, good));
    }

    [Fact]
    public async Task A_certificate_that_the_list_names_needs_no_authority()
    {
        await using var host = await AccessHost.Start();
        using var own = Certificates.Authority();
        Assert.Contains("access.client-authority is not set", await Refused(host, own));
        host.Change(list => list.With(new KeptPrincipal("robot", ["default"], ["view"], [], [GatewayCertificate.PinOf(own)], false)));
        using var http = host.Client(certificate: own);
        Assert.Equal(HttpStatusCode.OK, (await http.GetAsync("v1/work")).StatusCode);
    }

    private Task<AccessHost> Start() => AccessHost.Start(o => o with { Access = o.Access with { ClientAuthority = _file } });

    private static async Task<string> Refused(AccessHost host, X509Certificate2 certificate)
    {
        using var http = host.Client(certificate: certificate);
        return await AccessHost.Problem(HttpStatusCode.Unauthorized, await http.GetAsync("v1/work"));
    }
}
