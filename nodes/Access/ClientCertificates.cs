using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Athanor.Nodes.Cli;
using Athanor.Nodes.Gateway;

namespace Athanor.Nodes.Access;

/// <summary>
/// Client certificates. One is taken if its SHA-256 stands in the access list, or if it chains up to the authority of the configuration
/// and its common name is that of a principal in the list. The TLS layer lets every certificate pass, because a handshake that breaks
/// tells its user nothing; whoever is refused here learns why.
/// </summary>
internal sealed class ClientCertificates
{
    private readonly X509Certificate2Collection _authority = [];
    private readonly TimeProvider _time;

    /// <exception cref="UserException">The authority's file cannot be used.</exception>
    public ClientCertificates(string authority, TimeProvider time)
    {
        _time = time;
        if (authority == "") return;
        try
        {
            _authority.ImportFromPemFile(authority);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException)
        {
            throw new UserException($"access.client-authority: {authority} cannot be read as PEM ({e.Message})");
        }
        if (_authority.Count == 0) throw new UserException($"access.client-authority: {authority} holds no certificate");
    }

    public (Principal? Principal, string Why) Check(X509Certificate2 certificate, AccessList list)
    {
        var hash = GatewayCertificate.PinOf(certificate);
        var now = _time.GetUtcNow();
        if (list.RevokedCertificates.Contains(hash)) return (null, $"the client certificate {hash[..16]}… was revoked");
        if (certificate.NotAfter.ToUniversalTime() < now) return (null, $"the client certificate expired at {certificate.NotAfter.ToUniversalTime():u}");
        if (certificate.NotBefore.ToUniversalTime() > now) return (null, $"the client certificate is valid from {certificate.NotBefore.ToUniversalTime():u} on");
        var found = list.Principals.FirstOrDefault(p => p.Certificates.Contains(hash));
        if (found is null)
        {
            var name = certificate.GetNameInfo(X509NameType.SimpleName, forIssuer: false);
            if (_authority.Count == 0) return (null, $"no principal has the client certificate {hash[..16]}…, and access.client-authority is not set");
            if (Chains(certificate) is { } why) return (null, $"the client certificate of '{name}' is not of this cluster's authority ({why})");
            found = list.Principals.FirstOrDefault(p => p.Name == name);
            if (found is null) return (null, $"the client certificate is good, but nobody is known as '{name}'; 'athanor access add {name}' adds them");
        }
        return found.Revoked
            ? (null, $"the access of {found.Name} was revoked")
            : (new Principal($"certificate:{found.Name}", found.Tenants, Roles.Parse(found.Roles)), "");
    }

    private string? Chains(X509Certificate2 certificate)
    {
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.AddRange(_authority);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.ApplicationPolicy.Add(new Oid("1.3.6.1.5.5.7.3.2"));
        chain.ChainPolicy.VerificationTime = _time.GetUtcNow().UtcDateTime;
        return chain.Build(certificate) ? null : string.Join("; ", chain.ChainStatus.Select(static s => s.StatusInformation.Trim()));
    }
}
