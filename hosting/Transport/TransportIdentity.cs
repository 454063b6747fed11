using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Athanor.Hosting.Configuration;

namespace Athanor.Hosting.Transport;

/// <summary>Who this node is, and whom it believes: the contents of the certificate files at one moment. Frozen.</summary>
/// <param name="Generation">Rises with every change, so that what was found out about a peer is found out anew.</param>
internal sealed record TransportIdentity(
    SslStreamCertificateContext Own, X509Certificate2Collection Authorities, string AuthorityFile, RevocationList Revoked, long Generation)
{
    /// <summary>Why a peer is refused; null if it is a node of this cluster.</summary>
    public string? Refusal(X509Certificate2? peer, X509Certificate2Collection sent, DateTimeOffset now, string? node) =>
        CertificateCheck.Refusal(peer, sent, Authorities, AuthorityFile, Revoked, now, node);

    /// <exception cref="CryptographicException">A file does not hold what it should; the message names it and what would be
    /// right.</exception>
    public static TransportIdentity Read(TransportOptions options, CertificateFiles files, string node, DateTimeOffset now, long generation)
    {
        var authorities = new X509Certificate2Collection();
        In("authority", options.Authority, () => authorities.ImportFromPem(Encoding.UTF8.GetString(files.Authority)));
        if (authorities.Count == 0) throw Wrong("authority", options.Authority, "it holds no certificate in PEM");
        var own = In("certificate", options.Certificate, () => X509Certificate2.CreateFromPem(Encoding.UTF8.GetString(files.Certificate)));
        var others = new X509Certificate2Collection();
        others.ImportFromPem(Encoding.UTF8.GetString(files.Certificate));
        others.RemoveAt(0);
        var keyFile = options.Key == "" ? options.Certificate : options.Key;
        own = In("key", keyFile, () => X509Certificate2.CreateFromPem(
            Encoding.UTF8.GetString(files.Certificate), Encoding.UTF8.GetString(files.Key)));
        var revoked = options.RevocationList == ""
            ? RevocationList.Empty
            : In("revocation-list", options.RevocationList, () => RevocationList.Parse(files.Revocations, authorities));
        revoked = revoked.With(options.Revoked);
        if (CertificateCheck.Refusal(own, others, authorities, options.Authority, revoked, now, null) is { } problem)
            throw Wrong("certificate", options.Certificate, problem);
        if (CertificateCheck.NameOf(own) is var name && name != node)
        {
            throw Wrong("certificate", options.Certificate,
                $"its CN is '{name}', and this node is '{node}'; give athanor.node.name that name, or the node its own certificate");
        }
        return new TransportIdentity(
            SslStreamCertificateContext.Create(own, others, offline: true), authorities, options.Authority, revoked, generation);
    }

    private static void In(string key, string file, Action read) => In(key, file, () =>
    {
        read();
        return 0;
    });

    private static T In<T>(string key, string file, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException or FormatException)
        {
            throw Wrong(key, file, e.Message, e);
        }
    }

    private static CryptographicException Wrong(string key, string file, string problem, Exception? inner = null) =>
        new($"athanor.transport.{key}: {file}: {problem}", inner);
}

/// <summary>The bytes of the files. Compared whole: where secrets are mounted, a file changes by the turn of a link two levels up, which
/// its own times do not show.</summary>
internal sealed record CertificateFiles(byte[] Certificate, byte[] Key, byte[] Authority, byte[] Revocations)
{
    // A chain or a list of this size is a mistake.
    private const int Largest = 16 << 20;

    /// <exception cref="IOException">A file cannot be read; the message names the setting.</exception>
    public static CertificateFiles Read(TransportOptions options)
    {
        var certificate = Bytes("certificate", options.Certificate);
        return new CertificateFiles(
            certificate, options.Key == "" ? certificate : Bytes("key", options.Key), Bytes("authority", options.Authority),
            options.RevocationList == "" ? [] : Bytes("revocation-list", options.RevocationList));
    }

    public bool IsSame(CertificateFiles other) =>
        Certificate.AsSpan().SequenceEqual(other.Certificate) && Key.AsSpan().SequenceEqual(other.Key)
        && Authority.AsSpan().SequenceEqual(other.Authority) && Revocations.AsSpan().SequenceEqual(other.Revocations);

    private static byte[] Bytes(string key, string path)
    {
        try
        {
            if (new FileInfo(path) is { Exists: true, Length: > Largest }) throw new IOException($"it is larger than {Largest >> 20} MiB");
            return File.ReadAllBytes(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new IOException($"athanor.transport.{key}: {path} cannot be read: {e.Message}", e);
        }
    }
}
