namespace Athanor.Protocol.Peers;

/// <summary>
/// A peer's name outside its entity, whose address says the tenant by itself: in signatures, pools of work and holders of leases. Tenants have
/// peers of one name side by side, and a signature for one is none for the other. In the tenant <c>default</c> it is the bare name; a name holds
/// no slash, so the two forms are never the same.
/// </summary>
public static class PeerNames
{
    public static string Of(string tenant, string name) => tenant == EntityAddress.DefaultTenant ? name : $"{tenant}/{name}";

    /// <summary>The pool of work that is the peer's alone; also who holds its leases.</summary>
    public static string Pool(string tenant, string name) => $"peer/{Of(tenant, name)}";
}
