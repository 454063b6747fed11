namespace Athanor.Hosting.Simulation;

/// <summary>A bug put in on purpose, to see that the invariants find it: in the store and the adapters, in a setting, or behind the core's
/// own switch (<see cref="Core.CoreBug"/>).</summary>
public enum PlantedBug
{
    None,

    // --- in the store

    /// <summary>The store takes every commit, whoever sends it.</summary>
    FenceRemoved,

    /// <summary>A commit's owner and number are compared, its epoch is not.</summary>
    EpochNotCompared,

    /// <summary>A commit's owner and epoch are compared, its number is not: one that comes twice is made twice.</summary>
    DoubledCommitAccepted,

    /// <summary>A shard is given to whoever claims it, though its lease holds.</summary>
    LeaseIgnoredAtClaim,

    /// <summary>A restored backup does not raise the incarnation.</summary>
    IncarnationNotRaised,

    /// <summary>Now and then a told row does not reach the mailbox.</summary>
    MailboxRowDropped,

    /// <summary>Now and then a handled row stays in its mailbox.</summary>
    HandledMailKept,

    /// <summary>Mailbox rows come back in another order.</summary>
    MailReordered,

    /// <summary>Now and then a reply is not stored under its key.</summary>
    ReplyRowDropped,

    /// <summary>Now and then a timer is not stored.</summary>
    TimerRowDropped,

    /// <summary>Now and then a handled timer stays.</summary>
    TimerRowKept,

    /// <summary>Now and then a parked message is deleted and not kept.</summary>
    ParkedRowDropped,

    /// <summary>Now and then dispatched work is not stored.</summary>
    WorkRowDropped,

    /// <summary>A snapshot says that it holds one event more than it does.</summary>
    SnapshotOfWrongNumber,

    /// <summary>A work result is taken though the work has ended.</summary>
    WorkResultTakenTwice,

    // --- in the adapters

    /// <summary>A commit is confirmed to its node before it is made.</summary>
    AcknowledgedBeforeCommit,

    /// <summary>A commit of unknown outcome is confirmed.</summary>
    UnknownTakenForDone,

    /// <summary>A commit of unknown outcome is said to have failed.</summary>
    UnknownTakenForFailed,

    // --- in the settings

    /// <summary>A node goes on past the end of its lease.</summary>
    SilenceRemoved,

    /// <summary>A key is taken however old it is.</summary>
    KeyWindowIgnored,

    // --- in the core

    /// <summary>A message that threw goes to the end of its mailbox, and the next one is handled.</summary>
    RetryDoesNotHold,

    /// <summary>A Compute's late result is handled though it is not awaited any more.</summary>
    StaleComputeTaken,

    /// <summary>Queries are answered from what is not committed yet.</summary>
    UncommittedShown,

    /// <summary>The time handed to an entity is the store's, even if that ran back.</summary>
    TimeRunsBack,

    /// <summary>After a commit of unknown outcome the keys are looked up at once.</summary>
    AnsweredUnsettled,

    /// <summary>A client's numbers are ignored.</summary>
    SessionOrderIgnored,

    /// <summary>A told row goes to its shard's mailbox in memory past older rows that only the store knows.</summary>
    MailOvertakes,

    /// <summary>A reading that was under way when a row was handled brings it again.</summary>
    HandledMailReadAgain,

    /// <summary>A timer fires three seconds early.</summary>
    TimerEarly,

    /// <summary>Keys are not looked up before their command is handled.</summary>
    KeyNotLookedUp,
}
