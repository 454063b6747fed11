using System.Collections.Immutable;
using System.Runtime.InteropServices;
using Athanor.Hosting.Core;
using Athanor.Hosting.Stores;
using Athanor.Protocol;

namespace Athanor.Hosting.Transport;

/// <summary>
/// What goes between nodes, as MessagePack: maps of integer keys of which a reader skips those that it does not know. A key is never given
/// another meaning. What an old reader must not skip raises <see cref="Version"/>, and is written only when every node of the cluster reads
/// it. Bytes from another node are read as those of a stranger: all they can cause is a <see cref="MessageFormatException"/>.
/// </summary>
internal static class NodeEnvelope
{
    public const int Version = 1;

    public const int MaxShards = 4096;

    // A kind is family.name; a principal is a token's subject or a certificate's name. Longer ones are no such thing.
    private const int MaxKind = 256;
    private const int MaxPrincipal = 1024;
    private const int MaxReason = 16 << 10;
    private const int MaxName = 512;

    public static readonly TimeSpan MaxDeadline = TimeSpan.FromDays(1);

    public static byte[] Write(NodeRequest request)
    {
        var writer = new MessagePackWriter(capacity: request.Message.Body.Length + 256);
        writer.BeginMap(10 + Count(request.Key) + Count(request.TraceParent) + (request.Order is null ? 0 : 3));
        Pair(writer, 0, Version);
        Pair(writer, 1, request.To.Tenant);
        Pair(writer, 2, request.To.Family);
        Pair(writer, 3, request.To.Id);
        Pair(writer, 4, request.Message.Kind);
        Pair(writer, 5, request.Message.Version);
        Pair(writer, 6, request.Message.Body.Span);
        Pair(writer, 7, (request.IsQuery ? 1 : 0) | (request.Consistent ? 2 : 0));
        Pair(writer, 8, request.Deadline.Ticks);
        if (request.Key is { } key)
        {
            writer.Write(9);
            writer.Write(key);
        }
        Pair(writer, 10, request.Principal);
        if (request.TraceParent is { } trace) Pair(writer, 11, trace);
        if (request.Order is { } order)
        {
            Pair(writer, 12, order.Session);
            Pair(writer, 13, order.Number);
            Pair(writer, 14, order.Oldest);
        }
        writer.End();
        return writer.ToArray();
    }

    /// <param name="bytes">Kept: the message's body is a part of it.</param>
    public static NodeRequest ReadRequest(ReadOnlyMemory<byte> bytes)
    {
        var reader = new MessagePackReader(bytes.Span);
        var fields = new Fields();
        string? tenant = null, family = null, id = null, principal = null, trace = null, session = null;
        Guid? key = null;
        long flags = 0, number = 0, oldest = 0;
        for (var pairs = reader.BeginMap(); pairs > 0; pairs--)
        {
            switch (fields.Next(ref reader))
            {
                case 0: CheckVersion(ref reader); break;
                case 1: tenant = Part(ref reader, "tenant"); break;
                case 2: family = Part(ref reader, "family"); break;
                case 3: id = Part(ref reader, "id"); break;
                case 4: fields.Kind = Text(ref reader, "kind", MaxKind); break;
                case 5: fields.MessageVersion = reader.ReadInt32(); break;
                case 6: fields.Body = Slice(ref reader, bytes); break;
                case 7: flags = reader.ReadInt64(); break;
                case 8: fields.Deadline = Deadline(ref reader); break;
                case 9: key = reader.ReadGuid(); break;
                case 10: principal = Text(ref reader, "principal", MaxPrincipal); break;
                case 11: trace = Text(ref reader, "traceparent", MaxName); break;
                case 12: session = Text(ref reader, "session", MaxName); break;
                case 13: number = reader.ReadInt64(); break;
                case 14: oldest = reader.ReadInt64(); break;
                default: reader.Skip(); break;
            }
        }
        reader.End();
        reader.EndOfData();
        fields.Require(in reader, "a request", 0, 1, 2, 3, 4, 5, 6, 8, 10);
        if (session is not null) fields.Require(in reader, "a session's request", 13, 14);
        return new NodeRequest(
            new EntityAddress(tenant!, family!, id!), fields.Message, (flags & 1) != 0, (flags & 2) != 0, key, principal!, trace,
            fields.Deadline, session is null ? null : new ClientOrder(session, number, oldest));
    }

    public static byte[] Write(NodeAnswer answer)
    {
        var writer = new MessagePackWriter(capacity: (answer.Reply?.Body.Length ?? 0) + 128);
        writer.BeginMap(1 + (answer.Reply is null ? 0 : 3) + (answer.Why is null ? 0 : 1) + (answer.Reason == "" ? 0 : 1)
            + Count(answer.OwnerNode) + Count(answer.OwnerAddress));
        Pair(writer, 0, Version);
        if (answer.Reply is { } reply)
        {
            Pair(writer, 4, reply.Kind);
            Pair(writer, 5, reply.Version);
            Pair(writer, 6, reply.Body.Span);
        }
        if (answer.Why is { } why) Pair(writer, 7, (int)why);
        if (answer.Reason != "") Pair(writer, 8, answer.Reason.Length > MaxReason / 4 ? answer.Reason[..(MaxReason / 4)] : answer.Reason);
        if (answer.OwnerNode is { } owner) Pair(writer, 9, owner);
        if (answer.OwnerAddress is { } address) Pair(writer, 10, address);
        writer.End();
        return writer.ToArray();
    }

