using System.Collections.Frozen;
using System.Collections.Immutable;

namespace Athanor.Protocol;

/// <summary>Writes a message's body: a map of integer keys in ascending order.</summary>
public delegate void MessageBodyWriter<in T>(MessagePackWriter writer, T message);

/// <summary>Reads a message's body.</summary>
public delegate T MessageBodyReader<out T>(ref MessagePackReader reader);

/// <summary>
/// The kinds that this build can read and write; frozen when built.
/// <code>
/// var messages = MessageRegistry.Of(ProtocolMessages.AddTo, ActorsMessages.AddTo);
/// </code>
/// On the wire and on disk a message is named by its kind and version, never by a type. Its body is a map of integer keys, ascending;
/// null members are left out. Where kind and body lie together (an envelope, a member typed as a marker interface such as
/// <see cref="IWorkResult"/>) they are the array [kind, version, body], and the body is the map itself, not bytes that hold a map: any
/// MessagePack tool shows the whole message, and a reader that does not know the kind can still skip it.
///
/// The registry goes with the writer and the reader; no kind is static, so a test can have its own kinds, and two clusters in one
/// process do not meet.
/// </summary>
public sealed class MessageRegistry
{
    private const int LargestKept = 1 << 16;

    [ThreadStatic]
    private static MessagePackWriter? _writer;

    private readonly FrozenDictionary<Type, Entry> _byType;
    private readonly FrozenDictionary<(string Kind, int Version), Entry> _byKind;

    internal MessageRegistry(IReadOnlyCollection<Entry> entries)
    {
        _byType = entries.ToFrozenDictionary(entry => entry.Type);
        _byKind = entries.ToFrozenDictionary(entry => (entry.Kind, entry.Version));
        Kinds = [.. entries
            .Select(entry => new MessageKind(entry.Kind, entry.Version, entry.Type))
            .OrderBy(kind => kind.Name, StringComparer.Ordinal).ThenBy(kind => kind.Version)];
    }

    /// <summary>Every kind and version, by name.</summary>
    public ImmutableArray<MessageKind> Kinds { get; }

    /// <summary>Builds a registry of the modules that the generator writes, one an assembly: <c>ProtocolMessages.AddTo</c>, ...</summary>
    public static MessageRegistry Of(params ReadOnlySpan<Action<MessageRegistryBuilder>> modules)
    {
        var builder = new MessageRegistryBuilder();
        foreach (var module in modules) module(builder);
        return builder.Build();
    }

    public bool Knows(string kind, int version) => _byKind.ContainsKey((kind, version));

    public string KindOf(IMessage message) => EntryOf(message).Kind;

    public int VersionOf(IMessage message) => EntryOf(message).Version;

    /// <summary>The canonical bytes of a message's body.</summary>
    public byte[] Encode(IMessage message) => Encode(message, out _, out _);

    /// <summary>The canonical bytes of a message's body, and its name.</summary>
    public byte[] Encode(IMessage message, out string kind, out int version)
    {
        var entry = EntryOf(message);
        (kind, version) = (entry.Kind, entry.Version);
        // One writer a thread is kept, with its buffer, unless a large message has made that large.
        var writer = _writer is { } kept && ReferenceEquals(kept.Registry, this) ? kept : new MessagePackWriter(this);
        _writer = null;
        entry.Write(writer, message);
        var bytes = writer.ToArray();
        if (bytes.Length <= LargestKept)
        {
            writer.Clear();
            _writer = writer;
        }
        return bytes;
    }

    /// <exception cref="UnknownKindException">This build does not know the kind or the version.</exception>
    /// <exception cref="MessageFormatException">The body is not one of that kind.</exception>
    public IMessage Decode(string kind, int version, ReadOnlySpan<byte> body)
    {
        var reader = new MessagePackReader(body, this);
        var message = EntryOf(kind, version).Read(ref reader);
        reader.EndOfData();
        return message;
    }

    /// <summary>[kind, version, body].</summary>
    public byte[] EncodeEnvelope(IMessage message)
    {
        var writer = new MessagePackWriter(this);
        Write(writer, message);
        return writer.ToArray();
    }

    public IMessage DecodeEnvelope(ReadOnlySpan<byte> envelope)
    {
        var reader = new MessagePackReader(envelope, this);
        var message = Read(ref reader);
        reader.EndOfData();
        return message;
    }

    internal void Write(MessagePackWriter writer, IMessage message)
    {
        var entry = EntryOf(message);
        writer.BeginArray(3);
        writer.Write(entry.Kind);
        writer.Write(entry.Version);
        entry.Write(writer, message);
        writer.End();
    }

    internal IMessage Read(ref MessagePackReader reader)
    {
        var count = reader.BeginArray();
        if (count != 3) throw reader.Error($"a message is the array [kind, version, body], found {count} items");
        var message = EntryOf(reader.ReadString(), reader.ReadInt32()).Read(ref reader);
        reader.End();
        return message;
    }

    private Entry EntryOf(IMessage message) => _byType.TryGetValue(message.GetType(), out var entry)
        ? entry
        : throw new UnknownKindException(message.GetType().Name, 0,
            $"{message.GetType().FullName} is in no module of this registry: is it marked [Message], and was its assembly's AddTo called?");

    private Entry EntryOf(string kind, int version)
    {
        if (_byKind.TryGetValue((kind, version), out var entry)) return entry;
        var known = string.Join(", ", Kinds.Where(k => k.Name == kind).Select(k => k.Version));
        throw new UnknownKindException(kind, version, known == ""
            ? $"this build does not know the message kind '{kind}'"
            : $"this build knows versions {known} of the message kind '{kind}', not {version}");
    }

    internal abstract record Entry(string Kind, int Version, Type Type)
    {
        public abstract void Write(MessagePackWriter writer, IMessage message);

        public abstract IMessage Read(ref MessagePackReader reader);
    }

    internal sealed record Entry<T>(string Kind, int Version, MessageBodyWriter<T> Writer, MessageBodyReader<T> Reader)
        : Entry(Kind, Version, typeof(T))
        where T : IMessage
    {
        public override void Write(MessagePackWriter writer, IMessage message) => Writer(writer, (T)message);

        public override IMessage Read(ref MessagePackReader reader) => Reader(ref reader);
    }
}

/// <summary>One kind of message in one version, and the type that it is read as.</summary>
public readonly record struct MessageKind(string Name, int Version, Type Type);

/// <summary>Gathers kinds. A kind in one version is one type, and a type one kind.</summary>
public sealed class MessageRegistryBuilder
{
    private readonly Dictionary<(string, int), MessageRegistry.Entry> _entries = [];
    private readonly HashSet<Type> _types = [];

    public MessageRegistryBuilder Add<T>(string kind, int version, MessageBodyWriter<T> writer, MessageBodyReader<T> reader)
        where T : IMessage
    {
        if (!_entries.TryAdd((kind, version), new MessageRegistry.Entry<T>(kind, version, writer, reader)))
        {
            throw new ArgumentException(
                $"the message kind '{kind}' version {version} is both {_entries[(kind, version)].Type} and {typeof(T)}");
        }
        if (!_types.Add(typeof(T))) throw new ArgumentException($"{typeof(T)} was added twice");
        return this;
    }

    public MessageRegistry Build() => new(_entries.Values);
}
