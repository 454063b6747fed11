using System.Collections.Immutable;
using Athanor.Hosting.Stores;
using Athanor.Protocol;

namespace Athanor.Hosting.Slots;

/// <summary>What node and slot say to each other: a MessagePack array whose first item is the frame's number.</summary>
internal abstract record SlotFrame
{
    private SlotFrame() { }

    // --- node to slot
    public sealed record Job(long Number, StoredMessage Work, ulong Seed, ImmutableArray<string> Inputs, string? TraceParent) : SlotFrame
    {
        public WorkCheckpoint? Checkpoint { get; init; }

        public GangPlace? Gang { get; init; }
    }

    /// <param name="Content">Null if it cannot be had; then <paramref name="Problem"/> says why.</param>
    public sealed record Blob(string Hash, byte[]? Content, string Problem) : SlotFrame;

    /// <summary>End the job; the process is killed if it does not soon.</summary>
    public sealed record Cancel(long Number) : SlotFrame;

    /// <summary>What the gang's members told each other.</summary>
    /// <param name="Lives">False once this generation has ended.</param>
    public sealed record Keys(long Number, bool Lives, IReadOnlyDictionary<string, byte[]> Values) : SlotFrame;

    // --- slot to node
    public sealed record Heartbeat : SlotFrame;

    public sealed record Progress(long Number, double Done, string Note) : SlotFrame;

    public sealed record WantBlob(string Hash) : SlotFrame;

    public sealed record PutBlob(long Number, string Hash, byte[] Content) : SlotFrame;

    public sealed record Result(long Number, StoredMessage Message, ImmutableArray<string> Blobs) : SlotFrame;

    /// <param name="Refused">The handler refused the spec; otherwise it threw.</param>
    public sealed record Failure(long Number, bool Refused, string Reason) : SlotFrame;

    /// <summary>The job ended because it was told to.</summary>
    public sealed record Stopped(long Number) : SlotFrame;

    /// <summary>The blob was put before.</summary>
    public sealed record Saved(long Number, long Step, string Hash) : SlotFrame;

    /// <summary>Tells the gang a value, if there is a key, and asks for all. → <see cref="Keys"/>.</summary>
    public sealed record WantKeys(long Number, string Key, byte[] Value) : SlotFrame;

    public byte[] Encode()
    {
        var w = new MessagePackWriter(null, this is Blob or PutBlob ? 1 << 16 : 256);
        switch (this)
        {
            case Job f:
                w.BeginArray(14);
                w.Write(1);
                w.Write(f.Number);
                WriteMessage(w, f.Work);
                w.Write(f.Seed);
                WriteStrings(w, f.Inputs);
                if (f.TraceParent is null) w.WriteNil();
                else w.Write(f.TraceParent);
                w.Write(f.Checkpoint?.Step ?? 0);
                w.Write(f.Checkpoint?.Blob ?? "");
                w.Write(f.Gang?.Rank ?? 0);
                w.Write(f.Gang?.Size ?? 0);
                w.Write(f.Gang?.Generation ?? 0);
                WriteStrings(w, f.Gang?.Addresses ?? []);
                break;
            case Blob f:
                w.BeginArray(4);
                w.Write(2);
                w.Write(f.Hash);
                if (f.Content is null) w.WriteNil();
                else w.WriteBytes(f.Content);
                w.Write(f.Problem);
                break;
            case Cancel f:
                w.BeginArray(2);
                w.Write(3);
                w.Write(f.Number);
                break;
            case Heartbeat:
                w.BeginArray(1);
                w.Write(10);
                break;
            case Progress f:
                w.BeginArray(4);
                w.Write(11);
                w.Write(f.Number);
                w.Write(f.Done);
                w.Write(f.Note);
                break;
            case WantBlob f:
                w.BeginArray(2);
                w.Write(12);
                w.Write(f.Hash);
                break;
            case PutBlob f:
                w.BeginArray(4);
                w.Write(13);
                w.Write(f.Number);
                w.Write(f.Hash);
                w.WriteBytes(f.Content);
                break;
            case Result f:
                w.BeginArray(6);
                w.Write(14);
                w.Write(f.Number);
                WriteMessage(w, f.Message);
                WriteStrings(w, f.Blobs);
                break;
            case Failure f:
                w.BeginArray(4);
                w.Write(15);
                w.Write(f.Number);
                w.Write(f.Refused);
                w.Write(f.Reason);
                break;
            case Stopped f:
                w.BeginArray(2);
                w.Write(16);
                w.Write(f.Number);
                break;
            case Saved f:
                w.BeginArray(4);
                w.Write(17);
                w.Write(f.Number);
                w.Write(f.Step);
                w.Write(f.Hash);
                break;
            case WantKeys f:
                w.BeginArray(4);
                w.Write(18);
                w.Write(f.Number);
                w.Write(f.Key);
                w.WriteBytes(f.Value);
                break;
            case Keys f:
                w.BeginArray(4);
                w.Write(4);
                w.Write(f.Number);
                w.Write(f.Lives);
                w.BeginArray(2 * f.Values.Count);
                foreach (var (key, value) in f.Values)
                {
                    w.Write(key);
                    w.WriteBytes(value);
                }
                w.End();
                break;
        }
        w.End();
        return w.ToArray();
    }

