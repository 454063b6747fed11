using System.Collections.Immutable;

namespace Athanor.Hosting.Stores;

/// <summary>What a doer of work offers: so many free slots of one pool.</summary>
/// <param name="Holder">Who does it: a node's name, or <c>peer/NAME</c>.</param>
/// <param name="Pool"><c>cpu</c>, <c>cuda</c>, or <c>peer/NAME</c>.</param>
/// <param name="Free">All slots that run nothing, those included that the store keeps for a gang that gathers.</param>
/// <param name="Lease">By the store's clock.</param>
public sealed record WorkRequest(string Holder, string Pool, int Free, TimeSpan Lease)
{
    /// <summary>Memory of one slot in bytes: work that needs more is left to others. 0 takes whatever there is.</summary>
    public long MemoryBytes { get; init; }

    /// <summary>Where other members of a gang reach this holder; empty if nowhere.</summary>
    public string Address { get; init; } = "";

    public WorkPolicy Policy { get; init; } = WorkPolicy.Default;
}

/// <summary>How a store orders pending work; the same for all nodes of a cluster.</summary>
/// <param name="Weights">Share of each tenant, above 0; a tenant that is not listed has 1.</param>
/// <param name="Aging">Waiting for so long is worth one step of priority.</param>
/// <param name="Gather">How long a gang keeps slots while it gathers; it then gives them up and waits as long.</param>
public sealed record WorkPolicy(ImmutableSortedDictionary<string, int> Weights, TimeSpan Aging, TimeSpan Gather)
{
    public static WorkPolicy Default { get; } =
        new(ImmutableSortedDictionary<string, int>.Empty, TimeSpan.FromMinutes(10), TimeSpan.FromSeconds(60));
}

/// <summary>A member's place in one generation of a gang.</summary>
/// <param name="Rank">From 0.</param>
/// <param name="Generation">From 1; it is raised when the gang is formed anew, and whatever an older one says is refused.</param>
/// <param name="Addresses">Of all members' holders, by rank.</param>
public sealed record GangPlace(int Rank, int Size, int Generation, ImmutableArray<string> Addresses);

/// <summary>How far an attempt came, for the next one to go on from.</summary>
/// <param name="Step">Higher is further.</param>
/// <param name="Blob">SHA-256 (hex) of its content.</param>
public sealed record WorkCheckpoint(long Step, string Blob);
