using System.IO.Compression;
using Athanor.Protocol;

namespace Athanor.Hosting.Stores.Segments;

/// <summary>An entity's states at the two ends of a segment, each proven by replay when the segment was made.</summary>
/// <param name="Before">After the last event before the segment; null if the segment holds its first event.</param>
/// <param name="After">After its last event in the segment.</param>
public sealed record SegmentEnd(SnapshotRow? Before, SnapshotRow After);

/// <summary>
/// What a segment's two blobs hold: MessagePack under Brotli (RFC 7932), so that any language can read them. Events are written by columns
/// (layout 2, <see cref="SegmentColumns"/>), and read in the first layout as well:
/// <code>
/// events  ["athanor.segment", 1, shard, family, [event, ...]]
/// event   [number, incarnation, counter, entity, entity number, kind, version, body, time in ticks (UTC, 100 ns since year 1),
///          principal, trace or nil, previous hash, hash]
/// ends    ["athanor.segment-ends", 1, [[snapshot or nil, snapshot], ...]]
/// snapshot  [entity, entity number, kind, version, body, hash of the event]
/// </code>
/// </summary>
internal static class SegmentBlob
{
    private const string EventsName = "athanor.segment";
    private const string EndsName = "athanor.segment-ends";
    private const int Layout = 1;

    /// <summary>Writes layout 2, see <see cref="SegmentColumns"/>.</summary>
    public static byte[] WriteEvents(int shard, string family, IReadOnlyList<JournalRow> rows)
    {
        var writer = new MessagePackWriter(capacity: 1 << 16);
        writer.BeginArray(SegmentColumns.Items);
        writer.Write(EventsName);
        writer.Write(SegmentColumns.Layout);
        SegmentColumns.Write(writer, shard, family, rows);
        writer.End();
        return Compress(writer.Written);
    }

    /// <exception cref="DamageException">The bytes are no such blob.</exception>
    public static IReadOnlyList<JournalRow> ReadEvents(string blob, byte[] compressed) => Guard(blob, compressed, bytes =>
    {
        var reader = new MessagePackReader(bytes);
        if (Begin(ref reader, EventsName, (Layout, 5), (SegmentColumns.Layout, SegmentColumns.Items)) == SegmentColumns.Layout)
        {
            var columns = SegmentColumns.Read(ref reader);
            reader.End();
            reader.EndOfData();
            return columns;
        }
        var shard = reader.ReadInt32();
        _ = reader.ReadString();
        var rows = new JournalRow[reader.BeginArray()];
        for (var i = 0; i < rows.Length; i++)
        {
            reader.BeginArray();
            var number = reader.ReadInt64();
            var epoch = new Epoch(reader.ReadInt64(), reader.ReadInt64());
            var entity = Address(ref reader);
            var entityNumber = reader.ReadInt64();
            var message = Message(ref reader);
            var time = new DateTimeOffset(reader.ReadInt64(), TimeSpan.Zero);
            var principal = reader.ReadString();
            var trace = reader.TryReadNil() ? null : reader.ReadString();
            rows[i] = new JournalRow(
                shard, number, epoch, entity, entityNumber, message, time, principal, trace, reader.ReadByteArray(), reader.ReadByteArray());
            reader.End();
        }
        reader.End();
        reader.End();
        reader.EndOfData();
        return rows;
    });

    public static byte[] WriteEnds(IReadOnlyList<SegmentEnd> ends)
    {
        var writer = new MessagePackWriter(capacity: 1 << 14);
        writer.BeginArray(3);
        writer.Write(EndsName);
        writer.Write(Layout);
        writer.BeginArray(ends.Count);
        foreach (var end in ends)
        {
            writer.BeginArray(2);
            if (end.Before is null) writer.WriteNil();
            else Write(writer, end.Before);
            Write(writer, end.After);
            writer.End();
        }
        writer.End();
        writer.End();
        return Compress(writer.Written);
    }

    /// <exception cref="DamageException">The bytes are no such blob.</exception>
    public static IReadOnlyList<SegmentEnd> ReadEnds(string blob, byte[] compressed) => Guard(blob, compressed, bytes =>
    {
        var reader = new MessagePackReader(bytes);
        Begin(ref reader, EndsName, (Layout, 3));
        var ends = new SegmentEnd[reader.BeginArray()];
        for (var i = 0; i < ends.Length; i++)
        {
            reader.BeginArray();
            var before = reader.TryReadNil() ? null : Snapshot(ref reader);
            ends[i] = new SegmentEnd(before, Snapshot(ref reader));
            reader.End();
        }
        reader.End();
        reader.End();
        reader.EndOfData();
        return ends;
    });

    private static void Write(MessagePackWriter writer, in StoredMessage message)
    {
        writer.Write(message.Kind);
        writer.Write(message.Version);
        writer.WriteBytes(message.Body.Span);
    }

    private static void Write(MessagePackWriter writer, SnapshotRow row)
    {
        writer.BeginArray(6);
        writer.Write(row.Entity.ToString());
        writer.Write(row.EntityNumber);
        Write(writer, row.State);
        writer.WriteBytes(row.EventHash.Span);
        writer.End();
    }

    private static int Begin(ref MessagePackReader reader, string name, params ReadOnlySpan<(int Layout, int Items)> known)
    {
        var count = reader.BeginArray();
        var found = reader.ReadString();
        var layout = reader.ReadInt32();
        if (found != name || !known.Contains((layout, count)))
            throw reader.Error($"expected {name} of a known layout, found {found} of layout {layout}");
        return layout;
    }

    private static EntityAddress Address(ref MessagePackReader reader)
    {
        var text = reader.ReadString();
        return EntityAddress.TryParse(text, out var address) ? address : throw reader.Error($"'{text}' is no address");
    }

    private static StoredMessage Message(ref MessagePackReader reader) =>
        new(reader.ReadString(), reader.ReadInt32(), reader.ReadByteArray());

    private static SnapshotRow Snapshot(ref MessagePackReader reader)
    {
        reader.BeginArray();
        var row = new SnapshotRow(Address(ref reader), reader.ReadInt64(), Message(ref reader), reader.ReadByteArray());
        reader.End();
        return row;
    }

    private static byte[] Compress(ReadOnlySpan<byte> bytes)
    {
        using var buffer = new MemoryStream();
        // Level 5 of 11: within a few per cent of the best at a tenth of its time.
        using (var brotli = new BrotliStream(buffer, new BrotliCompressionOptions { Quality = 5 }, leaveOpen: true)) brotli.Write(bytes);
        return buffer.ToArray();
    }

    private static T Guard<T>(string blob, byte[] compressed, Func<byte[], T> read)
    {
        try
        {
            using var buffer = new MemoryStream();
            using (var brotli = new BrotliStream(new MemoryStream(compressed), CompressionMode.Decompress)) brotli.CopyTo(buffer);
            return read(buffer.ToArray());
        }
        catch (Exception e) when (e is MessageFormatException or InvalidOperationException or InvalidDataException
            or ArgumentOutOfRangeException or IndexOutOfRangeException or OverflowException)
        {
            throw new DamageException($"blob {blob}", $"it is no sealed segment: {e.Message}");
        }
    }
}
