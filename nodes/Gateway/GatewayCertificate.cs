using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Athanor.Hosting.Configuration;

namespace Athanor.Nodes.Gateway;

/// <summary>
/// The gateway's own certificate: ECDSA P-256, self-signed, made once and kept in <c>keys/gateway.pem</c> for the owner's eyes alone.
/// Nobody vouches for it; peers and tests pin its SHA-256, which <c>gateway.json</c> names.
/// </summary>
internal static class GatewayCertificate
{
    private static readonly TimeSpan Lifetime = TimeSpan.FromDays(3650);
    private static readonly TimeSpan RenewBefore = TimeSpan.FromDays(30);

    public static X509Certificate2 LoadOrMake(string keysDirectory, string address, TimeProvider time)
    {
        var file = Path.Combine(keysDirectory, "gateway.pem");
        if (File.Exists(file))
        {
            try
            {
                var kept = X509Certificate2.CreateFromPemFile(file);
                if (kept.NotAfter.ToUniversalTime() - RenewBefore > time.GetUtcNow().UtcDateTime) return kept;
                kept.Dispose();
            }
            catch (CryptographicException e)
            {
                throw new IOException($"{file}: no certificate with its key ({e.Message}); remove the file to have a new one made", e);
            }
        }
        return Make(file, address, time);
    }

    /// <summary>Lower-case hex SHA-256 of the certificate as it goes over the wire: the pin.</summary>
    public static string PinOf(X509Certificate certificate) => Convert.ToHexStringLower(SHA256.HashData(certificate.GetRawCertData()));

    private static X509Certificate2 Make(string file, string address, TimeProvider time)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=athanor gateway", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("localhost");
        names.AddIpAddress(IPAddress.Loopback);
        names.AddIpAddress(IPAddress.IPv6Loopback);
        if (IPAddress.TryParse(address, out var ip))
        {
            if (!IPAddress.IsLoopback(ip)) names.AddIpAddress(ip);
        }
        else if (address != "localhost")
        {
            names.AddDnsName(address);
        }
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid("1.3.6.1.5.5.7.3.1")], false));
        var now = time.GetUtcNow();
        // A day back: the clocks of peers are not ours.
        using var made = request.CreateSelfSigned(now.AddDays(-1), now + Lifetime);
        var options = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows()) options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        using (var stream = new StreamWriter(file + ".new", options))
        {
            stream.WriteLine(made.ExportCertificatePem());
            stream.WriteLine(key.ExportPkcs8PrivateKeyPem());
        }
        File.Move(file + ".new", file, overwrite: true);
        return X509Certificate2.CreateFromPemFile(file);
    }
}

/// <summary>The certificate that the gateway shows: the configuration's, read again when its file changes, or its own.</summary>
internal sealed class GatewayCertificates
{
    private readonly GatewayOptions _options;
    private readonly TimeProvider _time;
    private readonly Lock _gate = new();
    private X509Certificate2 _current;
    private DateTime _written;
    private long _looked;

    /// <exception cref="IOException">The certificate or its key cannot be read; the message says which.</exception>
    public GatewayCertificates(GatewayOptions options, string keysDirectory, TimeProvider time)
    {
        _options = options;
        _time = time;
        _looked = time.GetTimestamp();
        _current = options.Certificate == "" ? GatewayCertificate.LoadOrMake(keysDirectory, options.Address, time) : Load();
    }

    public X509Certificate2 Current
    {
        get
        {
            lock (_gate)
            {
                if (_options.Certificate == "" || _time.GetElapsedTime(_looked) < TimeSpan.FromSeconds(5)) return _current;
                _looked = _time.GetTimestamp();
                try
                {
                    if (File.GetLastWriteTimeUtc(_options.Certificate) != _written) _current = Load();
                }
                catch (IOException)
                {
                    // Half of a renewal: the one that is there stays until both files fit.
                }
                return _current;
            }
        }
    }

    private X509Certificate2 Load()
    {
        try
        {
            var written = File.GetLastWriteTimeUtc(_options.Certificate);
            var loaded = X509Certificate2.CreateFromPemFile(_options.Certificate, _options.Key == "" ? null : _options.Key);
            _written = written;
            return loaded;
        }
        catch (Exception e) when (e is CryptographicException or UnauthorizedAccessException or ArgumentException or IOException)
        {
            throw new IOException($"gateway.certificate: {_options.Certificate} with its key cannot be read as PEM ({e.Message})", e);
        }
    }
}
