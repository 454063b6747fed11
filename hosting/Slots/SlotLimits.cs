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

    /// <summary>How often a slot says that it lives.</summary>
    internal static readonly TimeSpan Heartbeat = TimeSpan.FromMilliseconds(250);
}
