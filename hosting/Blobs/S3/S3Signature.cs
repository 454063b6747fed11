using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Athanor.Hosting.Blobs.S3;

/// <summary>Who calls, for signatures. Never printed.</summary>
internal sealed record S3Credentials(string AccessKey, string SecretKey)
{
    public override string ToString() => "S3 credentials";
}

/// <summary>
/// AWS Signature Version 4 for S3, as "Authenticating Requests: Using the Authorization Header" of the Amazon S3 API reference has it: one
/// chunk, the payload's SHA-256 in <c>x-amz-content-sha256</c>, and the headers host and x-amz-* signed.
/// </summary>
internal static class S3Signature
{
    private const string Algorithm = "AWS4-HMAC-SHA256";

    /// <summary>Adds the headers that sign a request. Other x-amz headers must be there already.</summary>
    public static void Sign(HttpRequestMessage request, ReadOnlySpan<byte> payload, S3Credentials credentials, string region, DateTimeOffset now)
    {
        var time = now.UtcDateTime.ToString("yyyyMMdd'T'HHmmss'Z'", CultureInfo.InvariantCulture);
        var hash = Convert.ToHexStringLower(SHA256.HashData(payload));
        request.Headers.Remove("x-amz-date");
        request.Headers.Remove("x-amz-content-sha256");
        request.Headers.Add("x-amz-date", time);
        request.Headers.Add("x-amz-content-sha256", hash);

        var uri = request.RequestUri!;
        var headers = request.Headers.Where(static h => h.Key.StartsWith("x-amz-", StringComparison.OrdinalIgnoreCase))
            .Select(static h => (Name: h.Key.ToLowerInvariant(), Value: string.Join(',', h.Value).Trim()))
            .Append((Name: "host", Value: uri.IsDefaultPort ? uri.Host : $"{uri.Host}:{uri.Port}"))
            .OrderBy(static h => h.Name, StringComparer.Ordinal).ToList();
        var names = string.Join(';', headers.Select(static h => h.Name));
        var canonical = string.Join('\n',
            request.Method.Method, uri.AbsolutePath, CanonicalQuery(uri.Query),
            string.Concat(headers.Select(static h => $"{h.Name}:{h.Value}\n")), names, hash);

        var scope = $"{time[..8]}/{region}/s3/aws4_request";
        var toSign = $"{Algorithm}\n{time}\n{scope}\n{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(canonical)))}";
        var key = Encoding.UTF8.GetBytes("AWS4" + credentials.SecretKey);
        foreach (var part in (string[])[time[..8], region, "s3", "aws4_request"]) key = HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(part));
        var signature = Convert.ToHexStringLower(HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(toSign)));
        request.Headers.TryAddWithoutValidation(
            "Authorization", $"{Algorithm} Credential={credentials.AccessKey}/{scope}, SignedHeaders={names}, Signature={signature}");
    }

    /// <summary>A name or value as a canonical query and path want it: RFC 3986's unreserved characters stay.</summary>
    public static string Escape(string text) => Uri.EscapeDataString(text);

    // The caller escapes; here only the order is made canonical.
    private static string CanonicalQuery(string query) => string.Join('&', query.TrimStart('?')
        .Split('&', StringSplitOptions.RemoveEmptyEntries).Select(static p => p.Contains('=', StringComparison.Ordinal) ? p : p + "=")
        .Order(StringComparer.Ordinal));
}
