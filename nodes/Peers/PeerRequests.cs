using System.Security.Cryptography;
using Athanor.Compute.Trust;
using Athanor.Protocol.Peers;

namespace Athanor.Nodes.Peers;

/// <summary>How a peer's request to the gateway is signed; both sides use this.</summary>
/// <remarks>
/// Headers: the peer's name, its tenant (none is <c>default</c>), the time in Unix milliseconds, a nonce of 32 hex digits, and the base64 signature over
/// <see cref="RequestStatement"/>: gateway session, name (as <see cref="PeerNames"/> has it), method, path, time, nonce and the body's hash. A request is taken once: the nonce is
/// remembered for as long as the time would be accepted, and the session changes with each start of the gateway.
/// </remarks>
internal static class PeerRequests
{
    public const string NameHeader = "X-Athanor-Peer";
    public const string TenantHeader = "X-Athanor-Tenant";
    public const string TimeHeader = "X-Athanor-Time";
    public const string NonceHeader = "X-Athanor-Nonce";
    public const string SignatureHeader = "X-Athanor-Signature";

    /// <summary>How far a peer's clock may be from the gateway's.</summary>
    public static readonly TimeSpan Tolerance = TimeSpan.FromMinutes(5);

    public const string ContentType = "application/x-msgpack";

    public const string Root = "/v1/peers";

    public static byte[] Statement(
        string boot, string tenant, string name, string method, string path, long time, string nonce, ReadOnlySpan<byte> body) =>
        new RequestStatement(boot, PeerNames.Of(tenant, name), method, path, time, nonce, Convert.ToHexStringLower(SHA256.HashData(body))).CanonicalBytes();
}
