using System.CommandLine;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Athanor.Hosting.Configuration;
using Athanor.Hosting.Configuration.Hocon;
using Athanor.Nodes.Access;
using Athanor.Nodes.Gateway;
using Athanor.Protocol;
using Spectre.Console;

namespace Athanor.Nodes.Cli;

/// <summary><c>athanor access</c>: who may come in through the gateway, and with what. Works on files; no node need run, and those that do
/// see a change at the next request.</summary>
internal static class AccessCommands
{
    private static readonly Argument<string> Who = new("name")
    {
        Description = "The principal: what the journal will show. The common name of its client certificates, if it has any.",
        HelpName = "NAME",
    };

    private static readonly Option<string[]> Tenants = new("--tenant")
    {
        Description = "A tenant whose entities it reaches; several times for several, * for all.",
        HelpName = "TENANT",
        DefaultValueFactory = _ => [EntityAddress.DefaultTenant],
    };

    private static readonly Option<string[]> RoleNames = new("--role")
    {
        Description = $"What it may do: {string.Join(", ", Roles.Names)}; several times for several.",
        HelpName = "ROLE",
        DefaultValueFactory = _ => ["view"],
    };

    public static Command Create()
    {
        var access = Cli.Command("access", "Who may come in through the gateway: API keys, client certificates, tokens.",
            "access add alice --tenant plant-a --role operate --key", "access list", "access token bob --role view --for 8h", "access revoke alice");
        access.Subcommands.Add(Add());
        access.Subcommands.Add(List());
        access.Subcommands.Add(Token());
        access.Subcommands.Add(Revoke());
        return access;
    }

    private static Command Add()
    {
        var key = new Option<bool>("--key") { Description = "Makes an API key and prints it, once: only its hash is kept." };
        var expires = new Option<string?>("--for") { Description = "How long the key holds, such as 90d (default: until it is revoked).", HelpName = "DURATION" };
        var certificate = new Option<string?>("--certificate")
        {
            Description = "A client certificate (PEM) to take from it, whoever signed it. Not needed for those of access.client-authority.",
            HelpName = "FILE",
        };
        var add = Cli.Command("add", "Adds a principal, or gives one more keys or other tenants and roles.",
            "access add alice --tenant plant-a --role operate --key --for 90d", "access add scada --role operate --certificate scada.pem");
        add.Arguments.Add(Who);
        foreach (var option in new Option[] { Tenants, RoleNames, key, expires, certificate }) add.Options.Add(option);
        add.SetAction(parsed =>
        {
            var name = Name(parsed);
            var (tenants, roles) = Grants(parsed);
            var file = FileOf(parsed);
            var list = file.Read();
            var old = list.Principals.FirstOrDefault(p => p.Name == name) ?? new KeptPrincipal(name, [], [], [], [], false);
            var made = parsed.GetValue(key) ? ApiKey.Make(Expiry(parsed.GetValue(expires))) : default;
            if (made.Text is null && parsed.GetValue(expires) is not null) throw new UserException("--for is for keys; add --key");
            file.Write(list.With(old with
            {
                Tenants = [.. tenants],
                Roles = [.. roles],
                Revoked = false,
                Keys = made.Text is null ? old.Keys : old.Keys.Add(made.Kept),
                Certificates = parsed.GetValue(certificate) is { } path ? [.. old.Certificates.Append(HashOf(path)).Distinct()] : old.Certificates,
            }));
            if (parsed.GetValue(Cli.Json)) Cli.PrintJson(new { name, tenants, roles, key = made.Text, keyId = made.Kept?.Id });
            else
            {
                Console.Out.WriteLine($"{name} may {string.Join(", ", roles)} in {string.Join(", ", tenants)} ({file.Path}).");
                if (made.Text is not null) Console.Out.WriteLine($"Its API key, shown this once:\n{made.Text}");
            }
            return ExitCodes.Success;
        });
        return add;
    }

    private static Command List()
    {
        var list = Cli.Command("list", "Lists the principals with keys and certificates.", "access list", "access list --json");
        list.SetAction(parsed =>
        {
            var file = FileOf(parsed);
            var principals = file.Read().Principals;
            if (parsed.GetValue(Cli.Json))
            {
                Cli.PrintJson(principals.Select(
                    p => new { p.Name, p.Tenants, p.Roles, Keys = p.Keys.Select(k => new { k.Id, k.Expires }), p.Certificates, p.Revoked }));
                return ExitCodes.Success;
            }
            if (principals.IsEmpty)
            {
                Console.Out.WriteLine($"Nobody has a key or a certificate yet ({file.Path}); 'athanor access add NAME --key' makes one.");
                return ExitCodes.Success;
            }
            var table = new Table().Border(TableBorder.Rounded).AddColumns("Name", "Tenants", "Roles", "Keys", "Certificates", "Status");
            foreach (var p in principals)
            {
                table.AddRow(
                    Markup.Escape(p.Name), Markup.Escape(string.Join(", ", p.Tenants)), string.Join(", ", p.Roles),
                    string.Join(", ", p.Keys.Select(k => k.Expires is { } until ? $"{k.Id} (until {until:yyyy-MM-dd})" : k.Id)),
                    string.Join(", ", p.Certificates.Select(c => c[..8])), p.Revoked ? "revoked" : "active");
            }
            AnsiConsole.Write(table);
            return ExitCodes.Success;
        });
        return list;
    }

