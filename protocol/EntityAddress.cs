using System.Diagnostics.CodeAnalysis;

namespace Athanor.Protocol;

/// <summary>The address of an entity: (tenant, family, id). Written <c>tenant/family/id</c>.</summary>
[MessagePart]
public readonly record struct EntityAddress(
    [property: Key(0)] string Tenant, [property: Key(1)] string Family, [property: Key(2)] string Id) : IComparable<EntityAddress>
{
    /// <summary>The tenant of an embedded cluster.</summary>
    public const string DefaultTenant = "default";

    /// <summary>Longest tenant, family or id, in characters.</summary>
    public const int MaxPartLength = 128;

    public static EntityAddress Of(string family, string id) => new(DefaultTenant, family, id);

    /// <summary>Whether a part is 1 to 128 of letters, digits, '.', '_' and '-'.</summary>
    public static bool IsValidPart([NotNullWhen(true)] string? part)
    {
        if (part is null or "" || part.Length > MaxPartLength) return false;
        foreach (var c in part)
        {
            if (!char.IsAsciiLetterOrDigit(c) && c is not ('.' or '_' or '-')) return false;
        }
        return true;
    }

    public static bool TryParse(string? text, out EntityAddress address)
    {
        address = default;
        var parts = text?.Split('/');
        if (parts is not { Length: 3 } || !Array.TrueForAll(parts, IsValidPart)) return false;
        address = new EntityAddress(parts[0], parts[1], parts[2]);
        return true;
    }

    public int CompareTo(EntityAddress other)
    {
        var c = string.CompareOrdinal(Tenant, other.Tenant);
        if (c == 0) c = string.CompareOrdinal(Family, other.Family);
        return c != 0 ? c : string.CompareOrdinal(Id, other.Id);
    }

    public override string ToString() => $"{Tenant}/{Family}/{Id}";
}
