using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Athanor.Nodes.Cli;

namespace Athanor.Nodes.Remote;

/// <summary>What proves to a gateway who asks. A class and not a record: nothing may ever print it.</summary>
/// <param name="secret">A bearer token or an API key; null where a certificate stands in, or nothing.</param>
/// <param name="from">Where it came from, for messages.</param>
internal sealed class Credential(string? secret, X509Certificate2? certificate, string from)
{
    public static readonly Credential None = new(null, null, "");

    public string? Secret { get; } = secret;

    public X509Certificate2? Certificate { get; } = certificate;

    public string From { get; } = from;

    public bool IsNone => Secret is null && Certificate is null;

    public override string ToString() => IsNone ? "nothing" : $"the credential of {From}";

    /// <summary>A token or key in a file of one line.</summary>
    /// <exception cref="UserException">There is no such file, or it holds something else; the message never repeats its content.</exception>
    public static Credential OfFile(string path, string option)
    {
        try
        {
            return OfText(File.ReadAllText(path), $"{option} {path}");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserException($"{option}: {e.Message}");
        }
    }

    /// <inheritdoc cref="OfFile"/>
    public static Credential OfText(string text, string from)
    {
        var secret = text.Trim();
        if (secret == "") throw new UserException($"{from} is empty; a token or a key would be right");
        // A header takes no more than this, and an error of the library's would show what it was given.
        if (secret.Any(static c => c is <= ' ' or > '~'))
        {
            throw new UserException(
                $"{from} holds more than one word; one line with a token or a key would be right (a certificate is for --certificate)");
        }
        return new Credential(secret, null, from);
    }

    /// <param name="key">File of its private key; empty where it is in the same file.</param>
    /// <exception cref="UserException">The files hold no certificate with its key.</exception>
    public static Credential OfCertificate(string path, string key, string option)
    {
        try
        {
            return new Credential(null, X509Certificate2.CreateFromPemFile(path, key == "" ? null : key), $"{option} {path}");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException or ArgumentException)
        {
            throw new UserException($"{option} {path}: no certificate with its private key in PEM ({e.Message})");
        }
    }
}

/// <summary>A gateway, whom to trust, and what proves who asks.</summary>
/// <param name="Authority">PEM file; empty for what the system trusts.</param>
/// <param name="Pin">SHA-256 of the gateway's certificate, lower-case hex; empty for none.</param>
internal sealed record RemoteSettings(Uri Gateway, string Authority, string Pin, Credential Credential, TimeSpan Patience);
