using System.Collections.Immutable;
using Athanor.Hosting.Stores.Integrity;
using Athanor.Protocol;

namespace Athanor.Hosting.Stores.Segments;

/// <summary>
/// A segment's events by columns, so that what repeats costs next to nothing and hashes, which no compressor makes smaller, are not there:
/// they follow from the events, and each entity's last one is there to be compared with.
/// <code>
/// events   ["athanor.segment", 2, shard, family, entities, kinds, principals, epochs, traces, feed, rows, bodies]
/// entities [[entity, number of its first event, events, hash before its first, hash of its last], ...]
/// kinds    [[kind, version], ...]
/// principals [text, ...]
/// epochs   [[incarnation, counter], ...]
/// traces   [[row, trace], ...], rows counted entity by entity
/// feed     in the order of the feed: entity, number less the one before, time less the one before in ticks
/// rows     entity by entity, in order: kind, principal, epoch, length of the body
/// bodies   entity by entity, kind by kind, length by length, each rising: the bodies of these, transposed: all first bytes, all second,
/// ...
/// </code>
/// In feed and rows one column stands after the other. Their numbers, and indices into the lists, are integers of 7 bits a byte, least
/// first, the sign in the lowest bit. The time begins at the year 1.
/// </summary>
internal static class SegmentColumns
{
    public const int Layout = 2;
    public const int Items = 12;

    public static void Write(MessagePackWriter writer, int shard, string family, IReadOnlyList<JournalRow> rows)
    {
        var entities = new List<List<JournalRow>>();
        var numbers = new Dictionary<EntityAddress, int>();
        var (order, deltas, times) = (new Integers(), new Integers(), new Integers());
        var (number, time) = (0L, 0L);
        foreach (var row in rows)
        {
            if (!numbers.TryGetValue(row.Entity, out var entity))
            {
                numbers.Add(row.Entity, entity = entities.Count);
                entities.Add([]);
            }
            entities[entity].Add(row);
            order.Add(entity);
            deltas.Add(row.Number - number);
            times.Add(row.Time.UtcTicks - time);
            (number, time) = (row.Number, row.Time.UtcTicks);
        }
        var (kinds, principals, epochs) = (new Names<(string, int)>(), new Names<string>(), new Names<Epoch>());
        var (kindColumn, principalColumn, epochColumn, lengths) = (new Integers(), new Integers(), new Integers(), new Integers());
        var (traces, bodies, index) = (new List<(int, string)>(), new Integers(), 0);
        foreach (var entity in entities)
        {
            var groups = new SortedDictionary<(int Kind, int Length), List<ReadOnlyMemory<byte>>>();
            foreach (var row in entity)
            {
                var kind = kinds.Of((row.Event.Kind, row.Event.Version));
                kindColumn.Add(kind);
                principalColumn.Add(principals.Of(row.Principal));
                epochColumn.Add(epochs.Of(row.Epoch));
                lengths.Add(row.Event.Body.Length);
                if (row.TraceParent is { } trace) traces.Add((index, trace));
                index++;
                if (!groups.TryGetValue((kind, row.Event.Body.Length), out var group)) groups.Add((kind, row.Event.Body.Length), group = []);
                group.Add(row.Event.Body);
            }
            foreach (var ((_, length), group) in groups) bodies.Transposed(group, length);
        }

        writer.Write(shard);
        writer.Write(family);
        writer.BeginArray(entities.Count);
        foreach (var entity in entities)
        {
            writer.BeginArray(5);
            writer.Write(entity[0].Entity.ToString());
            writer.Write(entity[0].EntityNumber);
            writer.Write(entity.Count);
            writer.WriteBytes(entity[0].PreviousHash.Span);
            writer.WriteBytes(entity[^1].Hash.Span);
            writer.End();
        }
        writer.End();
        writer.BeginArray(kinds.All.Count);
        foreach (var (kind, version) in kinds.All)
        {
            writer.BeginArray(2);
            writer.Write(kind);
            writer.Write(version);
            writer.End();
        }
        writer.End();
        writer.BeginArray(principals.All.Count);
        foreach (var principal in principals.All) writer.Write(principal);
        writer.End();
        writer.BeginArray(epochs.All.Count);
        foreach (var epoch in epochs.All)
        {
            writer.BeginArray(2);
            writer.Write(epoch.Incarnation);
            writer.Write(epoch.Counter);
            writer.End();
        }
        writer.End();
        writer.BeginArray(traces.Count);
        foreach (var (row, trace) in traces)
        {
            writer.BeginArray(2);
            writer.Write(row);
            writer.Write(trace);
            writer.End();
        }
        writer.End();
        writer.WriteBytes([.. order.Written, .. deltas.Written, .. times.Written]);
        writer.WriteBytes([.. kindColumn.Written, .. principalColumn.Written, .. epochColumn.Written, .. lengths.Written]);
        writer.WriteBytes(bodies.Written);
    }

