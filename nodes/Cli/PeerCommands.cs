using System.CommandLine;
using Athanor.Compute.Trust;
using Athanor.Nodes.Peers;
using Athanor.Protocol;

namespace Athanor.Nodes.Cli;

/// <summary><c>peer join</c>: this machine as a peer of somebody's cluster. It needs no state directory, only its key.</summary>
internal static class PeerCommands
{
    private static readonly Option<string> Gateway = new("--gateway")
    {
        Description = "The gateway's address.",
        HelpName = "URL",
        Required = true,
    };

    private static readonly Option<string> Key = new("--key")
    {
        Description = "The peer's key file (ECDSA P-256, PEM); made if it is missing.",
        HelpName = "FILE",
        Required = true,
    };

    private static readonly Option<string?> Name = new("--name")
    {
        Description = "The name to enrol under (default: peer- and the key's fingerprint). It belongs to the first key that takes it.",
        HelpName = "NAME",
    };

    private static readonly Option<string> Tenant = new("--tenant")
    {
        Description = "The tenant whose populations it works for; its claims and its record are that tenant's. Another than 'default' takes an API key.",
        HelpName = "TENANT",
        DefaultValueFactory = _ => EntityAddress.DefaultTenant,
    };

    private static readonly Option<string?> Pin = new("--pin")
    {
        Description = "SHA-256 of the gateway's certificate in hex; without it the certificate must be one that the system trusts.",
        HelpName = "SHA256",
    };

    private static readonly Option<string?> ApiKeyFile = new("--api-key-file")
    {
        Description = "A file with an API key of the role peer; a gateway on another machine wants one before it enrols anybody "
            + "(default: $ATHANOR_API_KEY).",
        HelpName = "FILE",
    };

    private static readonly Option<int> Slots = new("--slots")
    {
        Description = "How many items to work on at a time, each on one thread.",
        HelpName = "N",
        DefaultValueFactory = _ => 1,
    };

    private static readonly Option<bool> UntilStdinCloses = new("--until-stdin-closes")
    {
        Description = "End when standard input closes, so that a peer started by another program ends with it.",
    };

    private static readonly Option<string> Misbehave = new("--misbehave")
    {
        Description = "A drill, for tests and demos: cheat with real forgeries, and be caught. "
            + "forge-scores, poisoned-best, lazy-verifier or silent.",
        HelpName = "HOW",
        DefaultValueFactory = _ => "none",
    };

    public static Command Create()
    {
        Slots.Validators.Add(r =>
        {
            if (r.GetValueOrDefault<int>() is < 1 or > 64) r.AddError("--slots must be 1 to 64");
        });
        var peer = Cli.Command("peer", "This machine as a peer of a cluster.", "peer join --gateway https://athanor.example:7443 --key peer.pem");
        var join = Cli.Command(
            "join", "Joins a cluster through its gateway, and works until Ctrl-C. Results are signed with the peer's key, and audited.",
            "peer join --gateway https://127.0.0.1:7443 --key ~/.athanor/peer.pem --name anna --pin 3f5a…",
            "peer join --gateway https://athanor.example:7443 --key peer.pem --tenant plant-a --api-key-file enrol.key",
            "peer join --gateway https://127.0.0.1:7443 --key drill.pem --misbehave forge-scores");
        foreach (var option in new Option[] { Gateway, Key, Name, Tenant, Pin, ApiKeyFile, Slots, UntilStdinCloses, Misbehave }) join.Options.Add(option);
        join.SetAction(Join);
        peer.Subcommands.Add(join);
        return peer;
    }

    private static async Task<int> Join(ParseResult parsed, CancellationToken cancellation)
    {
        var address = parsed.GetRequiredValue(Gateway);
        if (!Uri.TryCreate(address, UriKind.Absolute, out var gateway) || gateway.Scheme != Uri.UriSchemeHttps)
            throw new UserException($"--gateway '{address}' is no https address, such as https://127.0.0.1:7443");
        var pin = parsed.GetValue(Pin)?.ToLowerInvariant();
        if (pin is not null && !StateChain.IsHash(pin)) throw new UserException($"--pin '{pin}' is not a SHA-256 in hex (64 digits)");
        var misbehaviour = parsed.GetRequiredValue(Misbehave) switch
        {
            "none" => Misbehaviour.None,
            "forge-scores" => Misbehaviour.ForgeScores,
            "poisoned-best" => Misbehaviour.PoisonedBest,
            "lazy-verifier" => Misbehaviour.LazyVerifier,
            "silent" => Misbehaviour.Silent,
            var other => throw new UserException($"--misbehave '{other}': forge-scores, poisoned-best, lazy-verifier or silent are drilled"),
        };
        using var key = PeerIdentity.LoadOrMake(parsed.GetRequiredValue(Key));
        var name = parsed.GetValue(Name) ?? $"peer-{PeerKey.Fingerprint(key.PublicKey)}";
        if (!EntityAddress.IsValidPart(name)) throw new UserException($"--name '{name}': 1 to 128 letters, digits, '.', '_' and '-'");

        var tenant = parsed.GetRequiredValue(Tenant);
        if (!EntityAddress.IsValidPart(tenant)) throw new UserException($"--tenant '{tenant}': 1 to 128 letters, digits, '.', '_' and '-'");

        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        if (parsed.GetValue(UntilStdinCloses)) _ = StopWhenInputCloses(stop);
        using var http = PeerClient.Connect(gateway, pin, ReadApiKey(parsed.GetValue(ApiKeyFile)));
        var client = new PeerClient(http, key, name, TimeProvider.System, tenant);
        var loop = new PeerLoop(client, misbehaviour, parsed.GetValue(Slots), TimeProvider.System, Say);
        return await loop.Run(stop.Token) == PeerEnd.Stopped ? ExitCodes.Success : ExitCodes.Failure;
    }

    private static string? ReadApiKey(string? file)
    {
        if (file is null) return Environment.GetEnvironmentVariable("ATHANOR_API_KEY") is { Length: > 0 } key ? key : null;
        try
        {
            return File.ReadAllText(file).Trim();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserException($"--api-key-file: {e.Message}");
        }
    }

    private static void Say(string line)
    {
        try
        {
            Console.Out.WriteLine(line);
        }
        catch (IOException)
        {
            // Whoever started the peer is gone, and with it the pipe; the loop ends by its input.
        }
    }

    private static async Task StopWhenInputCloses(CancellationTokenSource stop)
    {
        var buffer = new byte[256];
        await using var input = Console.OpenStandardInput();
        while (await input.ReadAsync(buffer) > 0)
        {
            // Whatever comes is not for us; only the end counts.
        }
        await stop.CancelAsync();
    }
}
