namespace Athanor.Hosting.Transport;

/// <summary>How certificates are named in lists of revoked ones: by serial number, or by SHA-256 thumbprint, in hex.</summary>
internal static class RevokedIds
{
    private const int LongestSerial = 40;
    private const int ThumbprintLength = 64;

    /// <summary>Takes what people paste: either case, with or without colons and leading zeros.</summary>
    /// <param name="id">Upper-case hex without colons; a serial number without leading zeros.</param>
    public static bool TryParse(string text, out string id)
    {
        id = text.Trim().Replace(":", "", StringComparison.Ordinal).ToUpperInvariant();
        if (id.Length == 0 || !id.All(char.IsAsciiHexDigitUpper)) return false;
        if (id.Length == ThumbprintLength) return true;
        id = OfSerial(id);
        return id.Length <= LongestSerial;
    }

    public static string OfSerial(string hex) => hex.TrimStart('0') is { Length: > 0 } digits ? digits : "0";
}
