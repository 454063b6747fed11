using Athanor.Protocol;

namespace Athanor.Hosting.Core.State;

/// <summary>A request of a client that is to be answered once.</summary>
internal sealed class Ask(long correlation, EntityAddress to, TimeSpan since)
{
    public long Correlation { get; } = correlation;

    public EntityAddress To { get; } = to;

    /// <summary>When it came, on the core's clock.</summary>
    public TimeSpan Since { get; } = since;

    public bool Answered { get; set; }

    /// <summary>The command's place in a mailbox, so that one that was never begun can be taken back; null for queries.</summary>
    public ClientItem? Item { get; set; }

    // Its place among the requests of the usual patience: see AskList.
    public Ask? Older { get; set; }

    public Ask? Newer { get; set; }

    public bool IsListed { get; set; }
}
