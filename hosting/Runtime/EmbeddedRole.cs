namespace Athanor.Hosting.Runtime;

/// <summary>What a hosted cluster does beside answering.</summary>
public enum EmbeddedRole
{
    /// <summary>Everything: timers wake entities, slots do work. For <c>node</c> and for commands that wait for work.</summary>
    Full,

    /// <summary>Timers and slots are off. For commands that only read or append: they must not resume work on the way.</summary>
    AppendOnly,
}
