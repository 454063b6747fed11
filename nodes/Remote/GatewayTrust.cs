using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Athanor.Nodes.Cli;
using Athanor.Nodes.Gateway;

namespace Athanor.Nodes.Remote;

/// <summary>
/// Whether a certificate is the gateway's: by a pin, by an authority of one's own, or by those that the system trusts. Names and times are
/// checked except under a pin, which says all. What was wrong is kept, because the library's error says only that something was.
/// </summary>
internal sealed class GatewayTrust
{
    private readonly Uri _gateway;
    private readonly string _pin;
    private readonly string _authority;
    private readonly X509Certificate2Collection _roots = [];
    private volatile string? _why;

    /// <exception cref="UserException">The authority's file holds no certificate.</exception>
    public GatewayTrust(RemoteSettings settings)
    {
        (_gateway, _pin, _authority) = (settings.Gateway, settings.Pin, settings.Authority);
        if (_authority == "") return;
        try
        {
            _roots.ImportFromPemFile(_authority);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException)
        {
            throw new UserException($"--ca {_authority}: cannot be read as PEM ({e.Message})");
        }
        if (_roots.Count == 0) throw new UserException($"--ca {_authority} holds no certificate");
    }

    /// <summary>Why the last certificate was refused; null if none was.</summary>
    public string? Why => _why;

    public void Apply(SslClientAuthenticationOptions tls)
    {
        if (_roots.Count > 0)
        {
            tls.CertificateChainPolicy = new X509ChainPolicy
            {
                TrustMode = X509ChainTrustMode.CustomRootTrust,
                RevocationMode = X509RevocationMode.NoCheck,
            };
            tls.CertificateChainPolicy.CustomTrustStore.AddRange(_roots);
        }
        tls.RemoteCertificateValidationCallback = (_, certificate, chain, errors) => (_why = Fault(certificate, chain, errors)) is null;
    }

    private string? Fault(X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors)
    {
        if (certificate is null) return "it shows no certificate";
        var hash = GatewayCertificate.PinOf(certificate);
        if (_pin != "") return hash == _pin ? null : $"its certificate has the SHA-256 {hash}, and the pin is {_pin}";
        if (errors == SslPolicyErrors.None) return null;
        var about = $"its certificate ({certificate.Subject}, SHA-256 {hash})";
        if (errors.HasFlag(SslPolicyErrors.RemoteCertificateNameMismatch)) return $"{about} is for other names than {_gateway.Host}";
        var problems = chain is null ? "" : string.Join("; ", chain.ChainStatus.Select(static s => s.StatusInformation.Trim()).Distinct());
        return _authority == ""
            ? $"{about} is of no authority that this system trusts ({problems}); --ca FILE names another, --pin SHA256 this one certificate"
            : $"{about} is not of the authority in {_authority} ({problems})";
    }
}