    public static SlotFrame Decode(ReadOnlySpan<byte> bytes)
    {
        var r = new MessagePackReader(bytes);
        r.BeginArray();
        var type = r.ReadInt32();
        SlotFrame frame = type switch
        {
            1 => ReadJob(ref r),
            2 => new Blob(r.ReadString(), r.TryReadNil() ? null : r.ReadByteArray(), r.ReadString()),
            3 => new Cancel(r.ReadInt64()),
            4 => new Keys(r.ReadInt64(), r.ReadBool(), ReadValues(ref r)),
            10 => new Heartbeat(),
            11 => new Progress(r.ReadInt64(), r.ReadDouble(), r.ReadString()),
            12 => new WantBlob(r.ReadString()),
            13 => new PutBlob(r.ReadInt64(), r.ReadString(), r.ReadByteArray()),
            14 => new Result(r.ReadInt64(), ReadMessage(ref r), ReadStrings(ref r)),
            15 => new Failure(r.ReadInt64(), r.ReadBool(), r.ReadString()),
            16 => new Stopped(r.ReadInt64()),
            17 => new Saved(r.ReadInt64(), r.ReadInt64(), r.ReadString()),
            18 => new WantKeys(r.ReadInt64(), r.ReadString(), r.ReadByteArray()),
            _ => throw r.Error($"frame {type} is unknown: node and slot are of different builds"),
        };
        r.End();
        r.EndOfData();
        return frame;
    }

    private static Job ReadJob(ref MessagePackReader r)
    {
        var job = new Job(r.ReadInt64(), ReadMessage(ref r), r.ReadUInt64(), ReadStrings(ref r), r.TryReadNil() ? null : r.ReadString());
        var (step, blob) = (r.ReadInt64(), r.ReadString());
        var (rank, size, generation, addresses) = (r.ReadInt32(), r.ReadInt32(), r.ReadInt32(), ReadStrings(ref r));
        return job with
        {
            Checkpoint = blob == "" ? null : new WorkCheckpoint(step, blob),
            Gang = size == 0 ? null : new GangPlace(rank, size, generation, addresses),
        };
    }

    private static Dictionary<string, byte[]> ReadValues(ref MessagePackReader r)
    {
        var values = new Dictionary<string, byte[]>(StringComparer.Ordinal);
        for (var i = r.BeginArray() / 2; i > 0; i--) values[r.ReadString()] = r.ReadByteArray();
        r.End();
        return values;
    }

    // Three items of the frame's own array: kind, version, body.
    private static void WriteMessage(MessagePackWriter w, StoredMessage message)
    {
        w.Write(message.Kind);
        w.Write(message.Version);
        w.WriteBytes(message.Body.Span);
    }

    private static StoredMessage ReadMessage(ref MessagePackReader r) => new(r.ReadString(), r.ReadInt32(), r.ReadByteArray());

    private static void WriteStrings(MessagePackWriter w, ImmutableArray<string> texts)
    {
        w.BeginArray(texts.Length);
        foreach (var text in texts) w.Write(text);
        w.End();
    }

    private static ImmutableArray<string> ReadStrings(ref MessagePackReader r)
    {
        var texts = ImmutableArray.CreateBuilder<string>(r.BeginArray());
        for (var i = texts.Capacity; i > 0; i--) texts.Add(r.ReadString());
        r.End();
        return texts.MoveToImmutable();
    }
}
