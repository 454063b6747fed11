using System.Collections.Concurrent;
using System.Globalization;
using System.Security.Cryptography;
using Athanor.Actors;
using Athanor.Compute.Trust;
using Athanor.Nodes.Peers;
using Athanor.Protocol;
using Athanor.Protocol.Peers;
using Microsoft.AspNetCore.Http;

namespace Athanor.Nodes.Gateway.Peers;

/// <summary>
/// Who sends a request, by the signature in its headers (<see cref="PeerRequests"/>). Refused are: no or malformed headers, a time too far from the
/// gateway's, a nonce that was seen, an unknown name, a signature that is not by the enrolled key over exactly this request to this start of the
/// gateway (401), and a peer that is quarantined or revoked (403 with the reason).
/// </summary>
internal sealed class PeerAuthentication(IClusterClient cluster, TimeProvider time)
{
    private const int LargestBody = 8 << 20;

    private readonly ConcurrentDictionary<string, DateTimeOffset> _seen = new(StringComparer.Ordinal);
    private DateTimeOffset _swept = time.GetUtcNow();

    /// <summary>This start of the gateway.</summary>
    public string Boot { get; } = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));

    /// <summary>Reads the body and finds who sent it.</summary>
    /// <param name="keyOf">For an enrolment, whose peer is not known yet: takes the key from the body.</param>
    public async Task<(EntityAddress Peer, byte[] Body)> Read(HttpRequest request, Func<byte[], byte[]>? keyOf = null)
    {
        var name = Header(request, PeerRequests.NameHeader);
        if (!EntityAddress.IsValidPart(name))
            throw new GatewayException(401, $"'{name}' is no name of a peer", "1 to 128 letters, digits, '.', '_' and '-'");
        var peer = new EntityAddress(TenantOf(request), "peers", name);
        var now = time.GetUtcNow();
        if (!long.TryParse(Header(request, PeerRequests.TimeHeader), NumberStyles.None, CultureInfo.InvariantCulture, out var sent)
            || Math.Abs(now.ToUnixTimeMilliseconds() - sent) > PeerRequests.Tolerance.TotalMilliseconds)
            throw new GatewayException(401, "the request's time is not the gateway's", $"set the clock; the gateway has {now:O}");
        var nonce = Header(request, PeerRequests.NonceHeader);
        if (nonce.Length != 32) throw new GatewayException(401, "the nonce is not 32 hex digits");

        var body = await ReadBody(request);
        var key = keyOf is null ? await KeyOf(peer, request.HttpContext.RequestAborted) : keyOf(body);
        var signature = new byte[64];
        var statement = PeerRequests.Statement(Boot, peer.Tenant, name, request.Method, request.Path.Value ?? "", sent, nonce, body);
        if (!Convert.TryFromBase64String(Header(request, PeerRequests.SignatureHeader), signature, out var length) || length != 64
            || !PeerKey.Verify(key, statement, signature))
        {
            throw new GatewayException(
                401, $"the request is not signed by the key of '{PeerNames.Of(peer.Tenant, name)}' for this start of the gateway",
                $"ask {PeerRequests.Root}/session for the session and sign again");
        }
        // Only after the signature: nobody else can use up a peer's nonces.
        if (!_seen.TryAdd($"{peer}/{nonce}", now)) throw new GatewayException(401, "the request was sent before", "sign each request anew");
        Sweep(now);
        return (peer, body);
    }

    /// <summary>The tenant that a peer's request is for.</summary>
    /// <exception cref="GatewayException">401: it is no name.</exception>
    public static string TenantOf(HttpRequest request)
    {
        if (request.Headers[PeerRequests.TenantHeader] is not [{ } tenant]) return EntityAddress.DefaultTenant;
        return EntityAddress.IsValidPart(tenant)
            ? tenant
            : throw new GatewayException(401, $"'{tenant}' is no tenant", "1 to 128 letters, digits, '.', '_' and '-'");
    }

    private async Task<byte[]> KeyOf(EntityAddress peer, CancellationToken cancellation)
    {
        var name = PeerNames.Of(peer.Tenant, peer.Id);
        var reply = await cluster.Query(peer, new ShowPeer(), cancellation: cancellation);
        if (reply is not PeerView view || view.Status == PeerStatus.Unknown)
            throw new GatewayException(401, $"no peer is enrolled as '{name}'", $"POST {PeerRequests.Root}/enrol first");
        if (view.Status != PeerStatus.Probation)
            throw new GatewayException(403, $"'{name}' is {(view.Status == PeerStatus.Revoked ? "revoked" : "quarantined")}", view.Reason);
        return view.PublicKey;
    }

    private static string Header(HttpRequest request, string header) =>
        request.Headers[header] is [{ Length: > 0 } value] ? value : throw new GatewayException(401, $"the header {header} is missing");

    private static async Task<byte[]> ReadBody(HttpRequest request)
    {
        if (request.ContentLength > LargestBody) throw TooLarge();
        using var buffer = new MemoryStream();
        var chunk = new byte[64 << 10];
        while (true)
        {
            var read = await request.Body.ReadAsync(chunk, request.HttpContext.RequestAborted);
            if (read == 0) return buffer.ToArray();
            if (buffer.Length + read > LargestBody) throw TooLarge();
            buffer.Write(chunk, 0, read);
        }
    }

    private static GatewayException TooLarge() => new(413, $"the body is larger than {LargestBody} bytes");

    private void Sweep(DateTimeOffset now)
    {
        if (now - _swept < TimeSpan.FromMinutes(1)) return;
        _swept = now;
        foreach (var (nonce, when) in _seen)
        {
            if (now - when > 2 * PeerRequests.Tolerance) _seen.TryRemove(nonce, out _);
        }
    }
}
