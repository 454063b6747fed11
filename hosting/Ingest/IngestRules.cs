namespace Athanor.Hosting.Configuration;

/// <summary>What must hold for the plant's door.</summary>
internal static class IngestRules
{
    public static void Check(AthanorOptions options, Action<string, string> report)
    {
        var ingest = options.Ingest;
        if (ingest.Broker == "")
        {
            if (options.Node.Roles.Contains(NodeRoles.Ingest))
                report("athanor.ingest.broker", "a node of the role 'ingest' needs a broker, such as \"amqps://user:password@host:5671/vhost\"");
            return;
        }
        // Never with the value in the message: it holds a password.
        if (!Uri.TryCreate(ingest.Broker, UriKind.Absolute, out var uri) || uri.Scheme is not ("amqp" or "amqps") || uri.UserInfo == "")
            report("athanor.ingest.broker", "expected an address such as \"amqps://user:password@host:5671/vhost\"");
        else if (uri.Scheme == "amqp" && !uri.IsLoopback)
            report("athanor.ingest.broker", $"amqp:// sends the password to {uri.Host} in clear; amqps:// would be right");
        if (ingest.Heartbeat < TimeSpan.FromSeconds(1)) report("athanor.ingest.heartbeat", "must be at least 1s");
    }
}
