namespace Hosting.Tests.Simulation;

/// <summary>A bug put in on purpose, to see that the invariants find it.</summary>
public enum PlantedBug
{
    None,

    /// <summary>The store takes every commit, whoever sends it.</summary>
    FenceRemoved,

    /// <summary>A commit is confirmed to its node before it is made.</summary>
    AcknowledgedBeforeCommit,

    /// <summary>Now and then a told row does not reach the mailbox.</summary>
    MailboxRowDropped,

    /// <summary>Now and then a handled row stays in its mailbox.</summary>
    HandledMailKept,

    /// <summary>Now and then a reply is not stored under its key.</summary>
    ReplyRowDropped,

    /// <summary>Now and then a timer is not stored.</summary>
    TimerRowDropped,

    /// <summary>Mailbox rows come back in another order.</summary>
    MailReordered,
}

/// <summary>How hostile the world is. Chances are per action or input.</summary>
internal sealed record SimulationOptions
{
    public int Nodes { get; init; } = 3;

    public int Shards { get; init; } = 8;

    public int Entities { get; init; } = 10;

    public int Clients { get; init; } = 4;

    public int OpsPerClient { get; init; } = 25;

    /// <summary>Virtual time in which faults happen; then the world is kind, and everything must come to rest.</summary>
    public TimeSpan Hostile { get; init; } = TimeSpan.FromSeconds(90);

    /// <summary>Virtual time after which it must have come to rest.</summary>
    public TimeSpan Rest { get; init; } = TimeSpan.FromSeconds(180);

    public double StoreFails { get; init; } = 0.02;

    public double CommitFails { get; init; } = 0.02;

    /// <summary>The outcome of a commit is not known: never made, made, or made later.</summary>
    public double CommitUnknown { get; init; } = 0.05;

    public double CommitDoubled { get; init; } = 0.05;

    public double Slow { get; init; } = 0.05;

    public double HintLost { get; init; } = 0.3;

    public double HintDoubled { get; init; } = 0.2;

    public double ClientLoses { get; init; } = 0.05;

    public double ClientDoubles { get; init; } = 0.05;

    public double ComputeThrows { get; init; } = 0.1;

    public double ComputeHangs { get; init; } = 0.05;

    public PlantedBug Bug { get; init; }
}
