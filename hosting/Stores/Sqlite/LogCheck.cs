using System.Buffers.Binary;

namespace Athanor.Hosting.Stores.Sqlite;

/// <summary>
/// Looks at the log (<c>journal.db-wal</c>, format 3007000) before SQLite does. SQLite takes the first frame whose checksum does not match
/// for the end of the log: right for a write that was cut short, but a damaged byte in the middle would silently take every later commit
/// with it, all of them acknowledged. So the frames behind a bad one are looked at too. Each carries the running checksum of the one before
/// it, so it can be judged without it. A commit is only begun when the one before it has been flushed; so
/// (a) two or more sound commits behind a bad frame: what was acknowledged is damaged, and the log is refused;
/// (b) one, or none but the frame bears this log's mark: it was cut short or is damaged; SQLite's view is taken, and it is reported;
/// (c) none, and a frame of an earlier round of the log: its end.
/// </summary>
internal static class LogCheck
{
    private const int HeaderSize = 32;
    private const int FrameHeaderSize = 24;

    /// <returns>What is to be reported, or null.</returns>
    /// <exception cref="DamageException">Acknowledged commits would be lost.</exception>
    public static DamageException? Check(string path)
    {
        var log = path + "-wal";
        if (!File.Exists(log)) return null;
        using var file = new FileStream(log, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, 1 << 16);
        var header = new byte[HeaderSize];
        if (file.ReadAtLeast(header, HeaderSize, throwOnEndOfStream: false) < HeaderSize) return null;
        var name = Path.GetFileName(log);
        var magic = BinaryPrimitives.ReadUInt32BigEndian(header);
        var page = (int)BinaryPrimitives.ReadUInt32BigEndian(header.AsSpan(8));
        var bigEndian = (magic & 1) == 1;
        var sum = Add((0, 0), header.AsSpan(0, 24), bigEndian);
        if ((magic | 1) != 0x377f0683 || page != 4096 || sum != ReadSum(header.AsSpan(24)))
        {
            if (file.Length < HeaderSize + FrameHeaderSize + 4096) return null;
            throw new DamageException(
                $"{name}, header", "it is damaged, and the log's commits cannot be told from waste; restore the directory from a backup");
        }
        return CheckFrames(file, name, header.AsSpan(16, 8).ToArray(), sum, new byte[FrameHeaderSize + page], bigEndian);
    }

    private static DamageException? CheckFrames(FileStream file, string name, byte[] salts, (uint, uint) sum, byte[] frame, bool bigEndian)
    {
        var (number, bad, commits) = (0, 0, 0);
        var marked = false;
        while (file.ReadAtLeast(frame, frame.Length, throwOnEndOfStream: false) == frame.Length)
        {
            number++;
            var ours = frame.AsSpan(8, 8).SequenceEqual(salts);
            var made = Add(Add(sum, frame.AsSpan(0, 8), bigEndian), frame.AsSpan(FrameHeaderSize), bigEndian);
            var sound = ours && made == ReadSum(frame.AsSpan(16));
            if (bad == 0 && !sound)
            {
                bad = number;
                // Of an earlier round both salts are others; a damaged byte changes one of them at most.
                marked = frame.AsSpan(8, 4).SequenceEqual(salts.AsSpan(0, 4)) || frame.AsSpan(12, 4).SequenceEqual(salts.AsSpan(4, 4));
            }
            else if (bad > 0 && sound && BinaryPrimitives.ReadUInt32BigEndian(frame.AsSpan(4)) != 0)
            {
                commits++;
            }
            sum = ReadSum(frame.AsSpan(16));
        }

        if (commits > 1)
        {
            throw new DamageException(
                $"{name}, frame {bad}",
                $"it is damaged, and at least {commits} acknowledged commits behind it would be lost; restore the directory from a backup");
        }
        return bad > 0 && (marked || commits > 0)
            ? new DamageException(
                $"{name}, frame {bad}", "the log's last commit is not whole: it was being written when the process ended, or it is damaged")
            : null;
    }

    private static (uint, uint) ReadSum(ReadOnlySpan<byte> bytes) =>
        (BinaryPrimitives.ReadUInt32BigEndian(bytes), BinaryPrimitives.ReadUInt32BigEndian(bytes[4..]));

    /// <summary>The format's running checksum over pairs of words.</summary>
    private static (uint, uint) Add((uint First, uint Second) sum, ReadOnlySpan<byte> bytes, bool bigEndian)
    {
        var (first, second) = sum;
        for (; bytes.Length >= 8; bytes = bytes[8..])
        {
            first += (bigEndian ? BinaryPrimitives.ReadUInt32BigEndian(bytes) : BinaryPrimitives.ReadUInt32LittleEndian(bytes)) + second;
            second += (bigEndian ? BinaryPrimitives.ReadUInt32BigEndian(bytes[4..]) : BinaryPrimitives.ReadUInt32LittleEndian(bytes[4..]))
                + first;
        }
        return (first, second);
    }
}