    /// <param name="bytes">Kept: the reply's body is a part of it.</param>
    public static NodeAnswer ReadAnswer(ReadOnlyMemory<byte> bytes)
    {
        var reader = new MessagePackReader(bytes.Span);
        var fields = new Fields();
        var reason = "";
        string? owner = null, address = null;
        Refusal? why = null;
        for (var pairs = reader.BeginMap(); pairs > 0; pairs--)
        {
            switch (fields.Next(ref reader))
            {
                case 0: CheckVersion(ref reader); break;
                case 4: fields.Kind = Text(ref reader, "kind", MaxKind); break;
                case 5: fields.MessageVersion = reader.ReadInt32(); break;
                case 6: fields.Body = Slice(ref reader, bytes); break;
                // A refusal of a later build is one that this build can only try again after.
                case 7: why = (Refusal)reader.ReadInt32() is var known && Enum.IsDefined(known) ? known : Refusal.Unavailable; break;
                case 8: reason = Text(ref reader, "reason", MaxReason); break;
                case 9: owner = Text(ref reader, "owner", MaxName); break;
                case 10: address = Text(ref reader, "owner's address", MaxName); break;
                default: reader.Skip(); break;
            }
        }
        reader.End();
        reader.EndOfData();
        fields.Require(in reader, "an answer", 0);
        if (why is not null) return new NodeAnswer(null, why, reason, owner, address);
        fields.Require(in reader, "an answer without a refusal", 4, 5, 6);
        return new NodeAnswer(fields.Message, null, reason, owner, address);
    }

    public static byte[] WriteHint(ReadOnlySpan<int> shards)
    {
        var writer = new MessagePackWriter(capacity: 16 + (5 * shards.Length));
        writer.BeginMap(2);
        Pair(writer, 0, Version);
        writer.Write(1);
        writer.WriteArray(shards);
        writer.End();
        return writer.ToArray();
    }

    public static ImmutableArray<int> ReadHint(ReadOnlySpan<byte> bytes)
    {
        var reader = new MessagePackReader(bytes);
        var fields = new Fields();
        ImmutableArray<int> shards = [];
        for (var pairs = reader.BeginMap(); pairs > 0; pairs--)
        {
            switch (fields.Next(ref reader))
            {
                case 0: CheckVersion(ref reader); break;
                case 1: shards = Shards(ref reader); break;
                default: reader.Skip(); break;
            }
        }
        reader.End();
        reader.EndOfData();
        fields.Require(in reader, "a hint", 0, 1);
        return shards;
    }

    private static int Count(object? value) => value is null ? 0 : 1;

    private static void Pair(MessagePackWriter writer, int key, long value)
    {
        writer.Write(key);
        writer.Write(value);
    }

    private static void Pair(MessagePackWriter writer, int key, string value)
    {
        writer.Write(key);
        writer.Write(value);
    }

    private static void Pair(MessagePackWriter writer, int key, ReadOnlySpan<byte> value)
    {
        writer.Write(key);
        writer.WriteBytes(value);
    }

    private static void CheckVersion(ref MessagePackReader reader)
    {
        var version = reader.ReadInt32();
        if (version != Version)
            throw reader.Error($"this build reads envelopes of version {Version}, not {version}; is the other node of a later release?");
    }

    private static string Text(ref MessagePackReader reader, string what, int longest)
    {
        var before = reader;
        if (before.ReadUtf8().Length > longest) throw reader.Error($"the {what} is longer than {longest} bytes");
        return reader.ReadString();
    }

    private static string Part(ref MessagePackReader reader, string what)
    {
        var text = Text(ref reader, what, EntityAddress.MaxPartLength);
        return EntityAddress.IsValidPart(text)
            ? text
            : throw reader.Error($"the {what} is not 1 to 128 of letters, digits, '.', '_' and '-'");
    }

    private static TimeSpan Deadline(ref MessagePackReader reader)
    {
        var ticks = reader.ReadInt64();
        return ticks > 0 && ticks <= MaxDeadline.Ticks ? new TimeSpan(ticks) : throw reader.Error("the deadline is not within 0 to 1 day");
    }

    private static ReadOnlyMemory<byte> Slice(ref MessagePackReader reader, ReadOnlyMemory<byte> bytes)
    {
        var length = reader.ReadBytes().Length;
        return bytes.Slice(reader.Position - length, length);
    }

    private static ImmutableArray<int> Shards(ref MessagePackReader reader)
    {
        var shards = reader.ReadInt32Array();
        if (shards.Length > MaxShards) throw reader.Error($"a hint names at most {MaxShards} shards, found {shards.Length}");
        foreach (var shard in shards)
        {
            if (shard is < 0 or >= MaxShards) throw reader.Error($"{shard} is no shard");
        }
        return ImmutableCollectionsMarshal.AsImmutableArray(shards);
    }

    /// <summary>What requests and answers have in common, and which keys were there.</summary>
    private ref struct Fields
    {
        private uint _seen;

        public string? Kind;
        public int MessageVersion;
        public ReadOnlyMemory<byte> Body;
        public TimeSpan Deadline;

        public readonly StoredMessage Message => new(Kind!, MessageVersion, Body);

        public int Next(ref MessagePackReader reader)
        {
            var key = reader.ReadKey();
            if (key is < 0 or > 31) return -1;
            if ((_seen & (1u << key)) != 0) throw reader.Error($"key {key} stands twice");
            _seen |= 1u << key;
            return key;
        }

        public readonly void Require(in MessagePackReader reader, string what, params ReadOnlySpan<int> keys)
        {
            foreach (var key in keys)
            {
                if ((_seen & (1u << key)) == 0) throw reader.Error($"{what} lacks key {key}");
            }
        }
    }
}
