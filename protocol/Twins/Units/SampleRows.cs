using System.Buffers;

namespace Athanor.Protocol.Twins.Units;

/// <summary>Samples of one source time and sequence, of some of a unit's signals.</summary>
/// <param name="Ticks">Source time since the unit's origin, in ticks of 100 ns.</param>
/// <param name="Arrival">Whether the source gave no time: it is that of arrival.</param>
/// <param name="Signals">Numbers of the signals, rising: sensors in the order of the spec, then inputs.</param>
public readonly record struct SampleRow(long Ticks, long Sequence, bool Arrival, int[] Signals, double[] Values)
{
    public double TimeS => Ticks / 1e7;
}

/// <summary>
/// Rows of samples in few bytes. A row is
/// <code>
/// byte      1 arrival, 2 all signals of the unit, 4 a sequence other than 0, 8 the time in whole milliseconds
/// integer   time since the unit's origin in milliseconds or ticks of 100 ns
/// integer   sequence, if there is one
/// integer   number of signals, then their numbers, unless all
/// numbers   the values
/// </code>
/// with integers and numbers as in <see cref="PackedNumbers"/>.
/// </summary>
public static class SampleRows
{
    private const int Arrival = 1;
    private const int All = 2;
    private const int Sequenced = 4;
    private const int Milliseconds = 8;
    private const int LongestInteger = 10;

    /// <param name="signals">Signals of the unit.</param>
    public static byte[] Pack(IReadOnlyList<SampleRow> rows, int signals)
    {
        var most = 0;
        foreach (var row in rows) most += 1 + (3 * LongestInteger) + (row.Values.Length * (LongestInteger + PackedNumbers.Most));
        var buffer = ArrayPool<byte>.Shared.Rent(Math.Max(1, most));
        var (at, hint) = (0, 0);
        foreach (var row in rows)
        {
            var all = row.Values.Length == signals;
            var whole = row.Ticks % TimeSpan.TicksPerMillisecond == 0;
            buffer[at++] = (byte)((row.Arrival ? Arrival : 0) | (all ? All : 0) | (row.Sequence != 0 ? Sequenced : 0) | (whole ? Milliseconds : 0));
            PackedNumbers.WriteInteger(buffer, ref at, whole ? row.Ticks / TimeSpan.TicksPerMillisecond : row.Ticks);
            if (row.Sequence != 0) PackedNumbers.WriteInteger(buffer, ref at, row.Sequence);
            if (!all)
            {
                PackedNumbers.WriteInteger(buffer, ref at, row.Signals.Length);
                foreach (var signal in row.Signals) PackedNumbers.WriteInteger(buffer, ref at, signal);
            }
            foreach (var value in row.Values) PackedNumbers.Write(buffer, ref at, value, ref hint);
        }
        var packed = buffer.AsSpan(0, at).ToArray();
        ArrayPool<byte>.Shared.Return(buffer);
        return packed;
    }

    /// <exception cref="MessageFormatException">The bytes are no such rows.</exception>
    public static List<SampleRow> Unpack(ReadOnlySpan<byte> packed, int signals)
    {
        var rows = new List<SampleRow>(1);
        for (var at = 0; at < packed.Length;) rows.Add(Row(packed, ref at, signals));
        return rows;
    }

    /// <summary>The latest time in the rows, in ticks since the unit's origin.</summary>
    public static long Latest(ReadOnlySpan<byte> packed, int signals)
    {
        var latest = long.MinValue;
        for (var at = 0; at < packed.Length;)
        {
            var (flags, ticks, _, count) = Head(packed, ref at, signals);
            latest = Math.Max(latest, ticks);
            for (var i = 0; (flags & All) == 0 && i < count; i++) PackedNumbers.ReadInteger(packed, ref at);
            for (var i = 0; i < count; i++) PackedNumbers.Read(packed, ref at);
        }
        return latest;
    }

    private static (int Flags, long Ticks, long Sequence, int Count) Head(ReadOnlySpan<byte> packed, ref int at, int signals)
    {
        var flags = packed[at++];
        var ticks = PackedNumbers.ReadInteger(packed, ref at) * ((flags & Milliseconds) != 0 ? TimeSpan.TicksPerMillisecond : 1);
        var sequence = (flags & Sequenced) != 0 ? PackedNumbers.ReadInteger(packed, ref at) : 0;
        var count = (flags & All) != 0 ? signals : PackedNumbers.ReadInteger(packed, ref at);
        if (count < 0 || count > signals) throw new MessageFormatException($"a row holds {count} of {signals} signals", at);
        return (flags, ticks, sequence, (int)count);
    }

    private static SampleRow Row(ReadOnlySpan<byte> packed, ref int at, int signals)
    {
        var (flags, ticks, sequence, count) = Head(packed, ref at, signals);
        var numbers = new int[count];
        for (var i = 0; i < numbers.Length; i++) numbers[i] = (flags & All) != 0 ? i : (int)PackedNumbers.ReadInteger(packed, ref at);
        var values = new double[count];
        for (var i = 0; i < values.Length; i++) values[i] = PackedNumbers.Read(packed, ref at);
        return new SampleRow(ticks, sequence, (flags & Arrival) != 0, numbers, values);
    }
}
