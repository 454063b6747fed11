using System.CommandLine;
using Athanor.Hosting.Configuration;
using Athanor.Nodes.Remote;

namespace Athanor.Nodes.Cli;

/// <summary>
/// The options of commands that can reach a cluster through its gateway. What is given here goes before the environment, and that before the
/// configuration (<c>client</c> in cluster.hocon). Secrets are never arguments, which every user of the machine can read: they come from files
/// or from the environment.
/// </summary>
internal static class RemoteOptions
{
    public const string TokenVariable = "ATHANOR_TOKEN";
    public const string KeyVariable = "ATHANOR_KEY";

    private static readonly Option<string?> Gateway = new("--gateway")
    {
        Description = "Reach the cluster through this gateway, such as https://athanor.example:7443 (default: client.gateway of the configuration).",
        HelpName = "URL",
    };

    private static readonly Option<string?> TokenFile = new("--token-file")
    {
        Description = $"A file with a bearer token for the gateway (or ${TokenVariable}).",
        HelpName = "FILE",
    };

    private static readonly Option<string?> KeyFile = new("--key-file")
    {
        Description = $"A file with an API key for the gateway (or ${KeyVariable}).",
        HelpName = "FILE",
    };

    private static readonly Option<string?> Certificate = new("--certificate")
    {
        Description = "A client certificate for the gateway, in PEM.",
        HelpName = "FILE",
    };

    private static readonly Option<string?> CertificateKey = new("--certificate-key")
    {
        Description = "Its private key in PEM, if it is not in the same file.",
        HelpName = "FILE",
    };

    private static readonly Option<string?> Authority = new("--ca")
    {
        Description = "The authority of the gateway's certificate, in PEM; without it the system's are trusted.",
        HelpName = "FILE",
    };

    private static readonly Option<string?> Pin = new("--pin")
    {
        Description = "SHA-256 of the gateway's certificate in hex, in place of an authority; 'athanor node' prints that of its own.",
        HelpName = "SHA256",
    };

    private static readonly Option<string?>[] All = [Gateway, TokenFile, KeyFile, Certificate, CertificateKey, Authority, Pin];

    public static void AddTo(Command command)
    {
        foreach (var option in All) command.Options.Add(option);
    }

    /// <summary>Whether the user names a gateway for this command.</summary>
    public static bool AreGiven(ParseResult parsed) => parsed.GetValue(Gateway) is not null;

    /// <summary>The gateway to go through; null if none is named.</summary>
    /// <param name="environment">Environment variables.</param>
    /// <exception cref="UserException">What is given does not go together, or names what cannot be read.</exception>
    public static RemoteSettings? Of(ParseResult parsed, ClientOptions client, Func<string, string?> environment)
    {
        var address = parsed.GetValue(Gateway) ?? client.Gateway;
        if (address == "")
        {
            if (All.FirstOrDefault(o => parsed.GetValue(o) is not null) is { } alone)
                throw new UserException($"{alone.Name} is for a gateway; add --gateway URL");
            return null;
        }
        if (!ClientOptions.IsGateway(address))
            throw new UserException($"--gateway '{address}' is no https address of a gateway, such as https://athanor.example:7443");
        if (AreGiven(parsed) && parsed.GetResult(Cli.State) is { Implicit: false })
            throw new UserException("--state names a cluster of this machine, --gateway one behind a gateway; give one of them");
        var (authority, pin) = (parsed.GetValue(Authority), parsed.GetValue(Pin)?.ToLowerInvariant());
        if (authority is not null && pin is not null) throw new UserException("--ca and --pin each say alone whom to trust; give one of them");
        if (pin is not null && !ClientOptions.IsPin(pin)) throw new UserException($"--pin '{pin}' is not a SHA-256 in hex (64 digits)");
        // One of the two on the command line is in place of either in the configuration.
        var own = authority is not null || pin is not null;
        return new RemoteSettings(
            new Uri(address), own ? authority ?? "" : client.Authority, own ? pin ?? "" : client.Pin.ToLowerInvariant(),
            CredentialOf(parsed, client, environment), client.Patience);
    }

    private static Credential CredentialOf(ParseResult parsed, ClientOptions client, Func<string, string?> environment)
    {
        Option<string?>[] given = [.. ((Option<string?>[])[TokenFile, KeyFile, Certificate]).Where(o => parsed.GetValue(o) is not null)];
        if (given.Length > 1)
            throw new UserException($"{string.Join(" and ", given.Select(static o => o.Name))}: a request has one credential; give one of them");
        if (parsed.GetValue(CertificateKey) is not null && parsed.GetValue(Certificate) is null)
            throw new UserException("--certificate-key is the key of a certificate; add --certificate FILE");
        if (given is [var one])
        {
            var file = parsed.GetValue(one)!;
            return one == Certificate ? Credential.OfCertificate(file, parsed.GetValue(CertificateKey) ?? "", one.Name) : Credential.OfFile(file, one.Name);
        }
        var (token, key) = (environment(TokenVariable) ?? "", environment(KeyVariable) ?? "");
        if (token != "" && key != "") throw new UserException($"${TokenVariable} and ${KeyVariable} are both set, and a request has one credential; unset one");
        if (token != "") return Credential.OfText(token, $"${TokenVariable}");
        if (key != "") return Credential.OfText(key, $"${KeyVariable}");
        if (client.TokenFile != "") return Credential.OfFile(client.TokenFile, "client.token-file");
        if (client.KeyFile != "") return Credential.OfFile(client.KeyFile, "client.key-file");
        return client.Certificate != "" ? Credential.OfCertificate(client.Certificate, client.CertificateKey, "client.certificate") : Credential.None;
    }
}
