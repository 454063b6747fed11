namespace Athanor.Nodes.Gateway;

/// <summary>The gateway's modules beside health.</summary>
internal static class GatewayEndpoints
{
    public static IReadOnlyList<IGatewayModule> Modules { get; } =
    [
        new Peers.PeerEndpoints(),
    ];
}