    /// <summary>The rows in the order of the feed, their hashes calculated and each entity's last one compared.</summary>
    public static JournalRow[] Read(ref MessagePackReader reader)
    {
        var shard = reader.ReadInt32();
        _ = reader.ReadString();
        var entities = new Entity[reader.BeginArray()];
        for (var i = 0; i < entities.Length; i++)
        {
            reader.BeginArray();
            var text = reader.ReadString();
            if (!EntityAddress.TryParse(text, out var address)) throw reader.Error($"'{text}' is no address");
            entities[i] = new Entity(address, reader.ReadInt64(), reader.ReadInt32(), reader.ReadByteArray(), reader.ReadByteArray());
            if (entities[i].Count < 1) throw reader.Error($"{text} has {entities[i].Count} events");
            reader.End();
        }
        reader.End();
        var kinds = new (string Kind, int Version)[reader.BeginArray()];
        for (var i = 0; i < kinds.Length; i++)
        {
            reader.BeginArray();
            kinds[i] = (reader.ReadString(), reader.ReadInt32());
            reader.End();
        }
        reader.End();
        var principals = new string[reader.BeginArray()];
        for (var i = 0; i < principals.Length; i++) principals[i] = reader.ReadString();
        reader.End();
        var epochs = new Epoch[reader.BeginArray()];
        for (var i = 0; i < epochs.Length; i++)
        {
            reader.BeginArray();
            epochs[i] = new Epoch(reader.ReadInt64(), reader.ReadInt64());
            reader.End();
        }
        reader.End();
        var traces = new Dictionary<int, string>();
        for (var left = reader.BeginArray(); left > 0; left--)
        {
            reader.BeginArray();
            traces[reader.ReadInt32()] = reader.ReadString();
            reader.End();
        }
        reader.End();
        var (feed, columns, bodies) = (reader.ReadByteArray(), reader.ReadByteArray(), reader.ReadByteArray());
        return Rows(shard, entities, kinds, principals, epochs, traces, feed, columns, bodies);
    }

