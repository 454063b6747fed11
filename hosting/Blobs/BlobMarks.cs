using Athanor.Hosting.Stores;
using Athanor.Hosting.Stores.Segments;

namespace Athanor.Hosting.Blobs;

/// <summary>
/// Finds the blobs that a store's rows name. The rule (docs/decisions, "What keeps a blob"): a blob is named by its SHA-256 as 64
/// lower-case hexadecimal digits anywhere in the bytes of a row, so every kind of message, of every build, names its blobs without
/// knowing of the collection. Digits that happen to look like a hash keep a blob for longer than needed, and cost nothing else.
///
/// What moves is read before what stays: mailboxes, timers, work and snapshots first, then replies, the journal, and last the
/// segments into which its events are sealed. A hash
/// that was in a message when it was handled is found in the event that the handling wrote. One that is handed from mailbox to mailbox
/// without an event can escape one mark; the grace in the trash (see <see cref="IBlobCare"/>) is for it.
/// </summary>
internal static class BlobMarks
{
    private const int Page = 1000;

    public static async Task<HashSet<string>> Read(IStore store, IBlobStore blobs, CancellationToken cancellation)
    {
        var marks = new HashSet<string>(StringComparer.Ordinal);
        var journal = store as IJournalStore ?? throw new StoreException("this store cannot say which blobs its rows name");
        for (var shard = 0; shard < store.ShardCount; shard++)
            Add(marks, await journal.ExportShard(shard, cancellation).ConfigureAwait(false));
        await AddReplies(marks, journal, cancellation).ConfigureAwait(false);
        for (var shard = 0; shard < store.ShardCount; shard++)
        {
            var after = 0L;
            while (await journal.ReadUnsealed(shard, after, Page, cancellation).ConfigureAwait(false) is { Count: > 0 } events)
            {
                foreach (var row in events) Add(marks, row.Event.Body);
                after = events[^1].Number;
            }
        }
        await AddSegments(marks, journal, new SegmentReader(blobs), cancellation).ConfigureAwait(false);
        return marks;
    }

    /// <summary>Adds every run of 64 hexadecimal digits; of a longer run every 64 of it.</summary>
    public static void Add(HashSet<string> marks, ReadOnlyMemory<byte> row)
    {
        var bytes = row.Span;
        var run = 0;
        for (var i = 0; i < bytes.Length; i++)
        {
            run = bytes[i] is >= (byte)'0' and <= (byte)'9' or >= (byte)'a' and <= (byte)'f' ? run + 1 : 0;
            if (run >= BlobNames.Length)
                marks.Add(System.Text.Encoding.ASCII.GetString(bytes.Slice(i + 1 - BlobNames.Length, BlobNames.Length)));
        }
    }

    private static async Task AddSegments(
        HashSet<string> marks, IJournalStore journal, SegmentReader reader, CancellationToken cancellation)
    {
        foreach (var segment in await journal.ReadSegments(null, cancellation).ConfigureAwait(false))
        {
            if (segment.State == SegmentState.Dropped) continue;
            marks.Add(segment.Ends);
            foreach (var end in await reader.Ends(segment, cancellation).ConfigureAwait(false))
            {
                Add(marks, end.Before?.State.Body ?? default);
                Add(marks, end.After.State.Body);
            }
            if (segment.State != SegmentState.Whole) continue;
            marks.Add(segment.Events);
            foreach (var row in await reader.Events(segment, cancellation).ConfigureAwait(false)) Add(marks, row.Event.Body);
        }
    }

    private static void Add(HashSet<string> marks, ShardExport shard)
    {
        foreach (var row in shard.Mail) Add(marks, row.Command.Body);
        foreach (var row in shard.Parked) Add(marks, row.Mail.Command.Body);
        foreach (var row in shard.Timers) Add(marks, row.Command.Body);
        foreach (var row in shard.Work)
        {
            // What ended is told already, in a message or an event.
            if (row.Status is not (WorkStatus.Pending or WorkStatus.Leased)) continue;
            Add(marks, row.Work.Spec.Body);
            marks.UnionWith(row.Work.Inputs);
            if (row.Checkpoint is { } checkpoint) marks.Add(checkpoint.Blob);
        }
        foreach (var row in shard.Snapshots) Add(marks, row.State.Body);
    }

    private static async Task AddReplies(HashSet<string> marks, IJournalStore journal, CancellationToken cancellation)
    {
        KeptReply? last = null;
        while (await journal.ExportReplies(last, Page, cancellation).ConfigureAwait(false) is { Count: > 0 } replies)
        {
            foreach (var reply in replies) Add(marks, reply.Row.Reply.Body);
            last = replies[^1];
        }
    }
}
