using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.RegularExpressions;

namespace Athanor.Hosting.Transport;

/// <summary>What a certificate is for.</summary>
public enum CertificateUse
{
    /// <summary>A node of the cluster: server and client authentication. The CN is the node's name.</summary>
    Node,

    /// <summary>Somebody who calls the gateway: client authentication. The CN is who they are.</summary>
    Client,

    /// <summary>A server that clients find by host name, such as the gateway: server authentication.</summary>
    Server,
}

/// <summary>
/// An authority in a folder, for development, tests and clusters without one of their own. <c>authority.pem</c> and <c>revoked.crl</c> go
/// to every node; <c>authority.key</c> goes to none: whoever has it can make nodes. Keys are ECDSA P-256, and files with keys are for
/// their owner's eyes alone. <c>issued.txt</c> remembers what was made, so that it can be revoked by name.
/// </summary>
public sealed partial class DevelopmentAuthority : IDisposable
{
    public const string CertificateFile = "authority.pem";
    public const string KeyFile = "authority.key";
    public const string RevokedFile = "revoked.crl";
    private const string IssuedFile = "issued.txt";
    private const int SerialBytes = 16;

    // A day back: the clocks of other machines are not ours.
    private static readonly TimeSpan Back = TimeSpan.FromDays(1);
    private static readonly TimeSpan AuthorityLifetime = TimeSpan.FromDays(3650);
    private readonly X509Certificate2 _certificate;
    private readonly TimeProvider _time;

    private DevelopmentAuthority(string folder, X509Certificate2 certificate, TimeProvider time) =>
        (Folder, _certificate, _time) = (folder, certificate, time);

    public string Folder { get; }

    public string CertificatePath => Path.Combine(Folder, CertificateFile);

    public string RevokedPath => Path.Combine(Folder, RevokedFile);