    private static JournalRow[] Rows(
        int shard, Entity[] entities, (string Kind, int Version)[] kinds, string[] principals, Epoch[] epochs, Dictionary<int, string> traces,
        byte[] feed, byte[] columns, byte[] bodies)
    {
        var count = entities.Sum(static e => e.Count);
        var at = 0;
        var (kindOf, principalOf, epochOf, lengthOf) = (Column(columns, ref at, count), Column(columns, ref at, count), Column(columns, ref at, count), Column(columns, ref at, count));
        var events = new StoredMessage[count];
        var (first, from) = (0, 0);
        foreach (var entity in entities)
        {
            var mine = Enumerable.Range(first, entity.Count);
            foreach (var group in mine.GroupBy(i => (Kind: kindOf[i], Length: lengthOf[i])).OrderBy(static g => g.Key))
            {
                var (members, length) = (group.ToList(), (int)group.Key.Length);
                var (kind, version) = kinds[group.Key.Kind];
                for (var m = 0; m < members.Count; m++)
                {
                    var body = new byte[length];
                    for (var b = 0; b < length; b++) body[b] = bodies[from + (b * members.Count) + m];
                    events[members[m]] = new StoredMessage(kind, version, body);
                }
                from += members.Count * length;
            }
            first += entity.Count;
        }
        at = 0;
        var (order, deltas, times) = (Column(feed, ref at, count), Column(feed, ref at, count), Column(feed, ref at, count));
        var rows = new JournalRow[count];
        var starts = new int[entities.Length];
        for (var e = 1; e < starts.Length; e++) starts[e] = starts[e - 1] + entities[e - 1].Count;
        var (next, hashes) = (new int[entities.Length], entities.Select(static e => e.Before).ToArray());
        var (number, time) = (0L, 0L);
        for (var i = 0; i < count; i++)
        {
            var e = (int)order[i];
            var (entity, index) = (entities[e], starts[e] + next[e]);
            number += deltas[i];
            time += times[i];
            var entityNumber = entity.First + next[e]++;
            var hash = EventHash.Compute(entity.Address, entityNumber, events[index], hashes[e]);
            rows[i] = new JournalRow(
                shard, number, epochs[epochOf[index]], entity.Address, entityNumber, events[index], new DateTimeOffset(time, TimeSpan.Zero),
                principals[principalOf[index]], traces.GetValueOrDefault(index), hashes[e], hash);
            hashes[e] = hash;
        }
        for (var e = 0; e < entities.Length; e++)
        {
            if (next[e] != entities[e].Count || !hashes[e].AsSpan().SequenceEqual(entities[e].After))
                throw new InvalidDataException($"the events of {entities[e].Address} do not lead to the hash of its last one");
        }
        return rows;
    }

    private static long[] Column(byte[] from, ref int at, int count)
    {
        var values = new long[count];
        for (var i = 0; i < count; i++)
        {
            ulong value = 0;
            for (var shift = 0; ; shift += 7)
            {
                if (at >= from.Length || shift > 63) throw new InvalidDataException("a column ends too early");
                var part = from[at++];
                value |= (ulong)(part & 0x7F) << shift;
                if (part < 0x80) break;
            }
            values[i] = (long)(value >> 1) ^ -(long)(value & 1);
        }
        return values;
    }

    private sealed record Entity(EntityAddress Address, long First, int Count, byte[] Before, byte[] After);

    private sealed class Names<T>
        where T : notnull
    {
        private readonly Dictionary<T, int> _known = [];

        public List<T> All { get; } = [];

        public int Of(T name)
        {
            if (_known.TryGetValue(name, out var index)) return index;
            _known.Add(name, All.Count);
            All.Add(name);
            return All.Count - 1;
        }
    }

    private sealed class Integers
    {
        private byte[] _bytes = new byte[256];
        private int _count;

        public ReadOnlySpan<byte> Written => _bytes.AsSpan(0, _count);

        public void Add(long value)
        {
            Room(10);
            var left = (ulong)((value << 1) ^ (value >> 63));
            while (left >= 0x80)
            {
                _bytes[_count++] = (byte)(left | 0x80);
                left >>= 7;
            }
            _bytes[_count++] = (byte)left;
        }

        public void Transposed(List<ReadOnlyMemory<byte>> bodies, int length)
        {
            Room(bodies.Count * length);
            for (var m = 0; m < bodies.Count; m++)
            {
                var body = bodies[m].Span;
                for (var b = 0; b < length; b++) _bytes[_count + (b * bodies.Count) + m] = body[b];
            }
            _count += bodies.Count * length;
        }

        private void Room(int more)
        {
            if (_count + more > _bytes.Length) Array.Resize(ref _bytes, Math.Max(_bytes.Length * 2, _count + more));
        }
    }
}
