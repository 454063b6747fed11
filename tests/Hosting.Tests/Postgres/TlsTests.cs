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
    public async Task Verify_full_takes_the_servers_certificate_from_its_authority_and_from_no_other()
    {
        var folder = Directory.CreateTempSubdirectory("athanor-tls-").FullName;
        try
        {
            using var authority = Authority("our authority");
            using var stranger = Authority("another authority");
            await File.WriteAllTextAsync(Path.Combine(folder, "ours.pem"), authority.ExportCertificatePem());
            await File.WriteAllTextAsync(Path.Combine(folder, "other.pem"), stranger.ExportCertificatePem());
            await WriteServer(folder, authority);
            await using var server = await PostgresService.Start(new PostgresServiceOptions
            {
                Settings = new Dictionary<string, string>
                {
                    ["ssl"] = "on",
                    ["ssl_cert_file"] = Path.Combine(folder, "server", "server.pem"),
                    ["ssl_key_file"] = Path.Combine(folder, "server", "server.key"),
                },
            });
            await server.CreateDatabase("journal");

            AthanorOptions Options(string root) => new()
            {
                Store = new StoreOptions
                {
                    Kind = "postgres",
                    Postgres = new PostgresOptions
                    {
                        Connection = server.ConnectionString("journal"),
                        SslMode = "verify-full",
                        RootCertificate = Path.Combine(folder, root),
                        Migrate = "auto",
                    },
                },
            };
            await using (var store = await PostgresStore.Open(PostgresStoreOptions.Of(Options("ours.pem")), TimeProvider.System))
            {
                Assert.Equal(true, await Databases.Ask(
                    server.ConnectionString("journal"),
                    "SELECT bool_and(s.ssl) FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid) WHERE a.application_name LIKE 'athanor %'"));
            }
            var refused = await Assert.ThrowsAnyAsync<StoreException>(
                () => PostgresStore.Open(PostgresStoreOptions.Of(Options("other.pem")), TimeProvider.System));
            Assert.Contains("certificate", refused.Message, StringComparison.OrdinalIgnoreCase);
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
