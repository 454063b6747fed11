using System.Collections.Immutable;

namespace Athanor.Compute.Trust;

/// <summary>What a prover signs: which work it did, with which data and numerics, and what came out.</summary>
/// <param name="Parents">Claim roots of the parents.</param>
/// <param name="Root">Merkle root (hex) of the state chain.</param>
/// <param name="Metrics">The metrics that count: here error and number of parameters.</param>
public sealed record Claim(
    string WorkId, string SpecHash, ulong Seed, string DataHash, ImmutableArray<string> Parents, string Precision, string DeviceClass,
    string KernelSet, string Prover, string Root, ImmutableArray<double> Metrics)
{
    public byte[] CanonicalBytes()
    {
        var writer = new CanonicalWriter("athanor.claim.1")
            .Text(WorkId).Text(SpecHash).Number(unchecked((long)Seed)).Text(DataHash).Number(Parents.Length);
        foreach (var parent in Parents) writer.Text(parent);
        writer.Text(Precision).Text(DeviceClass).Text(KernelSet).Text(Prover).Text(Root).Number(Metrics.Length);
        foreach (var metric in Metrics) writer.Real(metric);
        return writer.ToArray();
    }
}

/// <summary>What a verifier signs: the segment that it replayed and what it came to.</summary>
public sealed record ReplayStatement(
    string WorkId, string Verifier, int Segment, string FirstHash, double FirstMetric, string StateHash, double Metric)
{
    public byte[] CanonicalBytes() => new CanonicalWriter("athanor.replay.1")
        .Text(WorkId).Text(Verifier).Number(Segment).Text(FirstHash).Real(FirstMetric).Text(StateHash).Real(Metric).ToArray();
}

/// <summary>What a peer signs when it enrols, to show that the key is its own.</summary>
public sealed record EnrolmentStatement(string Name, byte[] PublicKey, string DeviceClass)
{
    public byte[] CanonicalBytes() => new CanonicalWriter("athanor.enrolment.1").Text(Name).Blob(PublicKey).Text(DeviceClass).ToArray();
}

/// <summary>What a peer signs with each request to the gateway.</summary>
/// <param name="Boot">The gateway's session: a request to one start of the gateway is no request to the next.</param>
/// <param name="BodyHash">SHA-256 (hex) of the body.</param>
public sealed record RequestStatement(string Boot, string Name, string Method, string Path, long UnixMilliseconds, string Nonce, string BodyHash)
{
    public byte[] CanonicalBytes() => new CanonicalWriter("athanor.request.1")
        .Text(Boot).Text(Name).Text(Method).Text(Path).Number(UnixMilliseconds).Text(Nonce).Text(BodyHash).ToArray();
}
