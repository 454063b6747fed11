using System.Globalization;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Athanor.Hosting.Transport;

/// <summary>
/// Whether a certificate makes its holder a node of this cluster. Only the cluster's own authority vouches, never the system's roots. A
/// node's certificate must be for both server and client authentication, and say so: one for clients only, or for a web server only, of the
/// same authority does not open the nodes' door. What is refused is told with what would be right.
/// </summary>
internal static class CertificateCheck
{
    private const string ServerAuthentication = "1.3.6.1.5.5.7.3.1";
    private const string ClientAuthentication = "1.3.6.1.5.5.7.3.2";

    /// <summary>A certificate's CN, or null if it has none.</summary>
    public static string? NameOf(X509Certificate2 certificate)
    {
        foreach (var part in certificate.SubjectName.EnumerateRelativeDistinguishedNames())
        {
            if (!part.HasMultipleElements && part.GetSingleElementType().Value == "2.5.4.3") return part.GetSingleElementValue();
        }
        return null;
    }

    /// <summary>The node's name as it stands in the CN or among the DNS names of the certificate.</summary>
    public static bool IsNamed(X509Certificate2 certificate, string node) =>
        NameOf(certificate) == node
        || certificate.Extensions.OfType<X509SubjectAlternativeNameExtension>().Any(names => names.EnumerateDnsNames().Contains(node));

    /// <summary>Why the certificate is refused; null if it is a node's.</summary>
    /// <param name="sent">Other certificates that came with it: intermediate ones are looked for there.</param>
    /// <param name="node">The name that it must have; null for any.</param>
    public static string? Refusal(
        X509Certificate2? certificate, X509Certificate2Collection sent, X509Certificate2Collection authorities, string authorityFile,
        RevocationList revoked, DateTimeOffset now, string? node)
    {
        if (certificate is null)
            return "no certificate was shown; set athanor.transport.certificate to one that 'athanor certificates node NAME' makes";
        var name = Describe(certificate);
        var (from, until) = (certificate.NotBefore.ToUniversalTime(), certificate.NotAfter.ToUniversalTime());
        if (now.UtcDateTime > until)
        {
            return $"{name} expired on {Time(until)}, it is {Time(now.UtcDateTime)}; "
                + $"have a new one made by the authority of {authorityFile}";
        }
        if (now.UtcDateTime < from)
            return $"{name} begins to count on {Time(from)}, it is {Time(now.UtcDateTime)}; is the clock of one of the machines wrong?";
        if (ChainProblem(certificate, sent, authorities, revoked, now, out var links) is { } problem)
        {
            return $"{name} was issued by '{certificate.Issuer}', which is not the authority of {authorityFile} ({Names(authorities)}) "
                + $"[{problem}]; have it made by that authority, or add its authority to athanor.transport.authority";
        }
        if (links is not null) return $"{links} is revoked{(links == name ? "" : $", and {name} hangs on it")}; have a new one made";
        var uses = certificate.Extensions.OfType<X509EnhancedKeyUsageExtension>()
            .SelectMany(static uses => uses.EnhancedKeyUsages.Cast<Oid>()).Select(static use => use.Value).ToHashSet();
        if (!uses.Contains(ServerAuthentication) || !uses.Contains(ClientAuthentication))
        {
            return $"{name} is no node's: a node's certificate is for server and client authentication "
                + "(extended key usage), as 'athanor certificates node NAME' makes it";
        }
        if (NameOf(certificate) is null) return $"{name} has no CN; a node's certificate has the node's name there";
        if (node is not null && !IsNamed(certificate, node))
            return $"{name} is not that of node '{node}'; the CN must be the node's name, or the node table names a wrong address";
        return null;
    }

    public static string Describe(X509Certificate2 certificate) =>
        $"the certificate '{certificate.Subject}' (serial {certificate.SerialNumber})";

    private static string? ChainProblem(
        X509Certificate2 certificate, X509Certificate2Collection sent, X509Certificate2Collection authorities, RevocationList revoked,
        DateTimeOffset now, out string? revokedLink)
    {
        revokedLink = null;
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.AddRange(authorities);
        chain.ChainPolicy.ExtraStore.AddRange(sent);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.DisableCertificateDownloads = true;
        chain.ChainPolicy.VerificationTime = now.UtcDateTime;
        try
        {
            if (!chain.Build(certificate)) return string.Join(", ", chain.ChainStatus.Select(s => s.Status.ToString()).Distinct());
            foreach (var link in chain.ChainElements)
            {
                if (!revoked.Holds(link.Certificate)) continue;
                revokedLink = Describe(link.Certificate);
                break;
            }
            return null;
        }
        finally
        {
            foreach (var link in chain.ChainElements) link.Certificate.Dispose();
        }
    }

    private static string Names(X509Certificate2Collection authorities) => string.Join(", ", authorities.Select(a => $"'{a.Subject}'"));

    private static string Time(DateTime time) => time.ToString("yyyy-MM-dd HH:mm:ss 'UTC'", CultureInfo.InvariantCulture);
}
