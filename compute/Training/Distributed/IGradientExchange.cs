using System.Numerics;

namespace Athanor.Compute.Training.Distributed;

/// <summary>How the members of a gang come to one gradient. Every member calls in every step, and all get the same bits.</summary>
public interface IGradientExchange<T> : IDisposable
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>First and number of the logical ranks that this member holds.</summary>
    (int First, int Count) Own { get; }

    /// <summary>What the group's first member wishes: read in its next sum. Of no effect at others.</summary>
    bool WantsStop { set; }

    /// <summary>What the first member wished in the last sum: the same for all members, so that they may end after the same step though
    /// their clocks differ.</summary>
    bool Stop { get; }

    /// <summary>Adds up the tree over all logical ranks.</summary>
    /// <param name="own">This member's largest complete subtrees; their arrays are written.</param>
    /// <param name="gradient">[parameters]; the root's sum, written.</param>
    /// <returns>The root's loss.</returns>
    /// <exception cref="TimeoutException">A member has not come in time; the message says which. The gang has to be formed anew.</exception>
    double Sum(IReadOnlyList<SubtreeSum<T>> own, Span<T> gradient, CancellationToken cancellation);
}

/// <summary>Which logical ranks a member holds: contiguous shares, the same for everyone.</summary>
/// <param name="Member">From 0, in the order of the ranks.</param>
/// <param name="First">First rank of the group.</param>
/// <param name="Count">Ranks of the group: all, or those of one host.</param>
/// <param name="Ranks">All logical ranks.</param>
public readonly record struct Membership(int Member, int Members, int First, int Count, int Ranks)
{
    /// <summary>Longest wait for the others in one collective.</summary>
    public static readonly TimeSpan Timeout = TimeSpan.FromSeconds(10);

    /// <summary>A group that holds all ranks.</summary>
    public Membership(int member, int members, int ranks)
        : this(member, members, 0, ranks, ranks)
    {
    }

    /// <summary>This member's share.</summary>
    public (int First, int Count) Own => Of(Member);

    public (int First, int Count) Of(int member)
    {
        var (first, end) = RankTree.Share(Count, Members, member);
        return (First + first, end - first);
    }

    /// <summary>The largest complete subtrees of each member, as (first, level), by member and first rank.</summary>
    internal (int First, int Level)[][] Subtrees()
    {
        var place = this;
        return [.. Enumerable.Range(0, Members).Select(member => place.Largest(place.Of(member)))];
    }

    /// <summary>The largest complete subtrees within some ranks.</summary>
    internal (int First, int Level)[] Largest((int First, int Count) share)
    {
        var leaves = Enumerable.Range(share.First, share.Count).Select(static rank => (rank, 0)).ToArray();
        return [.. new TreeSum(leaves, Ranks).Largest.Select(static node => (node.First, node.Level))];
    }
}
