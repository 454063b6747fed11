namespace Athanor.Hosting.Configuration;

/// <summary>How commands reach a cluster through its gateway. Explained in <c>cluster.hocon</c>. Nothing here is a secret: those lie in files
/// that it names, or in the environment.</summary>
public sealed record ClientOptions
{
    /// <summary>Address of the gateway, such as <c>https://athanor.example:7443</c>; empty for commands beside a node.</summary>
    public string Gateway { get; init; } = "";

    /// <summary>PEM file of the authority of the gateway's certificate; empty for those that the system trusts.</summary>
    public string Authority { get; init; } = "";

    /// <summary>SHA-256 of the gateway's certificate in hex, in place of an authority.</summary>
    public string Pin { get; init; } = "";

    /// <summary>A file that holds a bearer token.</summary>
    public string TokenFile { get; init; } = "";

    /// <summary>A file that holds an API key.</summary>
    public string KeyFile { get; init; } = "";

    /// <summary>PEM file of a client certificate, with its key if <see cref="CertificateKey"/> is empty.</summary>
    public string Certificate { get; init; } = "";

    public string CertificateKey { get; init; } = "";

    /// <summary>How long a gateway that was reached once is called again, and how long an answer may ask to wait.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>An https address of a server alone: what stands behind it, users and passwords above all, would be lost or shown.</summary>
    public static bool IsGateway(string text) => Uri.TryCreate(text, UriKind.Absolute, out var uri) && uri.Scheme == Uri.UriSchemeHttps
        && uri is { UserInfo: "", Query: "", Fragment: "", AbsolutePath: "/" };

    /// <summary>Whether a text is a SHA-256 in hex.</summary>
    public static bool IsPin(string text) => text.Length == 64 && text.All(char.IsAsciiHexDigit);
}

/// <summary>What must hold for the way through a gateway.</summary>
internal static class ClientRules
{
    public static void Check(ClientOptions client, Action<string, string> report)
    {
        if (client.Gateway != "" && !ClientOptions.IsGateway(client.Gateway))
            report("athanor.client.gateway", $"'{client.Gateway}' is no https address such as \"https://athanor.example:7443\"");
        if (client.Pin != "" && !ClientOptions.IsPin(client.Pin)) report("athanor.client.pin", $"'{client.Pin}' is not a SHA-256 in hex (64 digits)");
        if (client.Pin != "" && client.Authority != "") report("athanor.client.pin", "give it or authority, not both: either says alone whom to trust");
        if (client.TokenFile != "" && client.KeyFile != "") report("athanor.client.key-file", "give it or token-file, not both: one request has one credential");
        if (client.Certificate != "" && (client.TokenFile != "" || client.KeyFile != ""))
            report("athanor.client.certificate", "give it or a token-file or key-file, not both: one request has one credential");
        if (client.CertificateKey != "" && client.Certificate == "")
            report("athanor.client.certificate-key", "is the key of a certificate; set certificate too");
    }
}
