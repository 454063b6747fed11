using System.Collections.Frozen;
using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Athanor.Hosting.Transport;

/// <summary>
/// Certificates that count no more. A file of them is either a revocation list that an authority signed (RFC 5280, section 5; PEM or DER),
/// which nobody can shorten without the authority's key, or text: one serial number or SHA-256 thumbprint a line, <c>#</c> begins a
/// comment.
/// </summary>
/// <param name="Ids">As <see cref="RevokedIds"/> writes them.</param>
/// <param name="NextUpdate">When the authority said that a newer list would be there; null if it did not say.</param>
internal sealed record RevocationList(FrozenSet<string> Ids, DateTimeOffset? NextUpdate)
{
    private const string PemLabel = "X509 CRL";

    public static readonly RevocationList Empty = new(FrozenSet<string>.Empty, null);

    /// <param name="authorities">One of them must have signed the list.</param>
    /// <exception cref="CryptographicException">The file is neither; the message says what is wrong with it.</exception>
    public static RevocationList Parse(byte[] file, X509Certificate2Collection authorities)
    {
        // A list is longer than 127 bytes, so the length that follows the tag is in its long form, which no text has there.
        if (file is [0x30, >= 0x80, ..]) return ParseDer(file, authorities);
        var text = Encoding.UTF8.GetString(file);
        if (!text.Contains("-----BEGIN", StringComparison.Ordinal)) return ParseText(text);
        if (!PemEncoding.TryFind(text, out var pem) || text[pem.Label] != PemLabel)
            throw new CryptographicException($"the file holds PEM, but no {PemLabel}");
        return ParseDer(Convert.FromBase64String(text[pem.Base64Data]), authorities);
    }

    public bool Holds(X509Certificate2 certificate) =>
        Ids.Count > 0 && (Ids.Contains(RevokedIds.OfSerial(certificate.SerialNumber.ToUpperInvariant()))
            || Ids.Contains(Thumbprint(certificate)));

    public RevocationList With(IEnumerable<string> more) => this with
    {
        Ids = Ids.Union(more.Select(static text => RevokedIds.TryParse(text, out var id) ? id : text)).ToFrozenSet(StringComparer.Ordinal),
    };

    public static string Thumbprint(X509Certificate2 certificate) => certificate.GetCertHashString(HashAlgorithmName.SHA256);

    private static RevocationList ParseText(string text)
    {
        var ids = new HashSet<string>(StringComparer.Ordinal);
        var number = 0;
        foreach (var line in text.Split('\n'))
        {
            number++;
            var entry = line.Split('#')[0].Trim();
            if (entry == "") continue;
            if (!RevokedIds.TryParse(entry, out var id))
            {
                throw new CryptographicException(
                    $"line {number}: '{entry}' is neither a serial number (up to 40 hex digits) nor a SHA-256 thumbprint (64 hex digits)");
            }
            ids.Add(id);
        }
        return new RevocationList(ids.ToFrozenSet(StringComparer.Ordinal), null);
    }

    private static RevocationList ParseDer(byte[] der, X509Certificate2Collection authorities)
    {
        try
        {
            var list = new AsnReader(der, AsnEncodingRules.DER).ReadSequence();
            var signed = list.PeekEncodedValue();
            var body = list.ReadSequence();
            var algorithm = list.ReadSequence().ReadObjectIdentifier();
            var signature = list.ReadBitString(out _);
            if (!authorities.Any(authority => IsSigned(authority, algorithm, signed.Span, signature)))
                throw new CryptographicException("the list is not signed by the authority");
            return ReadBody(body);
        }
        catch (AsnContentException e)
        {
            throw new CryptographicException($"the file is no revocation list ({e.Message})", e);
        }
    }

    // TBSCertList ::= SEQUENCE { version OPTIONAL, signature, issuer, thisUpdate, nextUpdate OPTIONAL, revokedCertificates OPTIONAL, ... }
    private static RevocationList ReadBody(AsnReader body)
    {
        if (body.PeekTag().HasSameClassAndValue(Asn1Tag.Integer)) body.ReadInteger();
        body.ReadSequence();
        body.ReadSequence();
        ReadTime(body);
        DateTimeOffset? nextUpdate = body.HasData && IsTime(body.PeekTag()) ? ReadTime(body) : null;
        var ids = new HashSet<string>(StringComparer.Ordinal);
        if (body.HasData && body.PeekTag().HasSameClassAndValue(Asn1Tag.Sequence))
        {
            for (var entries = body.ReadSequence(); entries.HasData;)
                ids.Add(RevokedIds.OfSerial(Convert.ToHexString(entries.ReadSequence().ReadIntegerBytes().Span)));
        }
        return new RevocationList(ids.ToFrozenSet(StringComparer.Ordinal), nextUpdate);
    }

    private static bool IsTime(Asn1Tag tag) =>
        tag.HasSameClassAndValue(Asn1Tag.UtcTime) || tag.HasSameClassAndValue(Asn1Tag.GeneralizedTime);

    private static DateTimeOffset ReadTime(AsnReader reader) =>
        reader.PeekTag().HasSameClassAndValue(Asn1Tag.UtcTime) ? reader.ReadUtcTime() : reader.ReadGeneralizedTime();

    private static bool IsSigned(X509Certificate2 authority, string algorithm, ReadOnlySpan<byte> data, byte[] signature)
    {
        HashAlgorithmName? hash = algorithm switch
        {
            "1.2.840.10045.4.3.2" or "1.2.840.113549.1.1.11" => HashAlgorithmName.SHA256,
            "1.2.840.10045.4.3.3" or "1.2.840.113549.1.1.12" => HashAlgorithmName.SHA384,
            "1.2.840.10045.4.3.4" or "1.2.840.113549.1.1.13" => HashAlgorithmName.SHA512,
            _ => null,
        };
        if (hash is null) return false;
        using var ecdsa = authority.GetECDsaPublicKey();
        if (ecdsa is not null) return ecdsa.VerifyData(data, signature, hash.Value, DSASignatureFormat.Rfc3279DerSequence);
        using var rsa = authority.GetRSAPublicKey();
        return rsa is not null && rsa.VerifyData(data, signature, hash.Value, RSASignaturePadding.Pkcs1);
    }
}
