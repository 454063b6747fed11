using Athanor.Hosting.Stores;
using Athanor.Protocol;

namespace Athanor.Hosting.Core.State;

/// <summary>One message in a mailbox.</summary>
internal abstract class Item
{
    /// <summary>Attempts at it that threw.</summary>
    public int Attempts { get; set; }

    public virtual EntityAddress? Sender => null;

    public virtual string Principal => "system";

    public virtual string? TraceParent => null;

    /// <summary>What it is, for notes and reasons.</summary>
    public abstract string Name { get; }
}

/// <summary>A command of a client. Several asks wait for it when the client sent it again before it was answered.</summary>
internal sealed class ClientItem(ICommand command, string tenant, Guid? key, ReadOnlyMemory<byte> requestHash, string principal,
    string? trace)
    : Item
{
    public ICommand Command { get; } = command;

    public string Tenant { get; } = tenant;

    public Guid? Key { get; } = key;

    public ReadOnlyMemory<byte> RequestHash { get; } = requestHash;

    public List<Ask> Asks { get; } = [];

    /// <summary>Whether the store was asked for a reply under its key and had none. Until then it holds its entity's mailbox.</summary>
    public bool Ready { get; set; }

    /// <summary>Whether it was answered or given up; a mailbox skips it then.</summary>
    public bool IsOver { get; set; }

    /// <summary>Whether its effects are in a batch: then only that batch's outcome answers it.</summary>
    public bool Staged { get; set; }

    /// <summary>Its session and place in it, if the client numbers its commands.</summary>
    public (ClientSession Session, long Number)? Order { get; set; }

    public override string Principal { get; } = principal;

    public override string? TraceParent { get; } = trace;

    public override string Name => Command.GetType().Name;
}

/// <summary>A mailbox row.</summary>
internal sealed class MailItem(MailRow row) : Item
{
    public MailRow Row { get; } = row;

    public override EntityAddress? Sender => Row.Sender;

    public override string? TraceParent => Row.TraceParent;

    public override string Name => Row.Command.Kind;
}

/// <summary>A signal of another entity of this node: in no table, and gone with the term.</summary>
internal sealed class SignalItem(ICommand command, EntityAddress sender, string principal, string? trace) : Item
{
    public ICommand Command { get; } = command;

    public override EntityAddress? Sender { get; } = sender;

    public override string Principal { get; } = principal;

    public override string? TraceParent { get; } = trace;

    public override string Name => Command.GetType().Name;
}

/// <summary>A durable timer that is due.</summary>
internal sealed class TimerItem(TimerEntry entry) : Item
{
    public TimerEntry Entry { get; } = entry;

    public override EntityAddress? Sender => Entry.Row.Entity;

    public override string Name => $"timer {Entry.Row.Name}";
}

/// <summary>What a Compute brought back.</summary>
internal sealed class ComputeItem(RunningCompute compute, ICommand command) : Item
{
    public RunningCompute Compute { get; } = compute;

    public ICommand Command { get; } = command;

    public override string Name => $"compute {Compute.Name}";

    public override string? TraceParent => Compute.Trace;
}

/// <summary>A timer as set last. A timer set anew is a new entry, so an item of the old one is known as stale.</summary>
internal sealed class TimerEntry(Shard shard, TimerRow row)
{
    public Shard Shard { get; } = shard;

    public TimerRow Row { get; } = row;

    /// <summary>Whether it is in the mailbox.</summary>
    public bool Fired { get; set; }
}

/// <summary>A Compute that was started and not handled yet.</summary>
internal sealed class RunningCompute(long id, Entity entity, string name, string? trace)
{
    public long Id { get; } = id;

    public Entity Entity { get; } = entity;

    public string Name { get; } = name;

    /// <summary>Of the command that asked for it; a Compute that is asked for again after recovery has none.</summary>
    public string? Trace { get; } = trace;

    /// <summary>Whether it is in the mailbox; then nothing runs any more.</summary>
    public bool Returned { get; set; }
}
