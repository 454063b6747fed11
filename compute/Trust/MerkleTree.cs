using System.Numerics;
using System.Security.Cryptography;

namespace Athanor.Compute.Trust;

/// <summary>
/// A Merkle tree over 32-byte leaves with the shape and the domain separation of RFC 6962, section 2.1: a leaf is H(0 ‖ leaf), a node
/// H(1 ‖ left ‖ right), and the left part of n leaves is the largest power of two below n.
/// </summary>
public static class MerkleTree
{
    /// <exception cref="ArgumentException">There are no leaves.</exception>
    public static byte[] Root(IReadOnlyList<byte[]> leaves)
    {
        if (leaves.Count == 0) throw new ArgumentException("a Merkle tree needs at least one leaf", nameof(leaves));
        return Root(leaves, 0, leaves.Count);
    }

    /// <summary>The hashes beside the way from a leaf to the root, leaf's end first (RFC 6962, section 2.1.1).</summary>
    public static IReadOnlyList<byte[]> Prove(IReadOnlyList<byte[]> leaves, int index)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, leaves.Count);
        var path = new List<byte[]>();
        Prove(leaves, 0, leaves.Count, index, path);
        return path;
    }

    /// <summary>Whether the leaf is the one at <paramref name="index"/> of <paramref name="count"/> under the root.</summary>
    public static bool Verify(ReadOnlySpan<byte> root, byte[] leaf, int index, int count, IReadOnlyList<byte[]> path)
    {
        if (index < 0 || index >= count) return false;
        // RFC 9162, section 2.1.3.2: walks up with the index of the node and of the last node of its level.
        var (node, last) = (index, count - 1);
        var hash = Leaf(leaf);
        foreach (var beside in path)
        {
            if (last == 0 || beside.Length != SHA256.HashSizeInBytes) return false;
            if ((node & 1) == 1 || node == last)
            {
                hash = Node(beside, hash);
                while ((node & 1) == 0 && node != 0)
                {
                    node >>= 1;
                    last >>= 1;
                }
            }
            else
            {
                hash = Node(hash, beside);
            }
            node >>= 1;
            last >>= 1;
        }
        return last == 0 && root.SequenceEqual(hash);
    }

    private static byte[] Root(IReadOnlyList<byte[]> leaves, int from, int count)
    {
        if (count == 1) return Leaf(leaves[from]);
        var left = LeftPart(count);
        return Node(Root(leaves, from, left), Root(leaves, from + left, count - left));
    }

    private static void Prove(IReadOnlyList<byte[]> leaves, int from, int count, int index, List<byte[]> path)
    {
        if (count == 1) return;
        var left = LeftPart(count);
        if (index < left)
        {
            Prove(leaves, from, left, index, path);
            path.Add(Root(leaves, from + left, count - left));
        }
        else
        {
            Prove(leaves, from + left, count - left, index - left, path);
            path.Add(Root(leaves, from, left));
        }
    }

    private static int LeftPart(int count) => 1 << (31 - BitOperations.LeadingZeroCount((uint)(count - 1)));

    private static byte[] Leaf(ReadOnlySpan<byte> leaf)
    {
        Span<byte> input = stackalloc byte[1 + leaf.Length];
        input[0] = 0;
        leaf.CopyTo(input[1..]);
        return SHA256.HashData(input);
    }

    private static byte[] Node(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right)
    {
        Span<byte> input = stackalloc byte[1 + 2 * SHA256.HashSizeInBytes];
        input[0] = 1;
        left.CopyTo(input[1..]);
        right.CopyTo(input[(1 + SHA256.HashSizeInBytes)..]);
        return SHA256.HashData(input);
    }
}
