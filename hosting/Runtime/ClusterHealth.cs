namespace Athanor.Hosting.Runtime;

/// <summary>How a hosted cluster is. Live does not depend on the store: a restart does not mend a full disk.</summary>
/// <param name="Live">The core steps. If not, only a restart helps.</param>
/// <param name="Ready">It owns its shards, commits succeed, and it is not draining.</param>
/// <param name="Reason">Why it is not ready, or empty.</param>
public sealed record ClusterHealth(
    bool Live, bool Ready, string Reason, int Shards, int OpenShards, int ActiveEntities, int MailboxDepth, int UnansweredRequests,
    int BusySlots, int Slots)
{
    /// <summary>Damaged places that the background verification has found; what is undamaged goes on.</summary>
    public int DamagedPlaces { get; init; }

    /// <summary>One of them, or null.</summary>
    public string? Damage { get; init; }
}
