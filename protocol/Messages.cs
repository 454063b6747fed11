namespace Athanor.Protocol;

/// <summary>Anything that is written to the journal or to the wire. A record marked with <see cref="MessageAttribute"/>;
/// the source generator writes its MessagePack reader and writer.</summary>
public interface IMessage;

/// <summary>Asks an entity to change. Durable in effect: answered only after its commit.</summary>
public interface ICommand : IMessage;

/// <summary>A command that has no second effect when it is handled again, whatever came between. It needs no key, and no reply is kept for it:
/// whoever does not know what became of it asks again.</summary>
public interface IRepeatable : ICommand;

/// <summary>Asks an entity what it knows. Volatile; answered from committed state.</summary>
public interface IQuery : IMessage;

/// <summary>The answer to a command or a query.</summary>
public interface IReply : IMessage;

/// <summary>What happened to an entity; the journal holds these. <c>Apply</c> copies from it and never calculates.</summary>
public interface IEvent : IMessage;

/// <summary>The state of an entity, as a snapshot stores it. Its canonical bytes are what state hashes are taken of.</summary>
public interface IState : IMessage;

/// <summary>The spec of work that any free slot or peer may do, twice without harm.</summary>
public interface IWork : IMessage;

/// <summary>What work brought back.</summary>
public interface IWorkResult : IMessage;

/// <summary>Numerics of microseconds to a second, done beside the mailbox on the owner's compute threads.</summary>
public interface ICompute : IMessage;

/// <summary>What a <see cref="ICompute"/> brought back.</summary>
public interface IComputeResult : IMessage;

/// <summary>Names a message on the wire and on disk. The kind never changes; the version rises when a key's meaning does.</summary>
/// <param name="kind">family.name in lower case with dashes, e.g. <c>twins.measure</c>.</param>
/// <param name="version">Version of this kind's layout, from 1.</param>
[AttributeUsage(AttributeTargets.Class | AttributeTargets.Struct)]
public sealed class MessageAttribute(string kind, int version = 1) : Attribute
{
    public string Kind { get; } = kind;

    public int Version { get; } = version;

    /// <summary>The feature level since which the kind exists; 0 is the first release's. It is written only where the cluster's recorded
    /// level is at least this.</summary>
    public int Since { get; set; }
}

/// <summary>Marks a record that is only ever a part of messages: it has keys, and no kind.</summary>
[AttributeUsage(AttributeTargets.Class | AttributeTargets.Struct)]
public sealed class MessagePartAttribute : Attribute;

/// <summary>The integer key of a member. A reader skips keys that it does not know; a key that is absent reads as the
/// member's default (an empty array, an empty map, null, zero).</summary>
[AttributeUsage(AttributeTargets.Parameter | AttributeTargets.Property)]
public sealed class KeyAttribute(int key) : Attribute
{
    public int Key { get; } = key;
}
