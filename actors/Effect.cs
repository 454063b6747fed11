using System.Collections.Immutable;
using Athanor.Protocol;

namespace Athanor.Actors;

/// <summary>What a decider wants done, as data. All effects of one command are committed in one transaction.</summary>
public abstract record Effect
{
    private Effect() { }

    /// <summary>Appends an event; the host applies it, in order, before the next command.</summary>
    public sealed record Persist(IEvent Event) : Effect;

    /// <summary>Answers the command's sender, after the commit.</summary>
    public sealed record Reply(IReply Message) : Effect;

    /// <summary>Sends a command to another entity: a mailbox row in the same transaction, handled once, in order per sender.</summary>
    public sealed record Tell(EntityAddress To, ICommand Command) : Effect;

    /// <summary>Hands a command to another entity of the same node, in memory only: never written down, at most once, dropped (and counted)
    /// if the entity's shard is not open on this node. For what is worth nothing a moment later, never for what must last: that is what
    /// <see cref="Tell"/> is for. It leaves after the commit of what its sender knew.</summary>
    public sealed record Signal(EntityAddress To, ICommand Command) : Effect;

    /// <summary>Starts numerics on the owner's compute threads; <see cref="ComputeCompleted"/> or <see cref="ComputeFailed"/> comes
    /// back under the same name. The state must say that it awaits it (<see cref="IDecider.Awaiting"/>).</summary>
    public sealed record StartCompute(string Name, ICompute Request, TimeSpan Deadline) : Effect;

    /// <summary>Writes a work row; <see cref="WorkCompleted"/> or <see cref="WorkFailed"/> comes back under the same name.</summary>
    /// <param name="Name">Unique among this entity's work for ever, e.g. <c>segment-12</c>; with the address it is the work id, so a
    /// name dispatched a second time has no effect.</param>
    /// <param name="Seed">All chance in the work comes from it.</param>
    /// <param name="Inputs">SHA-256 (hex) of the blobs that the work reads.</param>
    /// <param name="Pool">Whose slots may lease it: <c>cpu</c>, <c>cuda</c>, or <c>peer/NAME</c> for one peer.</param>
    public sealed record Dispatch(
        string Name, IWork Spec, ulong Seed, ImmutableArray<string> Inputs, TimeSpan Deadline, string Pool = "cpu", int Priority = 0) : Effect
    {
        /// <summary>Members of a gang, 1 to 256: each runs the same spec in a slot of its own, at the same time, and knows its rank; the
        /// result of rank 0 is the work's.</summary>
        public int Gang { get; init; } = 1;

        /// <summary>Memory that each slot needs, in bytes; 0 for no more than any slot has.</summary>
        public long MemoryBytes { get; init; }

        /// <summary>Work that has not started by then fails. <see cref="Deadline"/> is the time that it has once it runs.</summary>
        public DateTimeOffset? NotAfter { get; init; }
    }

    /// <summary>Cancels work of this entity that has no result yet; a running slot is stopped.</summary>
    public sealed record CancelWork(string Name) : Effect;

    /// <summary>Sets (or moves) a durable timer of this entity; when due the command is handled as a message from itself.</summary>
    public sealed record SetTimer(string Name, DateTimeOffset Due, ICommand Command) : Effect;

    public sealed record CancelTimer(string Name) : Effect;

    /// <summary>Holds the command back; it is decided again after the next command that persists an event.</summary>
    public sealed record Stash : Effect;

    /// <summary>Lets the host forget the entity until its next message.</summary>
    public sealed record Passivate : Effect;
}
