using System.Collections.Immutable;
using Athanor.Protocol;

namespace Athanor.Hosting.Core;

/// <summary>Settings of the core. Each says which failure it guards against.</summary>
public sealed record CoreOptions
{
    /// <summary>Role of nodes that own shards.</summary>
    public const string ShardsRole = "shards";

    /// <summary>This node's name; unique in the cluster, the same after a restart.</summary>
    public required string Node { get; init; }

    /// <summary>As recorded in the store.</summary>
    public required int ShardCount { get; init; }

    public ImmutableArray<string> Roles { get; init; } = [ShardsRole];

    /// <summary>Length of node and shard leases by the store's clock: how long a shard stays without an owner after its node
    /// dies.</summary>
    public TimeSpan Lease { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How often leases are renewed; several tries must fit into a lease.</summary>
    public TimeSpan RenewEvery { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>How long before its lease may end a node falls silent by its own clock: guards against clocks of different rates and a step
    /// that was long under way.</summary>
    public TimeSpan LeaseMargin { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>How often ownership is read; bounds how long a free shard waits.</summary>
    public TimeSpan ViewEvery { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Shards move between live nodes only after their set has been the same for so long: guards against storms.</summary>
    public TimeSpan MoveDelay { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Most shards that this node hands over at one time, and within <see cref="ViewEvery"/>, as a share of all; at least
    /// one.</summary>
    public double MoveShare { get; init; } = 0.1;

    /// <summary>How often mailboxes are read without a hint: what a lost hint costs.</summary>
    public TimeSpan PollEvery { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>New mailbox rows read at one time for a shard.</summary>
    public int MailPage { get; init; } = 256;

    /// <summary>Mailbox rows of a shard held in memory; more wait in the store.</summary>
    public int MailInMemory { get; init; } = 8192;

    /// <summary>Commit calls in flight at one time (1 to 4); a shard always goes through the same one.</summary>
    public int Writers { get; init; } = 1;

    /// <summary>Messages in one shard's batch; further ones wait for the next commit.</summary>
    public int BatchMessages { get; init; } = 1000;

    /// <summary>Signals handled in one step: guards everybody else against entities that signal each other without end.</summary>
    public int SignalsPerStep { get; init; } = 4096;

    /// <summary>A snapshot after so many events: bounds recovery.</summary>
    public int SnapshotEvery { get; init; } = 1000;

    /// <summary>An entity without a message for so long is forgotten until its next one.</summary>
    public TimeSpan PassivateAfter { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>Entities in memory; beyond it the least recently used idle ones are passivated.</summary>
    public int MaxActive { get; init; } = 10_000;

    /// <summary>Entities read at one time: guards the store after a take-over.</summary>
    public int MaxRecovering { get; init; } = 64;

    /// <summary>Attempts at a message before it is parked.</summary>
    public int Attempts { get; init; } = 3;

    /// <summary>Wait before the second attempt; doubles with each.</summary>
    public TimeSpan RetryAfter { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>Wait before a store call that failed is made again; doubles up to 32 times this.</summary>
    public TimeSpan StoreRetry { get; init; } = TimeSpan.FromMilliseconds(200);

    /// <summary>Spreads the tries of nodes that lost the store at the same moment; another for each node.</summary>
    public ulong JitterSeed { get; init; }

    /// <summary>An ask without an own time-out is answered with a diagnosis after this.</summary>
    public TimeSpan AskTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Largest body of a message or event, in bytes.</summary>
    public int MaxMessageBytes { get; init; } = 64 << 10;

    /// <summary>Replies are kept, and keys accepted, for so long by the store's clock.</summary>
    public TimeSpan KeyLifetime { get; init; } = TimeSpan.FromDays(7);

    /// <summary>A key is refused so long before its reply may be gone: guards against a node whose idea of the store's time lags behind, and
    /// which would run a command again whose reply the store has just forgotten.</summary>
    public TimeSpan KeyMargin { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>How far a key's time may be ahead of the store's clock.</summary>
    public TimeSpan KeyAhead { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>Whether durable timers fire and Compute is started. Off where a command only reads or appends.</summary>
    public bool Wakes { get; init; } = true;

    /// <summary>A state as JSON for people, for <see cref="Describe"/>.</summary>
    public Func<IState, string> ToJson { get; init; } = static state => state.ToString() ?? "";

    /// <summary>A bug put in on purpose, by the simulation alone.</summary>
    internal CoreBug Bug { get; init; }
}

/// <summary>Where the core can be made wrong, so that it can be shown that the simulation finds it.</summary>
internal enum CoreBug
{
    None,
    RetryDoesNotHold,
    StaleComputeTaken,
    UncommittedShown,
    TimeRunsBack,
    AnsweredUnsettled,
    SessionOrderIgnored,
    MailOvertakes,
    HandledMailReadAgain,
    TimerEarly,
    KeyNotLookedUp,
}
