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

/// <summary>
/// An exchange whose members may also share the update: each one adds up its part of the gradient, brings its part of the parameters up to date
/// with it while both are in its cache, and sends the parameters where it would have sent the gradient (stage 1 of ZeRO, Rajbhandari et al., SC
/// 2020). No element's update looks at another element, so the bits are those of one process.
/// </summary>
public interface ISharedUpdate<T> : IGradientExchange<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>Whether the members hold all ranks, so that a part's sum is known to one of them.</summary>
    bool CanShare { get; }

    /// <summary>First and end of this member's part of the parameters.</summary>
    (int From, int End) Part { get; }

    /// <summary>Adds up this member's part of the root's gradient, has it used, and gives and takes parameters.</summary>
    /// <param name="gradient">[parameters]; this member's part is written.</param>
    /// <param name="parameters">[parameters]; the other members' parts are written.</param>
    /// <param name="update">Brings this member's part of the parameters up to date. What it returns is added up over members, in their
    /// order.</param>
    /// <returns>The root's loss, and what the updates returned.</returns>
    /// <exception cref="TimeoutException">A member has not come in time; the message says which. The gang has to be formed anew.</exception>
    (double Loss, double Updates) SumAndUpdate(
        IReadOnlyList<SubtreeSum<T>> own, Span<T> gradient, Span<T> parameters, Func<double> update, CancellationToken cancellation);

    /// <summary>Takes the other members' parts of an array of as many numbers as there are parameters. Also from within an update.</summary>
    void Gather(Span<T> values, CancellationToken cancellation);
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
