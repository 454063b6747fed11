using System.Collections.Immutable;
using Athanor.Nodes.Gateway;

namespace Athanor.Nodes.Access;

/// <summary>Who sends a request, as a door has authenticated it.</summary>
/// <param name="Name">What the journal records: <c>key:alice</c>, <c>token:alice@issuer</c>, <c>certificate:alice</c>, <c>local</c>,
/// <c>anonymous</c>.</param>
/// <param name="Tenants">Whose entities it may reach; <c>*</c> for all.</param>
internal sealed record Principal(string Name, ImmutableArray<string> Tenants, Role Roles)
{
    public const string EveryTenant = "*";

    /// <summary>Whoever can open the node's socket: the file system has let it in.</summary>
    public static readonly Principal Local = new("local", [EveryTenant], Role.View | Role.Operate | Role.Train | Role.Administer | Role.Peer);

    public bool Has(Role role) => Access.Roles.Implied(Roles).HasFlag(role);

    public bool Reaches(string tenant) => Tenants.Contains(EveryTenant) || Tenants.Contains(tenant);

    /// <exception cref="GatewayException">403: it has not that role.</exception>
    public void Require(Role role, string toDo)
    {
        if (Has(role)) return;
        throw new GatewayException(
            403, $"{Name} may not {toDo}", $"it takes the role {Access.Roles.Text(role)}; {Name} has {Access.Roles.Text(Roles)}");
    }

    /// <exception cref="GatewayException">403: the tenant is not one of its.</exception>
    public void RequireTenant(string tenant)
    {
        if (Reaches(tenant)) return;
        var what = tenant == EveryTenant ? "reach every tenant, as what concerns the whole cluster takes" : $"belong to the tenant '{tenant}'";
        throw new GatewayException(403, $"{Name} does not {what}", $"its tenants: {string.Join(", ", Tenants)}");
    }
}
