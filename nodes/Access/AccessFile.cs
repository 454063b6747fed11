using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Athanor.Nodes.Cli;

namespace Athanor.Nodes.Access;

/// <summary>An API key as it is kept: never the key, only the SHA-256 of its 32 random bytes, which nobody can guess back.</summary>
/// <param name="Id">Part of the key's text, to find it by.</param>
internal sealed record KeptKey(string Id, string Sha256, DateTimeOffset? Expires);

/// <summary>Somebody with API keys or client certificates.</summary>
/// <param name="Certificates">SHA-256 of certificates that need no authority, lower-case hex.</param>
internal sealed record KeptPrincipal(
    string Name, ImmutableArray<string> Tenants, ImmutableArray<string> Roles, ImmutableArray<KeptKey> Keys,
    ImmutableArray<string> Certificates, bool Revoked);

/// <summary>Who may come in by key or certificate, and which tokens and certificates may no longer.</summary>
/// <param name="RevokedTokens">Token ids (<c>jti</c>).</param>
/// <param name="RevokedCertificates">SHA-256, lower-case hex.</param>
internal sealed record AccessList(
    ImmutableArray<KeptPrincipal> Principals, ImmutableArray<string> RevokedTokens, ImmutableArray<string> RevokedCertificates)
{
    public static readonly AccessList Empty = new([], [], []);

    public AccessList With(KeptPrincipal principal) =>
        this with { Principals = [.. Principals.Where(p => p.Name != principal.Name).Append(principal).OrderBy(p => p.Name, StringComparer.Ordinal)] };
}

/// <summary>
/// The file of <see cref="AccessList"/>: JSON, for its owner's eyes alone, written whole or not at all. A gateway looks at its time
/// before every request that brings a credential, so that a revocation holds from the next request on, without a restart.
/// </summary>
internal sealed class AccessFile(string path)
{
    public const string Name = "access.json";

    private static readonly JsonSerializerOptions Json = new()
    {
        WriteIndented = true,
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        RespectRequiredConstructorParameters = true,
        RespectNullableAnnotations = true,
    };

    private readonly Lock _gate = new();
    private (DateTime Written, long Length) _seen;
    private AccessList _list = AccessList.Empty;

    public string Path { get; } = path;

    /// <summary>What the file says now; nobody if there is no file.</summary>
    /// <exception cref="UserException">It is no access list; the message names the place.</exception>
    public AccessList Read()
    {
        lock (_gate)
        {
            var file = new FileInfo(Path);
            if (!file.Exists)
            {
                _seen = default;
                return _list = AccessList.Empty;
            }
            var seen = (file.LastWriteTimeUtc, file.Length);
            if (seen == _seen) return _list;
            try
            {
                var list = JsonSerializer.Deserialize<AccessList>(File.ReadAllText(Path), Json) ?? AccessList.Empty;
                foreach (var principal in list.Principals) _ = Access.Roles.Parse(principal.Roles);
                (_list, _seen) = (list, seen);
                return list;
            }
            catch (JsonException e)
            {
                throw new UserException($"{Path}: no access list ({e.Message}); mend it or restore it, 'athanor access list' shows a good one");
            }
        }
    }

    public void Write(AccessList list)
    {
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(Path))!);
        PrivateFile.Write(Path, JsonSerializer.Serialize(list, Json) + "\n");
    }
}

/// <summary>Files that nobody but their owner may read.</summary>
internal static class PrivateFile
{
    public static void Write(string path, string text)
    {
        var beside = $"{path}.{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(4))}";
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows()) options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        using (var stream = new StreamWriter(beside, options)) stream.Write(text);
        File.Move(beside, path, overwrite: true);
    }
}
