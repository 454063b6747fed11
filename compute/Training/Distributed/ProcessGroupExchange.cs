using System.Numerics;
using System.Runtime.InteropServices;
using Athanor.Compute.Torch;

namespace Athanor.Compute.Training.Distributed;

/// <summary>
/// Hosts add their gradients over c10d's point-to-point calls. Each of M members sends to each other the part of its complete subtrees that the
/// other one adds (n / M numbers a subtree), adds its own part in the tree's order, and sends the sum to all. Nothing is reduced by the
/// library, whose order of sums would be its own.
///
/// Failures. A member that is not heard in the group's time-out ends the sum for the others with a <see cref="TimeoutException"/>.
/// </summary>
public sealed class ProcessGroupExchange<T> : IGradientExchange<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private const int Parts = 1, Sums = 2;
    private const int Piece = 4096;

    // A loss travels as the bits of so many numbers behind the gradients.
    private static readonly int LossLength = sizeof(double) / Marshal.SizeOf<T>();

    private readonly ProcessGroup _group;
    private readonly int _count;
    private readonly (int First, int Level)[][] _subtrees;
    private readonly int[] _firstSubtree;
    private readonly TreeSum _tree;
    private readonly T[][] _received;
    private readonly T[] _sent;

    /// <param name="shares">Ranks of each member of the group, by rank: together all.</param>
    /// <param name="count">Parameters.</param>
    public ProcessGroupExchange(ProcessGroup group, IReadOnlyList<(int First, int Count)> shares, int ranks, int count)
    {
        if (shares.Count != group.Size) throw new ArgumentException($"{shares.Count} shares for {group.Size} members", nameof(shares));
        var place = new Membership(group.Rank, group.Size, ranks);
        (_group, _count, Own) = (group, count, shares[group.Rank]);
        _subtrees = [.. shares.Select(place.Largest)];
        _firstSubtree = new int[shares.Count + 1];
        for (var m = 0; m < shares.Count; m++) _firstSubtree[m + 1] = _firstSubtree[m] + _subtrees[m].Length;
        _tree = new TreeSum([.. _subtrees.SelectMany(static s => s)], ranks);
        if (!_tree.IsWhole(ranks)) throw new ArgumentException("these shares do not cover every logical rank once", nameof(shares));
        _received = [.. _subtrees.Select((s, m) => m == group.Rank ? [] : new T[Message(s.Length, PartOf(group.Rank))])];
        _sent = new T[Enumerable.Range(0, group.Size).Max(m => Message(_subtrees[group.Rank].Length, PartOf(m)))];
    }

    public (int First, int Count) Own { get; }

    public bool WantsStop { private get; set; }

    public bool Stop { get; private set; }

    public double Sum(IReadOnlyList<SubtreeSum<T>> own, Span<T> gradient, CancellationToken cancellation)
    {
        var (me, size) = (_group.Rank, _group.Size);
        if (own.Count != _subtrees[me].Length) throw new ArgumentException("these are not the largest complete subtrees of this member's ranks");
        var (from, end) = PartOf(me);
        for (var distance = 1; distance < size; distance++)
        {
            var (to, source) = ((me + distance) % size, (me - distance + size) % size);
            Send(to, Pack(own, to), source, _received[source], Parts, cancellation);
        }

        Stop = me == 0 ? WantsStop : Number(_received[0].AsSpan()[^LossLength..]) != 0.0;
        Span<double> losses = stackalloc double[_firstSubtree[^1]];
        for (var m = 0; m < size; m++)
        {
            for (var i = 0; i < _subtrees[m].Length; i++)
                losses[_firstSubtree[m] + i] = m == me ? own[i].Loss : LossOf(m, i, end - from);
        }
        _tree.Add(losses);
        for (var at = 0; at < end - from; at += Piece)
        {
            var length = Math.Min(Piece, end - from - at);
            foreach (var (to, more) in _tree.Additions) RankTree.Add(Part(own, to).Slice(at, length), (ReadOnlySpan<T>)Part(own, more).Slice(at, length));
        }
        Part(own, 0).CopyTo(gradient[from..end]);

        for (var distance = 1; distance < size; distance++)
        {
            var (to, source) = ((me + distance) % size, (me - distance + size) % size);
            var (first, last) = PartOf(source);
            Send(to, gradient[from..end], source, gradient[first..last], Sums, cancellation);
        }
        return losses[0];
    }

    public void Dispose() => _group.Dispose();

    private (int First, int End) PartOf(int member) => RankTree.Share(_count, _group.Size, member);

    /// <summary>Of each subtree a part and a loss; at last whether to stop.</summary>
    private static int Message(int subtrees, (int First, int End) part) => subtrees * (part.End - part.First + LossLength) + LossLength;

    private ReadOnlySpan<T> Pack(IReadOnlyList<SubtreeSum<T>> own, int to)
    {
        var (from, end) = PartOf(to);
        var message = _sent.AsSpan(0, Message(own.Count, (from, end)));
        var at = 0;
        foreach (var sum in own)
        {
            sum.Gradient.AsSpan(from..end).CopyTo(message[at..]);
            MemoryMarshal.Cast<double, T>([sum.Loss]).CopyTo(message[(at + end - from)..]);
            at += end - from + LossLength;
        }
        MemoryMarshal.Cast<double, T>([WantsStop ? 1.0 : 0.0]).CopyTo(message[at..]);
        return message;
    }

    private void Send(int to, ReadOnlySpan<T> what, int source, Span<T> into, int tag, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        try
        {
            _group.Exchange(what, to, into, source, tag);
        }
        catch (TorchException e)
        {
            throw new TimeoutException($"members {to} and {source} of {_group.Size} were not reached to add gradients: {e.Message}", e);
        }
    }

    /// <summary>This member's part of a subtree, wherever it is.</summary>
    private Span<T> Part(IReadOnlyList<SubtreeSum<T>> own, int index)
    {
        var (from, end) = PartOf(_group.Rank);
        var (member, i) = Find(index);
        return member == _group.Rank
            ? own[i].Gradient.AsSpan(from..end)
            : _received[member].AsSpan(i * (end - from + LossLength), end - from);
    }

    private double LossOf(int member, int i, int part) => Number(_received[member].AsSpan(i * (part + LossLength) + part, LossLength));

    private static double Number(ReadOnlySpan<T> bits)
    {
        Span<double> number = stackalloc double[1];
        bits.CopyTo(MemoryMarshal.Cast<double, T>(number));
        return number[0];
    }

    private (int Member, int Index) Find(int index)
    {
        var member = 0;
        while (index >= _firstSubtree[member + 1]) member++;
        return (member, index - _firstSubtree[member]);
    }
}
