using System.Net;

namespace Athanor.Hosting.Configuration;

/// <summary>What must hold between the settings of the transport.</summary>
internal static class TransportRules
{
    private static readonly TimeSpan ShortestPing = TimeSpan.FromSeconds(1);

    public static void Check(TransportOptions options, Action<string, string> report)
    {
        if (AddressOf(options) is null)
            report("athanor.transport.address",
                $"'{options.Address}' is no IP address; 127.0.0.1 is this machine alone, 0.0.0.0 is everywhere");
        if (options.PingAfter < ShortestPing) report("athanor.transport.ping-after", "must be at least 1s");
        if (options.PingTimeout < ShortestPing) report("athanor.transport.ping-timeout", "must be at least 1s");
        if (options.MaxBodyBytes < 64 << 10) report("athanor.transport.max-body", "must be at least 64 KiB");
        if (options.Certificate != "" && options.Authority == "")
            report("athanor.transport.certificate", "needs athanor.transport.authority, the file of the authority that it comes from");
        if (options.Certificate == "" && options.Authority != "")
            report("athanor.transport.authority", "needs athanor.transport.certificate, the file of this node's certificate");
        if (options.Certificate == "" && options.Key != "")
            report("athanor.transport.key", "needs athanor.transport.certificate, the file of the key's certificate");
        foreach (var entry in options.Revoked.Where(static entry => !Transport.RevokedIds.TryParse(entry, out _)))
            report("athanor.transport.revoked",
                $"'{entry}' is neither a serial number (up to 40 hex digits) nor a SHA-256 thumbprint (64 hex digits)");
    }

    /// <summary>The address to listen on; null if the setting is none.</summary>
    public static IPAddress? AddressOf(TransportOptions options) =>
        options.Address == "localhost" ? IPAddress.Loopback : IPAddress.TryParse(options.Address, out var address) ? address : null;
}
