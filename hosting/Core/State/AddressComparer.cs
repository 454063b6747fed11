using Athanor.Protocol;

namespace Athanor.Hosting.Core.State;

/// <summary>
/// Addresses as keys of the core's tables. Ids tell entities apart, so of family and tenant only length and last letter go into the hash:
/// the record's own comparer hashes three texts, and that alone would be half the cost of a message inside a node. The id's hash is the
/// platform's keyed one, so nobody can choose ids that collide. No table is read in the order of its hashes.
/// </summary>
internal sealed class AddressComparer : IEqualityComparer<EntityAddress>
{
    public static readonly AddressComparer Instance = new();

    public bool Equals(EntityAddress x, EntityAddress y) =>
        string.Equals(x.Id, y.Id) && string.Equals(x.Family, y.Family) && string.Equals(x.Tenant, y.Tenant);

    public int GetHashCode(EntityAddress address) =>
        address.Id.GetHashCode() ^ (Mark(address.Family) * 0x3D4D51CB) ^ (Mark(address.Tenant) * 0x1B873593);

    private static int Mark(string text) => text.Length == 0 ? 0 : (text.Length << 16) | text[^1];
}
