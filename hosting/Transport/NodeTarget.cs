using System.Globalization;
using System.Net;
using Athanor.Hosting.Core;

namespace Athanor.Hosting.Transport;

/// <summary>A node at a place.</summary>
/// <param name="Base">What the connection pool tells targets apart by; nobody looks the name up.</param>
internal sealed record NodeTarget(string Node, string Host, int Port, Uri Base)
{
    /// <param name="address"><c>host:port</c>, with brackets around an IPv6 address.</param>
    /// <param name="number">Unique to the node and the address.</param>
    public static NodeTarget Parse(string node, string address, int number)
    {
        var colon = address.LastIndexOf(':');
        if (colon <= 0 || !ushort.TryParse(address.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var port)
            || port == 0)
        {
            throw new NodeLinkException(
                Refusal.Unavailable, false, $"'{address}' of node '{node}' is no address; expected host:port, such as 10.0.0.5:7450");
        }
        var host = address[..colon].TrimStart('[').TrimEnd(']');
        return new NodeTarget(node, host, port, new Uri(string.Create(CultureInfo.InvariantCulture, $"http://n{number}/")));
    }

    public EndPoint EndPoint => IPAddress.TryParse(Host, out var ip) ? new IPEndPoint(ip, Port) : new DnsEndPoint(Host, Port);

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"node '{Node}' at {Host}:{Port}");
}
