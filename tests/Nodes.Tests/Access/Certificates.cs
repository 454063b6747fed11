using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Nodes.Tests.Access;

/// <summary>Throw-away authorities, and certificates of theirs.</summary>
internal static class Certificates
{
    private static readonly DateTimeOffset Now = TimeProvider.System.GetUtcNow();

    public static X509Certificate2 Authority()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=throw-away authority", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        return request.CreateSelfSigned(Now.AddDays(-1), Now.AddDays(30));
    }

    public static X509Certificate2 OfClient(X509Certificate2 authority, string name, DateTimeOffset? until = null) =>
        Make(authority, name, "1.3.6.1.5.5.7.3.2", null, until ?? Now.AddDays(1));

    /// <summary>A server's certificate with its key, in one PEM file.</summary>
    public static void OfServer(X509Certificate2 authority, string name, string file)
    {
        var names = new SubjectAlternativeNameBuilder();
        if (IPAddress.TryParse(name, out var address)) names.AddIpAddress(address);
        else names.AddDnsName(name);
        using var made = Make(authority, name, "1.3.6.1.5.5.7.3.1", names, Now.AddDays(1));
        WritePem(made, file);
    }

    public static void WritePem(X509Certificate2 certificate, string file)
    {
        using var key = certificate.GetECDsaPrivateKey()!;
        File.WriteAllText(file, certificate.ExportCertificatePem() + "\n" + key.ExportPkcs8PrivateKeyPem() + "\n");
    }

    private static X509Certificate2 Make(
        X509Certificate2 authority, string name, string purpose, SubjectAlternativeNameBuilder? names, DateTimeOffset until)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(purpose)], false));
        if (names is not null) request.CertificateExtensions.Add(names.Build());
        using var signed = request.Create(authority, Now.AddHours(-1), until, RandomNumberGenerator.GetBytes(8));
        return signed.CopyWithPrivateKey(key);
    }
}