    private static Command Token()
    {
        var lifetime = new Option<string>("--for")
        {
            Description = "How long it holds; access.tokens.longest bounds it.",
            HelpName = "DURATION",
            DefaultValueFactory = _ => "1h",
        };
        var token = Cli.Command("token", "Issues a bearer token (JWT) of this cluster's own.", "access token bob --tenant plant-a --role view --for 8h");
        token.Arguments.Add(Who);
        foreach (var option in new Option[] { Tenants, RoleNames, lifetime }) token.Options.Add(option);
        token.SetAction(parsed =>
        {
            var (tenants, roles) = Grants(parsed);
            var options = Options(parsed);
            var length = Duration("--for", parsed.GetRequiredValue(lifetime));
            if (length > options.Access.Tokens.Longest)
                throw new UserException($"--for {parsed.GetValue(lifetime)} is longer than access.tokens.longest, {options.Access.Tokens.Longest}");
            Console.Out.WriteLine(Tokens.Issue(
                KeysOf(options), options.Access.Tokens.Audience, Name(parsed), tenants, roles, TimeProvider.System.GetUtcNow(), length));
            return ExitCodes.Success;
        });
        return token;
    }

    private static Command Revoke()
    {
        var what = new Argument<string>("what")
        {
            Description = "A principal's name; or the id of a key (8 digits), a token (jti), or a certificate's SHA-256.",
            HelpName = "WHAT",
        };
        var revoke = Cli.Command("revoke", "Takes a principal's access away, or one of its keys; or bars a token or certificate. Holds from the next request on.",
            "access revoke alice", "access revoke 1f0c22ab");
        revoke.Arguments.Add(what);
        revoke.SetAction(parsed =>
        {
            var given = parsed.GetRequiredValue(what);
            var file = FileOf(parsed);
            var list = file.Read();
            var text = given.ToLowerInvariant();
            string done;
            if (list.Principals.FirstOrDefault(p => p.Name == given) is { } principal)
                (list, done) = (list.With(principal with { Revoked = true }), $"{given} has no access any more");
            else if (list.Principals.FirstOrDefault(p => p.Keys.Any(k => k.Id == text)) is { } holder)
                (list, done) = (list.With(holder with { Keys = [.. holder.Keys.Where(k => k.Id != text)] }), $"the key {text} of {holder.Name} is no longer taken");
            else if (text.Length == 64 && text.All(char.IsAsciiHexDigitLower))
                (list, done) = (list with { RevokedCertificates = [.. list.RevokedCertificates.Append(text).Distinct()] }, $"the certificate {text[..16]}… is barred");
            else if (Guid.TryParseExact(text, "N", out _) || Guid.TryParse(text, out _))
                (list, done) = (list with { RevokedTokens = [.. list.RevokedTokens.Append(given).Distinct()] }, $"the token {given} is barred");
            else throw new UserException($"'{given}' is no principal in {file.Path}, no key's id, no token's id and no SHA-256 of a certificate");
            file.Write(list);
            Console.Out.WriteLine($"{done}.");
            return ExitCodes.Success;
        });
        return revoke;
    }

    private static AthanorOptions Options(ParseResult parsed) =>
        ClusterConfiguration.Load(parsed.GetValue(Cli.Config)) with { StateDirectory = parsed.GetRequiredValue(Cli.State) };

    private static string KeysOf(AthanorOptions options) => Path.Combine(options.StateDirectory, "keys");

    private static AccessFile FileOf(ParseResult parsed)
    {
        var options = Options(parsed);
        return new AccessFile(options.Access.List == "" ? Path.Combine(KeysOf(options), AccessFile.Name) : options.Access.List);
    }

    private static string Name(ParseResult parsed)
    {
        var name = parsed.GetRequiredValue(Who);
        return EntityAddress.IsValidPart(name) ? name : throw new UserException($"'{name}' is no name: 1 to 128 letters, digits, '.', '_' and '-'");
    }

    private static (string[] Tenants, string[] Roles) Grants(ParseResult parsed)
    {
        var tenants = parsed.GetRequiredValue(Tenants);
        foreach (var tenant in tenants.Where(t => t != Principal.EveryTenant && !EntityAddress.IsValidPart(t)))
            throw new UserException($"--tenant '{tenant}': 1 to 128 letters, digits, '.', '_' and '-', or * for all");
        var roles = parsed.GetRequiredValue(RoleNames);
        Roles.Parse(roles);
        return (tenants, roles);
    }

    private static DateTimeOffset? Expiry(string? text) => text is null ? null : TimeProvider.System.GetUtcNow() + Duration("--for", text);

    private static TimeSpan Duration(string option, string text) =>
        HoconUnits.TryParseDuration(text, null, out var duration, out var problem) && duration > TimeSpan.Zero
            ? duration
            : throw new UserException($"{option} '{text}': {(problem is null or "" ? "must be longer than nothing" : problem)}");

    private static string HashOf(string path)
    {
        try
        {
            using var certificate = X509Certificate2.CreateFromPem(File.ReadAllText(path));
            return GatewayCertificate.PinOf(certificate);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException)
        {
            throw new UserException($"--certificate {path}: cannot be read as PEM ({e.Message})");
        }
    }
}
