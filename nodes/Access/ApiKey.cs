using System.Buffers.Text;
using System.Security.Cryptography;

namespace Athanor.Nodes.Access;

/// <summary>
/// API keys: <c>ath_ID_SECRET</c>, with 8 hex digits of id and 32 random bytes of secret in base64url. The text is shown once, when the key
/// is made; a scanner of repositories finds a leaked one by its prefix.
/// </summary>
internal static class ApiKey
{
    public const string Prefix = "ath_";
    private const int SecretBytes = 32;

    public static (string Text, KeptKey Kept) Make(DateTimeOffset? expires)
    {
        var id = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(4));
        var secret = RandomNumberGenerator.GetBytes(SecretBytes);
        return ($"{Prefix}{id}_{Base64Url.EncodeToString(secret)}", new KeptKey(id, Hash(secret), expires));
    }

    /// <summary>The principal that holds a key, or why none does.</summary>
    public static (Principal? Principal, string Why) Find(string text, AccessList list, DateTimeOffset now)
    {
        var parts = text.Split('_', 3);
        var secret = new byte[SecretBytes + 1];
        if (parts.Length != 3 || !Base64Url.IsValid(parts[2]) || !Base64Url.TryDecodeFromChars(parts[2], secret, out var length) || length != SecretBytes)
            return (null, "the API key is not of the form ath_ID_SECRET");
        var hash = Convert.FromHexString(Hash(secret.AsSpan(0, SecretBytes)));
        foreach (var principal in list.Principals)
        {
            foreach (var key in principal.Keys)
            {
                if (key.Id != parts[1] || !CryptographicOperations.FixedTimeEquals(hash, Convert.FromHexString(key.Sha256))) continue;
                if (principal.Revoked) return (null, $"the access of {principal.Name} was revoked");
                if (key.Expires <= now) return (null, $"the API key {key.Id} of {principal.Name} expired at {key.Expires:u}");
                return (new Principal($"key:{principal.Name}", principal.Tenants, Roles.Parse(principal.Roles)), "");
            }
        }
        return (null, "no such API key");
    }

    private static string Hash(ReadOnlySpan<byte> secret) => Convert.ToHexStringLower(SHA256.HashData(secret));
}
