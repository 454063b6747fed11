using System.Diagnostics;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Athanor.Hosting.Configuration;
using Athanor.Hosting.Services;
using Athanor.Hosting.Stores;
using Athanor.Hosting.Stores.Postgres;

namespace Hosting.Tests.Postgres;

/// <summary>The connection to the database over TLS, with an authority made for the test.</summary>
public sealed class TlsTests
{
    [Fact]
    public async Task Server_and_client_each_take_a_certificate_of_their_authority_and_no_other()
    {
        var folder = Directory.CreateTempSubdirectory("athanor-tls-").FullName;
        try
        {
            using var authority = Authority("our authority");
            using var stranger = Authority("another authority");
            await File.WriteAllTextAsync(Path.Combine(folder, "ours.pem"), authority.ExportCertificatePem());
            await File.WriteAllTextAsync(Path.Combine(folder, "other.pem"), stranger.ExportCertificatePem());
            await WriteServer(folder, authority);
            await WriteClient(folder, authority, "ours");
            await WriteClient(folder, stranger, "other");
            // Whoever comes to the journal shows a certificate in the name of its user.
            await File.WriteAllTextAsync(Path.Combine(folder, "server", "hba.conf"), """
                hostssl journal all 127.0.0.1/32 scram-sha-256 clientcert=verify-full
                host    journal all 127.0.0.1/32 reject
                host    all     all 127.0.0.1/32 scram-sha-256
                local   all     all scram-sha-256

                """);
            await using var server = await PostgresService.Start(new PostgresServiceOptions
            {
                Settings = new Dictionary<string, string>
                {
                    ["ssl"] = "on",
                    ["ssl_cert_file"] = Path.Combine(folder, "server", "server.pem"),
                    ["ssl_key_file"] = Path.Combine(folder, "server", "server.key"),
                    ["ssl_ca_file"] = Path.Combine(folder, "ours.pem"),
                    ["hba_file"] = Path.Combine(folder, "server", "hba.conf"),
                },
            });
            await server.CreateDatabase("journal");

            AthanorOptions Options(string root, string client) => new()
            {
                Store = new StoreOptions
                {
                    Kind = "postgres",
                    Postgres = new PostgresOptions
                    {
                        Connection = server.ConnectionString("journal"),
                        SslMode = "verify-full",
                        RootCertificate = Path.Combine(folder, root),
                        Certificate = client == "" ? "" : Path.Combine(folder, $"{client}-client.pem"),
                        Key = client == "" ? "" : Path.Combine(folder, $"{client}-client.key"),
                        Migrate = "auto",
                    },
                },
            };
            Task<PostgresStore> Open(string root, string client) =>
                PostgresStore.Open(PostgresStoreOptions.Of(Options(root, client)), TimeProvider.System);

            async Task<string> Refused(string root, string client) =>
                (await Assert.ThrowsAnyAsync<StoreException>(async () => await (await Open(root, client)).DisposeAsync())).Message;

            await using (var store = await Open("ours.pem", "ours"))
            {
                Assert.Equal(true, await Databases.Ask(
                    server.ConnectionString("postgres"),
                    "SELECT bool_and(s.ssl AND s.client_dn = '/CN=postgres') FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid) "
                        + "WHERE a.application_name LIKE 'athanor %'"));
            }
            var wrongServer = await Refused("other.pem", "ours");
            Assert.Contains("certificate", wrongServer, StringComparison.OrdinalIgnoreCase);
            Assert.Contains("connection requires a valid client certificate", await Refused("ours.pem", ""), StringComparison.Ordinal);
            Assert.NotEmpty(await Refused("ours.pem", "other"));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static X509Certificate2 Authority(string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        var now = TimeProvider.System.GetUtcNow();
        return request.CreateSelfSigned(now.AddDays(-1), now.AddDays(1));
    }

    private static async Task WriteClient(string folder, X509Certificate2 authority, string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=postgres", key, HashAlgorithmName.SHA256);
        var now = TimeProvider.System.GetUtcNow();
        using var certificate = request.Create(authority, now.AddHours(-1), now.AddHours(12), RandomNumberGenerator.GetBytes(8));
        await File.WriteAllTextAsync(Path.Combine(folder, $"{name}-client.pem"), certificate.ExportCertificatePem());
        await File.WriteAllTextAsync(Path.Combine(folder, $"{name}-client.key"), key.ExportPkcs8PrivateKeyPem());
    }

    /// <summary>Certificate and key where the server's user, and nobody else, may read the key.</summary>
    private static async Task WriteServer(string folder, X509Certificate2 authority)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=127.0.0.1", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        names.AddDnsName("127.0.0.1");
        request.CertificateExtensions.Add(names.Build());
        var now = TimeProvider.System.GetUtcNow();
        using var certificate = request.Create(authority, now.AddHours(-1), now.AddHours(12), RandomNumberGenerator.GetBytes(8));
        var (pem, secret) = (Path.Combine(folder, "server.pem"), Path.Combine(folder, "server.key"));
        await File.WriteAllTextAsync(pem, certificate.ExportCertificatePem());
        await File.WriteAllTextAsync(secret, key.ExportPkcs8PrivateKeyPem());
        var server = Directory.CreateDirectory(Path.Combine(folder, "server")).FullName;
        await Run("chmod", "755", folder, server);
        string[] owner = Environment.IsPrivilegedProcess ? ["-o", "postgres", "-g", "postgres"] : [];
        await Run("install", [.. owner, "-m", "600", pem, secret, server]);
    }

    private static async Task Run(string program, params string[] arguments)
    {
        using var process = Process.Start(program, arguments);
        await process.WaitForExitAsync();
        Assert.Equal(0, process.ExitCode);
    }
}
