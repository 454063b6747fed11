using System.Collections.Immutable;
using System.ComponentModel.DataAnnotations;

namespace Athanor.Hosting.Configuration;

/// <summary>How a node listens to and calls the other nodes of its cluster.</summary>
public sealed record TransportOptions
{
    /// <summary>Address to listen on. Without a certificate it must be a loopback address.</summary>
    public string Address { get; init; } = "127.0.0.1";

    /// <summary>Port to listen on; 0 takes a free one.</summary>
    [Range(0, 65535)]
    public int Port { get; init; } = 7450;

    /// <summary>Where other nodes reach this one, <c>host</c> or <c>host:port</c>; empty is address and port.</summary>
    public string Advertise { get; init; } = "";

    /// <summary>PEM file of the node's certificate; its CN is the node's name. Intermediate certificates may follow it.</summary>
    public string Certificate { get; init; } = "";

    /// <summary>PEM file of the certificate's key; empty means that it lies in the certificate's file.</summary>
    public string Key { get; init; } = "";

    /// <summary>PEM file of the authority, or authorities, that nodes' certificates must come from.</summary>
    public string Authority { get; init; } = "";

    /// <summary>Certificates that count no more: serial numbers or SHA-256 thumbprints in hex.</summary>
    public ImmutableArray<string> Revoked { get; init; } = [];

    /// <summary>A file with more of them: a revocation list that the authority signed, or one serial or thumbprint a line.</summary>
    public string RevocationList { get; init; } = "";

    /// <summary>How often the certificate, key, authority and revocation files are looked at again.</summary>
    public TimeSpan ReloadEvery { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long a connection may take, handshake included.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>How long a connection may be silent before the peer is asked whether it lives.</summary>
    public TimeSpan PingAfter { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How long the answer to that may take before the connection is given up.</summary>
    public TimeSpan PingTimeout { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>How long a hint may take; after one that failed, hints to the same node are dropped for as long.</summary>
    public TimeSpan HintTimeout { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Largest body of a request or an answer.</summary>
    public int MaxBodyBytes { get; init; } = 4 << 20;

    /// <summary>Requests that one node may have open at this one.</summary>
    [Range(1, 100_000)]
    public int MaxRequests { get; init; } = 1024;
}
