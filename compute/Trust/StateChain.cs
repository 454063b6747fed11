namespace Athanor.Compute.Trust;

/// <summary>
/// The commitment to a training: leaves L_i = H(i ‖ H(state_i) ‖ metric_i ‖ L_{i-1}) for states 0 to K, and a Merkle root over them. The
/// chain gives the order, the tree short openings. It starts from the spec and the
/// prover's name, so a copied root is nobody else's.
/// </summary>
public sealed class StateChain
{
    private readonly byte[][] _leaves;
    private readonly byte[] _start;

    private StateChain(byte[] start, byte[][] leaves)
    {
        _start = start;
        _leaves = leaves;
        Root = Convert.ToHexStringLower(MerkleTree.Root(leaves));
    }

    /// <summary>Merkle root over the leaves, lower-case hex.</summary>
    public string Root { get; }

    /// <summary>Builds the chain from its opening.</summary>
    /// <param name="specHash">SHA-256 (hex) of the work's spec.</param>
    /// <param name="stateHashes">SHA-256 (hex) of states 0 to K.</param>
    /// <param name="metrics">The metric after each of the states; never NaN.</param>
    /// <exception cref="ArgumentException">The lengths differ, a hash is not 64 hex digits, or a metric is NaN.</exception>
    public static StateChain Build(string specHash, string prover, IReadOnlyList<string> stateHashes, IReadOnlyList<double> metrics)
    {
        if (stateHashes.Count == 0 || stateHashes.Count != metrics.Count)
            throw new ArgumentException($"{stateHashes.Count} state hashes and {metrics.Count} metrics; a chain has one of each per state");
        var start = Start(specHash, prover);
        var leaves = new byte[stateHashes.Count][];
        var previous = start;
        for (var i = 0; i < leaves.Length; i++) leaves[i] = previous = Leaf(i, stateHashes[i], metrics[i], previous);
        return new StateChain(start, leaves);
    }

    /// <summary>The leaf before leaf <paramref name="index"/> (hex): the chain's start for leaf 0.</summary>
    public string Before(int index) => Convert.ToHexStringLower(index == 0 ? _start : _leaves[index - 1]);

    /// <summary>Merkle path (hex) of a leaf.</summary>
    public IReadOnlyList<string> Path(int index) => [.. MerkleTree.Prove(_leaves, index).Select(Convert.ToHexStringLower)];

    /// <summary>Whether a state with this hash and metric is number <paramref name="index"/> of the chain under a root.</summary>
    /// <param name="count">Number of states: K + 1.</param>
    public static bool Holds(
        string root, int index, int count, string stateHash, double metric, string leafBefore, IReadOnlyList<string> path) =>
        IsHash(root) && IsHash(stateHash) && IsHash(leafBefore) && path.All(IsHash) && !double.IsNaN(metric)
        && MerkleTree.Verify(
            Convert.FromHexString(root), Leaf(index, stateHash, metric, Convert.FromHexString(leafBefore)), index, count,
            [.. path.Select(Convert.FromHexString)]);

    /// <summary>Whether the text is 64 lower-case hex digits.</summary>
    public static bool IsHash(string? text)
    {
        if (text is not { Length: 64 }) return false;
        foreach (var c in text)
        {
            if (c is not ((>= '0' and <= '9') or (>= 'a' and <= 'f'))) return false;
        }
        return true;
    }

    private static byte[] Start(string specHash, string prover) =>
        new CanonicalWriter("athanor.chain.1").Text(specHash).Text(prover).Hash();

    private static byte[] Leaf(int index, string stateHash, double metric, byte[] previous)
    {
        if (!IsHash(stateHash)) throw new ArgumentException($"state {index}: '{stateHash}' is not a SHA-256 in lower-case hex");
        return new CanonicalWriter("athanor.leaf.1")
            .Number(index).Blob(Convert.FromHexString(stateHash)).Real(metric).Blob(previous).Hash();
    }
}