    /// <summary>Makes an authority in a folder that has none.</summary>
    /// <exception cref="IOException">The folder has one.</exception>
    public static DevelopmentAuthority Create(string folder, string name, TimeProvider time)
    {
        Directory.CreateDirectory(folder);
        var path = Path.Combine(folder, CertificateFile);
        if (File.Exists(path))
            throw new IOException($"{path} exists; nodes believe it, so it is not replaced: give another folder, or remove it");
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(Subject(name), key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, true, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        var now = time.GetUtcNow();
        using (var made = request.CreateSelfSigned(now - Back, now + AuthorityLifetime))
        {
            Write(Path.Combine(folder, KeyFile), key.ExportPkcs8PrivateKeyPem(), secret: true);
            Write(path, made.ExportCertificatePem(), secret: false);
        }
        var authority = Open(folder, time);
        authority.WriteRevoked(new CertificateRevocationListBuilder(), 1);
        return authority;
    }

    /// <exception cref="IOException">The folder has none, or its files are not those of one.</exception>
    public static DevelopmentAuthority Open(string folder, TimeProvider time)
    {
        var (certificate, key) = (Path.Combine(folder, CertificateFile), Path.Combine(folder, KeyFile));
        if (!File.Exists(certificate))
            throw new IOException($"{certificate} does not exist; 'athanor certificates authority' makes an authority");
        if (!File.Exists(key)) throw new IOException($"{key} does not exist; certificates are made where the authority's key is");
        try
        {
            return new DevelopmentAuthority(folder, X509Certificate2.CreateFromPemFile(certificate, key), time);
        }
        catch (CryptographicException e)
        {
            throw new IOException($"{certificate} and {key} are no certificate with its key: {e.Message}", e);
        }
    }

    /// <summary>Makes a certificate and its key: <c>NAME.pem</c> and <c>NAME.key</c>, over any that are there.</summary>
    /// <param name="name">The CN.</param>
    /// <param name="lifetime">From now; the authority's own end is the latest.</param>
    /// <param name="hosts">Of a server: the host names and addresses under which it is found.</param>
    public IssuedCertificate Issue(CertificateUse use, string name, TimeSpan lifetime, params ReadOnlySpan<string> hosts)
    {
        if (!CertificateName().IsMatch(name) || name is "authority" or "revoked")
            throw new IOException($"'{name}' cannot be a certificate's name: expected 1 to 64 letters, digits, '.', '_', '@' and '-'");
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(Subject(name), key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, true));
        var uses = new OidCollection();
        if (use != CertificateUse.Client) uses.Add(new Oid("1.3.6.1.5.5.7.3.1"));
        if (use != CertificateUse.Server) uses.Add(new Oid("1.3.6.1.5.5.7.3.2"));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension(uses, false));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        request.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromCertificate(_certificate, true, false));
        if (hosts.Length > 0) request.CertificateExtensions.Add(Hosts(hosts));
        var serial = RandomNumberGenerator.GetBytes(SerialBytes);
        // Positive, and without a leading zero that some tools print and others do not.
        serial[0] = (byte)((serial[0] & 0x7f) | 0x40);
        var now = _time.GetUtcNow();
        var end = now + lifetime < _certificate.NotAfter ? now + lifetime : _certificate.NotAfter;
        var begin = now - Back > _certificate.NotBefore ? now - Back : _certificate.NotBefore;
        using var made = request.Create(_certificate, begin, end, serial);
        var files = new IssuedCertificate(
            Path.Combine(Folder, name + ".pem"), Path.Combine(Folder, name + ".key"), made.SerialNumber, RevocationList.Thumbprint(made));
        Write(files.KeyPath, key.ExportPkcs8PrivateKeyPem(), secret: true);
        Write(files.CertificatePath, made.ExportCertificatePem(), secret: false);
        File.AppendAllText(
            Path.Combine(Folder, IssuedFile),
            string.Create(CultureInfo.InvariantCulture, $"{made.SerialNumber} {use} {end.UtcDateTime:yyyy-MM-ddTHH:mm:ssZ} {name}\n"));
        return files;
    }

    /// <summary>Adds certificates to <c>revoked.crl</c>; copy it to where the nodes' <c>revocation-list</c> is.</summary>
    /// <param name="what">A serial number, a certificate's file, or a name: then every certificate that was made for it.</param>
    /// <returns>The serial numbers that are revoked now and were not before.</returns>
    /// <exception cref="IOException">It is none of these.</exception>
    public IReadOnlyList<string> Revoke(string what)
    {
        var serials = SerialsOf(what);
        var present = File.ReadAllBytes(RevokedPath);
        var before = RevocationList.Parse(present, [_certificate]).Ids;
        var list = CertificateRevocationListBuilder.LoadPem(Encoding.UTF8.GetString(present), out var number);
        var added = serials.Where(serial => !before.Contains(RevokedIds.OfSerial(serial))).ToList();
        foreach (var serial in added) list.AddEntry(Convert.FromHexString(serial), _time.GetUtcNow());
        if (added.Count > 0) WriteRevoked(list, number + 1);
        return added;
    }

    public void Dispose() => _certificate.Dispose();

    private IEnumerable<string> SerialsOf(string what)
    {
        if (File.Exists(what))
        {
            using var certificate = X509CertificateLoader.LoadCertificateFromFile(what);
            return [certificate.SerialNumber];
        }
        var path = Path.Combine(Folder, IssuedFile);
        var issued = File.Exists(path)
            ? File.ReadAllLines(path).Select(static line => line.Split(' ', 4)).Where(static f => f.Length == 4).ToList()
            : [];
        var named = issued.Where(f => f[3] == what).Select(static f => f[0]).Distinct().ToList();
        if (named.Count > 0) return named;
        if (RevokedIds.TryParse(what, out var serial) && serial.Length <= 40) return [serial.Length % 2 == 0 ? serial : "0" + serial];
        throw new IOException(
            $"'{what}' is neither a certificate's file, nor a name that this authority made a certificate for ({path}), "
            + "nor a serial number");
    }

    private void WriteRevoked(CertificateRevocationListBuilder list, System.Numerics.BigInteger number)
    {
        var now = _time.GetUtcNow();
        var der = list.Build(_certificate, number, now + AuthorityLifetime, HashAlgorithmName.SHA256, thisUpdate: now);
        Write(RevokedPath, PemEncoding.WriteString("X509 CRL", der), secret: false);
    }

    private static X500DistinguishedName Subject(string name)
    {
        var subject = new X500DistinguishedNameBuilder();
        subject.AddCommonName(name);
        return subject.Build();
    }

    private static X509Extension Hosts(ReadOnlySpan<string> hosts)
    {
        var names = new SubjectAlternativeNameBuilder();
        foreach (var host in hosts)
        {
            if (IPAddress.TryParse(host, out var address)) names.AddIpAddress(address);
            else names.AddDnsName(host);
        }
        return names.Build();
    }

    // 64 is the longest CN that X.520 allows.
    [GeneratedRegex("^[A-Za-z0-9._@-]{1,64}\\z", RegexOptions.CultureInvariant)]
    private static partial Regex CertificateName();

    // Whole or not there: a node may read it at any moment.
    private static void Write(string path, string text, bool secret)
    {
        var options = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write };
        if (secret && !OperatingSystem.IsWindows()) options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        File.Delete(path + ".new");
        using (var stream = new StreamWriter(path + ".new", options)) stream.WriteLine(text);
        File.Move(path + ".new", path, overwrite: true);
    }
}

/// <param name="Serial">Upper-case hex.</param>
/// <param name="Thumbprint">SHA-256 in upper-case hex.</param>
public sealed record IssuedCertificate(string CertificatePath, string KeyPath, string Serial, string Thumbprint);
