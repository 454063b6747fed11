using Athanor.Actors;
using Athanor.Nodes.Reports;

namespace Athanor.Nodes.Demo;

/// <summary>One act of the demo. Every step is restartable: it asks its entities how far they are and goes on from there, so that
/// <c>kill -9</c> at any moment and a new start give the same result.</summary>
public interface IDemoStep
{
    /// <summary>Title of the step's section and progress bar.</summary>
    string Title { get; }

    Task Run(DemoContext context, CancellationToken cancellation);
}

/// <summary>What a step works with.</summary>
/// <param name="Cluster">Speaks to the entities.</param>
/// <param name="Small">The same path on a small scale: all steps together within 20 s on two cores.</param>
/// <param name="DataDirectory">The repository's data folder (or its copy beside the program).</param>
/// <param name="GatewayUrl">Where peers join, once the node serves it.</param>
/// <param name="StateDirectory">The cluster's state directory; keys of the demo's peers lie under it.</param>
public sealed record DemoContext(
    IClusterClient Cluster, bool Small, string DataDirectory, Uri GatewayUrl, string StateDirectory, IDemoProgress Progress, Report Report,
    ResultHash Results);

/// <summary>Progress bars with rate and time left.</summary>
public interface IDemoProgress
{
    /// <summary>Says how far a bar is; the first call makes the bar.</summary>
    /// <param name="task">What is being done, e.g. <c>Rows filtered</c>; the bar's identity.</param>
    /// <param name="done">In the unit of <paramref name="total"/>.</param>
    void Advance(string task, double done, double total, string note = "");
}

/// <summary>Gathers what the result hash covers: parameters, weights, archive, lineage and the quarantined peers, never a time, a
/// duration or a count of attempts.</summary>
public sealed class ResultHash
{
    private readonly SortedDictionary<string, byte[]> _parts = new(StringComparer.Ordinal);

    public void Add(string name, ReadOnlySpan<byte> bytes)
    {
        if (!_parts.TryAdd(name, System.Security.Cryptography.SHA256.HashData(bytes)))
            throw new InvalidOperationException($"the result '{name}' was added twice");
    }

    public void Add(string name, ReadOnlySpan<double> values) => Add(name, System.Runtime.InteropServices.MemoryMarshal.AsBytes(values));

    public void Add(string name, string text) => Add(name, System.Text.Encoding.UTF8.GetBytes(text));

    public IReadOnlyDictionary<string, byte[]> Parts => _parts;

    /// <summary>Lower-case hex SHA-256 over the parts in order of their names.</summary>
    public override string ToString()
    {
        using var hash = System.Security.Cryptography.IncrementalHash.CreateHash(System.Security.Cryptography.HashAlgorithmName.SHA256);
        foreach (var (name, part) in _parts)
        {
            hash.AppendData(System.Text.Encoding.UTF8.GetBytes(name));
            hash.AppendData([0]);
            hash.AppendData(part);
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
