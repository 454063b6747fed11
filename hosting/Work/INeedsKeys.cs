namespace Athanor.Hosting.Work;

/// <summary>A handler that needs keys. The registered one has none and refuses; a host that opens a state directory puts in its place
/// the one that reads that directory's <c>keys/</c>, so that two clusters in one process do not share a secret.</summary>
public interface INeedsKeys
{
    IComputeHandler WithKeys(string keysDirectory);
}
