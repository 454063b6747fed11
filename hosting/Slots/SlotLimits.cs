namespace Athanor.Hosting.Slots;

/// <summary>When a slot is killed.</summary>
/// <param name="MemoryBytes">Resident memory of the process, polled; 0 for no limit.</param>
/// <param name="Silence">Longest time without a heartbeat: a stopped, swapping or deadlocked process.</param>
/// <param name="Grace">Between asking a slot to stop its job and killing it.</param>
/// <param name="Poll">How often memory, silence and deadline are looked at.</param>
public sealed record SlotLimits(long MemoryBytes, TimeSpan Silence, TimeSpan Grace, TimeSpan Poll)
{
    public static SlotLimits Default { get; } =
        new(4L << 30, TimeSpan.FromSeconds(30), TimeSpan.FromSeconds(2), TimeSpan.FromMilliseconds(200));

    /// <summary>What the system itself refuses to exceed: private writable memory, touched or not, in bytes; 0 for no limit.</summary>
    public long HardBytes { get; init; }

    /// <summary>A quarter above the limit and what the runtime maps without using it, so that the polled limit speaks first.</summary>
    internal static long HardAbove(long memoryBytes) => memoryBytes <= 0 ? 0 : memoryBytes + memoryBytes / 4 + (256L << 20);

    /// <summary>The same for a member of a gang, where it is shorter: the others wait for it in every step, and at forming the gang have no
    /// collective whose time-out would miss it.</summary>
    public TimeSpan GangSilence { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How often a slot says that it lives.</summary>
    internal static readonly TimeSpan Heartbeat = TimeSpan.FromMilliseconds(250);
}
