namespace Athanor.Hosting.Simulation;

/// <summary>What befalls a whole node, the database or the clock, one at a time.</summary>
[Flags]
internal enum Misfortunes
{
    None = 0,

    /// <summary>The process is killed; its session ends at once.</summary>
    Crash = 1 << 0,

    /// <summary>The host dies; the database keeps its session open for a while.</summary>
    HostDeath = 1 << 1,

    /// <summary>The process stands still and wakes later to everything that arrived meanwhile.</summary>
    Pause = 1 << 2,

    /// <summary>The same, and its own monotonic clock stands still too.</summary>
    Freeze = 1 << 3,

    /// <summary>The database's clock jumps up to 4 s, either way.</summary>
    ClockStep = 1 << 4,

    Drain = 1 << 5,

    /// <summary>The connection of the session lock breaks.</summary>
    LockLost = 1 << 6,

    /// <summary>A node reaches nobody: database, nodes, clients.</summary>
    Partition = 1 << 7,

    /// <summary>A node reaches the others, but not the database.</summary>
    PartitionFromDatabase = 1 << 8,

    /// <summary>The database answers nobody for a while.</summary>
    Outage = 1 << 9,

    /// <summary>The database restarts: sessions end, statements under way die.</summary>
    Restart = 1 << 10,

    /// <summary>Commits are made and not confirmed, as their standby is gone; then the standby takes over without them.</summary>
    FailOver = 1 << 11,

    /// <summary>A backup is put back: what came after it is gone, and the incarnation is raised.</summary>
    Restore = 1 << 12,

    /// <summary>An entity's history cannot be read for a while.</summary>
    Damage = 1 << 13,

    All = (1 << 14) - 1,
}

/// <summary>
/// How large and how hostile a world is. Chances are per action or input. <see cref="Draw"/> gives each seed its own mix (swarm testing,
/// Groce et al. 2012: tests that leave features out find more than tests that all have everything).
/// </summary>
internal sealed record SimulationOptions
{
    public int Nodes { get; init; } = 3;

    public int Shards { get; init; } = 8;

    public int Entities { get; init; } = 10;

    public int Clients { get; init; } = 4;

    public int OpsPerClient { get; init; } = 20;

