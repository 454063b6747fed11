using System.Net;
using System.Text.RegularExpressions;

namespace Athanor.Hosting.Configuration;

/// <summary>What must hold between settings, and for values that a range cannot describe.</summary>
internal static partial class OptionsRules
{
    /// <param name="report">Takes a key's path and what is wrong with it.</param>
    public static void Check(AthanorOptions options, Action<string, string> report)
    {
        var shards = options.Shards;
        if (shards.RenewEvery * 3 > shards.Lease)
            report("athanor.shards.renew-every",
                $"three tries must fit into a lease of {Text(shards.Lease)}: at most {Text(shards.Lease / 3)}");
        if (shards.LeaseMargin + shards.RenewEvery >= shards.Lease)
            report("athanor.shards.lease-margin", $"with renew-every it must be shorter than the lease of {Text(shards.Lease)}");
        if (shards.MoveShare <= 0) report("athanor.shards.move-share", "must be above 0 and at most 1");
        if (shards.SkewWarning > shards.SkewLimit)
            report("athanor.shards.skew-warning", $"must not be more than skew-limit, {Text(shards.SkewLimit)}");
        var blobs = options.Blobs;
        if (blobs.Kind == "s3")
        {
            if (!Uri.TryCreate(blobs.S3.Endpoint, UriKind.Absolute, out var s3) || s3.Scheme is not ("http" or "https"))
                report("athanor.blobs.s3.endpoint", $"'{blobs.S3.Endpoint}' is no address such as \"https://s3.example.org\"");
            if (blobs.S3.Bucket == "") report("athanor.blobs.s3.bucket", "must name a bucket where blobs.kind is s3");
        }
        if (blobs.Grace < TimeSpan.FromMinutes(10))
            report("athanor.blobs.grace", $"{Text(blobs.Grace)} may be shorter than an upload with the commit that names it; at least 10m");
        var slots = options.Slots;
        if (slots.RenewEvery * 3 > slots.Lease)
            report("athanor.slots.renew-every",
                $"three tries must fit into a lease of {Text(slots.Lease)}: at most {Text(slots.Lease / 3)}");
        foreach (var (tenant, weight) in options.Work.Tenants.Where(static share => share.Value is < 1 or > 1_000_000))
            report($"athanor.work.tenants.{tenant}", $"a share is a whole number from 1 to 1000000, not {weight}");
        foreach (var tenant in options.Work.Tenants.Keys.Where(static tenant => !Protocol.EntityAddress.IsValidPart(tenant)))
            report($"athanor.work.tenants.{tenant}", "a tenant is 1 to 128 letters, digits, '.', '_' and '-'");
        foreach (var pool in slots.Pools.Keys.Where(static pool => !PoolName().IsMatch(pool)))
            report($"athanor.slots.pools.{pool}", "a pool's name is lower-case letters, digits and dashes, such as cpu or cuda");
        if (options.Mailbox.Page > options.Mailbox.InMemory)
            report("athanor.mailbox.page", $"must not be more than in-memory, {options.Mailbox.InMemory}");
        if (!DeviceName().IsMatch(options.Torch.Device)) report("athanor.torch.device", "must be cpu, cuda, or cuda:N");
        PostgresRules.Check(options.Store, report);
        TransportRules.Check(options.Transport, report);
        IngestRules.Check(options, report);
        ClientRules.Check(options.Client, report);
        foreach (var (family, rules) in options.Retention.Families)
        {
            if (rules.Thin > TimeSpan.Zero && rules.Thin < rules.Full)
                report($"athanor.retention.families.{family}.thin", $"must not be shorter than full, {Text(rules.Full)}");
            if (rules.Drop > TimeSpan.Zero && rules.Drop < rules.Full)
                report($"athanor.retention.families.{family}.drop", $"must not be shorter than full, {Text(rules.Full)}");
        }
        if (!IPAddress.TryParse(options.Gateway.Address, out _) && options.Gateway.Address != "localhost")
            report("athanor.gateway.address",
                $"'{options.Gateway.Address}' is no IP address; 127.0.0.1 is this machine alone, 0.0.0.0 is everywhere");
        if (options.Access.Anonymous != "none" && options.Gateway.Address != "localhost"
            && IPAddress.TryParse(options.Gateway.Address, out var listens) && !IPAddress.IsLoopback(listens))
            report("athanor.access.anonymous", $"must be none where the gateway listens on {options.Gateway.Address}: nobody is let in unknown from elsewhere");
        if (options.Access.Tokens.Issuer != "" != (options.Access.Tokens.Keys != ""))
            report("athanor.access.tokens.issuer", "needs keys, and keys need an issuer");
        if (options.Access.Tokens.Issuer == "athanor") report("athanor.access.tokens.issuer", "athanor is this cluster itself; another issuer has another name");
        if (options.Gateway.Key != "" && options.Gateway.Certificate == "") report("athanor.gateway.key", "is the key of a certificate; set certificate too");
        if (!NodeName().IsMatch(options.Node.Name)) report("athanor.node.name", "must be 1 to 128 letters, digits, '.', '_' and '-'");
        if (options.StateDirectory.Trim() == "") report("athanor.state-directory", "must name a directory");
        foreach (var role in options.Node.Roles.Where(static role => !NodeRoles.All.Contains(role)))
            report("athanor.node.roles", NodeRoles.Problem(role));
        var endpoint = options.Telemetry.OtlpEndpoint;
        if (endpoint != "" && !(Uri.TryCreate(endpoint, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https"))
            report("athanor.telemetry.otlp-endpoint", $"'{endpoint}' is no address such as \"http://localhost:4317\"");
    }

    private static string Text(TimeSpan duration) => FormattableString.Invariant($"{duration.TotalSeconds:0.###}s");

    [GeneratedRegex("^[a-z][a-z0-9-]*\\z", RegexOptions.CultureInvariant)]
    private static partial Regex PoolName();

    [GeneratedRegex("^(cpu|cuda(:[0-9]+)?)\\z", RegexOptions.CultureInvariant)]
    private static partial Regex DeviceName();

    [GeneratedRegex("^[A-Za-z0-9._-]{1,128}\\z", RegexOptions.CultureInvariant)]
    private static partial Regex NodeName();
}
