using Athanor.Nodes.Cli;

namespace Athanor.Nodes.Access;

/// <summary>What a principal may do; several go together.</summary>
[Flags]
internal enum Role
{
    None = 0,

    /// <summary>Queries, lists, progress, health in detail.</summary>
    View = 1,

    /// <summary>Commands to twins: measurements, models adopted, moves.</summary>
    Operate = 2,

    /// <summary>Commands to training runs, ensembles, models and populations; blobs.</summary>
    Train = 4,

    /// <summary>Everything that the others may, peers, and what concerns the cluster as a whole.</summary>
    Administer = 8,

    /// <summary>Enrols a peer; a peer enrolled then shows who it is with its own key.</summary>
    Peer = 16,
}

internal static class Roles
{
    public static readonly IReadOnlyList<string> Names = ["view", "operate", "train", "administer", "peer"];

    /// <summary>Whoever may change something may see it; an administrator may do everything but be a peer.</summary>
    public static Role Implied(Role roles)
    {
        if (roles.HasFlag(Role.Administer)) roles |= Role.Operate | Role.Train;
        if ((roles & (Role.Operate | Role.Train)) != 0) roles |= Role.View;
        return roles;
    }

    public static Role? TryParse(string name) => Names.Contains(name) ? Enum.Parse<Role>(name, ignoreCase: true) : null;

    /// <exception cref="UserException">A name is none of a role.</exception>
    public static Role Parse(IEnumerable<string> names)
    {
        var roles = Role.None;
        foreach (var name in names)
            roles |= TryParse(name) ?? throw new UserException($"'{name}' is no role; the roles are {string.Join(", ", Names)}");
        return roles;
    }

    public static string Text(Role roles) =>
        roles == Role.None ? "none" : string.Join(", ", Names.Where(name => roles.HasFlag(TryParse(name)!.Value)));
}