    /// <summary>Virtual time in which faults happen; then the world is kind, and everything must come to rest.</summary>
    public TimeSpan Hostile { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Virtual time after which it must have come to rest.</summary>
    public TimeSpan Rest => Hostile + TimeSpan.FromSeconds(120);

    public double StoreFails { get; init; } = 0.02;

    public double CommitFails { get; init; } = 0.02;

    /// <summary>One shard's part of a commit fails, the others are judged.</summary>
    public double PartFails { get; init; } = 0.02;

    /// <summary>The outcome of a commit is not known: never made, made, or made later.</summary>
    public double CommitUnknown { get; init; } = 0.05;

    public double CommitDoubled { get; init; } = 0.05;

    public double Slow { get; init; } = 0.05;

    public double HintLost { get; init; } = 0.3;

    public double HintDoubled { get; init; } = 0.2;

    public double ClientLoses { get; init; } = 0.05;

    public double ClientDoubles { get; init; } = 0.1;

    /// <summary>An acknowledged command is sent again, much later, or another one under its key.</summary>
    public double ClientRepeats { get; init; } = 0.1;

    public double ComputeThrows { get; init; } = 0.1;

    public double ComputeHangs { get; init; } = 0.05;

    public double DeciderThrows { get; init; } = 0.02;

    public double SlotDies { get; init; } = 0.1;

    /// <summary>A slot takes longer than its lease, which is not renewed.</summary>
    public double SlotHangs { get; init; } = 0.1;

    public Misfortunes Misfortunes { get; init; } = Misfortunes.All;

    /// <summary>Mean time between two of <see cref="Misfortunes"/>.</summary>
    public TimeSpan MisfortuneEvery { get; init; } = TimeSpan.FromSeconds(4);

    public bool Stashes { get; init; }

    public TimeSpan Lease { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Settings small enough that every limit is met.</summary>
    public int MailPage { get; init; } = 3;

    public int MailInMemory { get; init; } = 12;

    public int BatchMessages { get; init; } = 4;

    public int SnapshotEvery { get; init; } = 5;

    public int MaxActive { get; init; } = 5;

    public int MaxRecovering { get; init; } = 2;

    public int Writers { get; init; } = 2;

    public TimeSpan PassivateAfter { get; init; } = TimeSpan.FromSeconds(4);

    /// <summary>How long replies are kept by the store and keys accepted by the core.</summary>
    public TimeSpan KeyLifetime { get; init; } = TimeSpan.FromDays(7);

    /// <summary>How much earlier than it forgets the reply the core refuses the key; more than the clocks ever step.</summary>
    public static TimeSpan KeyMargin { get; } = TimeSpan.FromSeconds(12);

    public PlantedBug Bug { get; init; }

    /// <summary>The world of a seed: most are small, some large; each leaves out about half of the faults.</summary>
    public static SimulationOptions Draw(long seed, PlantedBug bug = PlantedBug.None)
    {
        var r = new SimRandom(seed, stream: 1);
        double Rate(double most) => r.Next(2) == 0 ? 0 : most * Math.Pow(10, -1.5 * r.NextDouble());
        var large = r.Next(50) == 0;
        var misfortunes = Misfortunes.None;
        for (var bit = 1; bit < (int)Misfortunes.All; bit <<= 1)
        {
            if (r.Next(100) < 35) misfortunes |= (Misfortunes)bit;
        }
        var shortKeys = r.Next(8) == 0;
        if (shortKeys) misfortunes &= ~Misfortunes.Freeze;
        return new SimulationOptions
        {
            Nodes = large ? r.Between(3, 6) : r.Between(1, 3),
            Shards = large ? r.Between(6, 16) : r.Between(1, 5),
            Entities = large ? r.Between(6, 20) : r.Between(1, 6),
            Clients = large ? r.Between(3, 6) : r.Between(1, 3),
            OpsPerClient = large ? r.Between(15, 40) : r.Between(4, 12),
            Hostile = TimeSpan.FromSeconds(large ? r.Between(40, 120) : r.Between(8, 24)),
            StoreFails = Rate(0.1),
            CommitFails = Rate(0.15),
            PartFails = Rate(0.15),
            CommitUnknown = Rate(0.3),
            CommitDoubled = Rate(0.3),
            Slow = Rate(0.2),
            HintLost = Rate(1),
            HintDoubled = Rate(0.5),
            ClientLoses = Rate(0.3),
            ClientDoubles = Rate(0.5),
            ClientRepeats = Rate(0.5),
            ComputeThrows = Rate(0.3),
            ComputeHangs = Rate(0.3),
            DeciderThrows = Rate(0.2),
            SlotDies = Rate(0.6),
            SlotHangs = Rate(0.5),
            Misfortunes = misfortunes,
            MisfortuneEvery = TimeSpan.FromSeconds(1.5 + 5 * r.NextDouble()),
            Stashes = r.Next(4) == 0,
            Lease = TimeSpan.FromSeconds(r.Between(6, 12)),
            MailPage = r.Between(1, 6),
            MailInMemory = r.Between(4, 24),
            BatchMessages = r.Between(1, 8),
            SnapshotEvery = r.Between(1, 8),
            MaxActive = r.Between(1, 8),
            MaxRecovering = r.Between(1, 3),
            Writers = r.Between(1, 4),
            PassivateAfter = TimeSpan.FromSeconds(0.5 + 6 * r.NextDouble()),
            KeyLifetime = shortKeys ? TimeSpan.FromSeconds(30) : TimeSpan.FromDays(7),
            Bug = bug,
        };
    }
}
