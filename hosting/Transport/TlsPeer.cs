using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Logging;

namespace Athanor.Hosting.Transport;

/// <summary>Who is at the other end of a connection, by the certificate that was shown. What was found out holds until this node's rules
/// change or the certificate expires.</summary>
internal sealed class TlsPeer(X509Certificate2? certificate, X509Certificate2Collection sent, string place, ILogger log) : IDisposable
{
    private readonly Lock _gate = new();
    private long _generation;
    private DateTimeOffset _until;
    private string? _refusal;

    /// <summary>The CN, once the certificate was found to be a node's.</summary>
    public string Name { get; } = certificate is null ? "" : CertificateCheck.NameOf(certificate) ?? "";

    /// <summary>Whether a request came on the connection.</summary>
    public bool Asked { get; set; }

    /// <summary>Why the peer is refused; null if it is a node of this cluster.</summary>
    public string? Refusal(TransportIdentity identity, DateTimeOffset now)
    {
        lock (_gate)
        {
            if (_generation == identity.Generation && now <= _until) return _refusal;
            var before = _refusal;
            _refusal = identity.Refusal(certificate, sent, now, null);
            _until = _refusal is null ? certificate!.NotAfter.ToUniversalTime() : DateTimeOffset.MaxValue;
            _generation = identity.Generation;
            if (_refusal is not null && _refusal != before) TransportLog.Refused(log, ToString(), _refusal);
            return _refusal;
        }
    }

    public override string ToString() => Name == "" ? place : $"'{Name}' at {place}";

    public void Dispose()
    {
        certificate?.Dispose();
        foreach (var other in sent) other.Dispose();
    }
}
