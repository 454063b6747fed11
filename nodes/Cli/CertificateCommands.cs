using System.CommandLine;
using Athanor.Hosting.Transport;

namespace Athanor.Nodes.Cli;

/// <summary><c>certificates</c>: an authority in a folder and what it makes, for clusters without an authority of their own.</summary>
internal static class CertificateCommands
{
    private static readonly Option<string> Folder = new("--folder")
    {
        Description = "The authority's folder; certificates are written into it too.",
        HelpName = "DIR",
        DefaultValueFactory = _ => Path.Combine(".athanor", "certificates"),
    };

    private static readonly Option<int> Days = new("--days")
    {
        Description = "How long the certificate counts.",
        HelpName = "N",
        DefaultValueFactory = _ => 365,
    };

    private static readonly Option<string[]> Hosts = new("--host")
    {
        Description = "A host name or address under which the server is found; may be given several times.",
        HelpName = "HOST",
        Required = true,
    };

    public static Command Create()
    {
        var certificates = Cli.Command("certificates",
            "Makes an authority and certificates of it (ECDSA P-256) for TLS between nodes, for clients and for servers. "
                + "authority.pem and revoked.crl go to every node, authority.key to none: whoever has it can make nodes.",
            "certificates authority", "certificates node a", "certificates client alice --days 30", "certificates revoke a");
        certificates.Subcommands.Add(CreateAuthority());
        certificates.Subcommands.Add(CreateIssue(
            CertificateUse.Node, "node", "A node's certificate: athanor.transport.certificate and key of the node of that name.",
            "certificates node a", "certificates node b --folder deploy/dev/certificates"));
        certificates.Subcommands.Add(CreateIssue(
            CertificateUse.Client, "client", "A client's certificate, for who calls the gateway. It does not open the nodes' door.",
            "certificates client alice"));
        certificates.Subcommands.Add(CreateIssue(
            CertificateUse.Server, "server", "A server's certificate, for what clients find by host name.",
            "certificates server gateway --host localhost --host 127.0.0.1"));
        certificates.Subcommands.Add(CreateRevoke());
        return certificates;
    }

    private static Command CreateAuthority()
    {
        var name = new Option<string>("--name")
        {
            Description = "The authority's CN.",
            HelpName = "NAME",
            DefaultValueFactory = _ => "Athanor authority",
        };
        var command = Cli.Command("authority", "Makes an authority in a folder that has none.",
            "certificates authority", "certificates authority --folder deploy/dev/certificates --name \"Plant 7\"");
        command.Options.Add(Folder);
        command.Options.Add(name);
        command.SetAction(parsed => Guarded(() =>
        {
            using var authority = DevelopmentAuthority.Create(
                parsed.GetRequiredValue(Folder), parsed.GetRequiredValue(name), TimeProvider.System);
            if (parsed.GetValue(Cli.Json))
            {
                Cli.PrintJson(new { authority = authority.CertificatePath, revocationList = authority.RevokedPath });
                return;
            }
            Console.Out.WriteLine($"{authority.CertificatePath}  the authority: athanor.transport.authority of every node");
            Console.Out.WriteLine($"{authority.RevokedPath}  its revocation list: athanor.transport.revocation-list of every node");
            Console.Out.WriteLine(
                $"{Path.Combine(authority.Folder, DevelopmentAuthority.KeyFile)}  its key: keep it here, nodes do not need it");
        }));
        return command;
    }

    private static Command CreateIssue(CertificateUse use, string word, string description, params string[] examples)
    {
        var name = new Argument<string>("name")
        {
            Description = "The CN: the name of the node, the client or the server.",
            HelpName = "NAME",
        };
        var command = Cli.Command(word, description, examples);
        command.Arguments.Add(name);
        command.Options.Add(Folder);
        command.Options.Add(Days);
        if (use == CertificateUse.Server) command.Options.Add(Hosts);
        command.SetAction(parsed => Guarded(() =>
        {
            var days = parsed.GetValue(Days);
            if (days is < 1 or > 3650) throw new UserException($"--days is 1 to 3650, not {days}");
            using var authority = DevelopmentAuthority.Open(parsed.GetRequiredValue(Folder), TimeProvider.System);
            var files = authority.Issue(
                use, parsed.GetRequiredValue(name), TimeSpan.FromDays(days),
                use == CertificateUse.Server ? parsed.GetRequiredValue(Hosts) : []);
            if (parsed.GetValue(Cli.Json)) Cli.PrintJson(files);
            else Console.Out.WriteLine($"{files.CertificatePath}\n{files.KeyPath}\nserial {files.Serial}");
        }));
        return command;
    }

    private static Command CreateRevoke()
    {
        var what = new Argument<string>("what")
        {
            Description = "A name (then all certificates that were made for it), a certificate's file, or a serial number.",
            HelpName = "WHAT",
        };
        var command = Cli.Command("revoke", "Adds certificates to revoked.crl. Nodes read the list again by themselves.",
            "certificates revoke a", "certificates revoke 4F0A...19");
        command.Arguments.Add(what);
        command.Options.Add(Folder);
        command.SetAction(parsed => Guarded(() =>
        {
            using var authority = DevelopmentAuthority.Open(parsed.GetRequiredValue(Folder), TimeProvider.System);
            var serials = authority.Revoke(parsed.GetRequiredValue(what));
            if (parsed.GetValue(Cli.Json)) Cli.PrintJson(new { revoked = serials, revocationList = authority.RevokedPath });
            else if (serials.Count == 0) Console.Out.WriteLine("Was revoked before.");
            else Console.Out.WriteLine($"Revoked {string.Join(", ", serials)} in {authority.RevokedPath}; bring the file to every node.");
        }));
        return command;
    }

    private static int Guarded(Action action)
    {
        try
        {
            action();
            return ExitCodes.Success;
        }
        catch (IOException e)
        {
            throw new UserException(e.Message);
        }
    }
}
