using System.Security.Cryptography;

namespace Athanor.Compute.Trust;

/// <summary>A peer's key: ECDSA over P-256 with SHA-256; signatures in the IEEE P1363 form of 64 bytes.</summary>
public sealed class PeerKey : IDisposable
{
    private readonly ECDsa _key;

    private PeerKey(ECDsa key)
    {
        _key = key;
        PublicKey = key.ExportSubjectPublicKeyInfo();
    }

    /// <summary>SubjectPublicKeyInfo, DER.</summary>
    public byte[] PublicKey { get; }

    public static PeerKey Create() => new(ECDsa.Create(ECCurve.NamedCurves.nistP256));

    /// <exception cref="CryptographicException">The text is not a PKCS#8 key in PEM, or not of P-256.</exception>
    public static PeerKey FromPem(string pem)
    {
        var key = ECDsa.Create();
        try
        {
            key.ImportFromPem(pem);
        }
        catch (ArgumentException e)
        {
            key.Dispose();
            throw new CryptographicException("not a private key in PEM form (-----BEGIN PRIVATE KEY-----)", e);
        }
        if (!IsP256(key))
        {
            key.Dispose();
            throw new CryptographicException("not a key on the curve P-256");
        }
        return new PeerKey(key);
    }

    public string ToPem() => _key.ExportPkcs8PrivateKeyPem();

    public byte[] Sign(ReadOnlySpan<byte> statement) => _key.SignData(statement, HashAlgorithmName.SHA256);

    /// <summary>Whether the signature of the statement is by the key. False for anything that is no P-256 key or no signature.</summary>
    public static bool Verify(ReadOnlySpan<byte> publicKey, ReadOnlySpan<byte> statement, ReadOnlySpan<byte> signature)
    {
        if (signature.Length != 64) return false;
        using var key = ECDsa.Create();
        try
        {
            key.ImportSubjectPublicKeyInfo(publicKey, out var read);
            return read == publicKey.Length && IsP256(key) && key.VerifyData(statement, signature, HashAlgorithmName.SHA256);
        }
        catch (CryptographicException)
        {
            return false;
        }
    }

    /// <summary>SHA-256 (hex) of the public key, its first 16 digits: for people.</summary>
    public static string Fingerprint(ReadOnlySpan<byte> publicKey) => Convert.ToHexStringLower(SHA256.HashData(publicKey))[..16];

    private static bool IsP256(ECDsa key) => key.ExportParameters(false).Curve.Oid is { } oid
        && (oid.Value == "1.2.840.10045.3.1.7" || oid.FriendlyName is "nistP256" or "ECDSA_P256");

    public void Dispose() => _key.Dispose();
}
