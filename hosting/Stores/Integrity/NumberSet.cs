namespace Athanor.Hosting.Stores.Integrity;

/// <summary>A set of ascending numbers as runs: pairs of (gap since the end of the run before, length of the run), both as LEB128. The
/// numbers of a year of one family in one shard take a few bytes for each change of family.</summary>
internal static class NumberSet
{
    /// <param name="numbers">Ascending, from 1.</param>
    public static byte[] Write(IEnumerable<long> numbers)
    {
        var bytes = new List<byte>();
        var (end, start, last) = (0L, 0L, 0L);
        foreach (var number in numbers)
        {
            if (number <= last) throw new ArgumentException($"{number} does not come after {last}", nameof(numbers));
            if (start == 0) start = number;
            else if (number != last + 1)
            {
                Run();
                start = number;
            }
            last = number;
        }
        if (start != 0) Run();
        return [.. bytes];

        void Run()
        {
            Put(start - end);
            Put(last - start + 1);
            end = last + 1;
        }

        void Put(long value)
        {
            for (; value >= 0x80; value >>= 7) bytes.Add((byte)(value | 0x80));
            bytes.Add((byte)value);
        }
    }

    /// <summary>The runs as (first, last).</summary>
    /// <exception cref="FormatException">The bytes are no such set.</exception>
    public static IReadOnlyList<(long First, long Last)> Read(ReadOnlySpan<byte> bytes)
    {
        var runs = new List<(long, long)>();
        var end = 0L;
        while (!bytes.IsEmpty)
        {
            var start = end + Take(ref bytes);
            var length = Take(ref bytes);
            if (start < 1 || length < 1 || start > long.MaxValue - length) throw new FormatException("not a set of numbers");
            runs.Add((start, start + length - 1));
            end = start + length;
        }
        return runs;
    }

    public static IEnumerable<long> Numbers(ReadOnlySpan<byte> bytes) => Expand(Read(bytes));

    private static IEnumerable<long> Expand(IReadOnlyList<(long First, long Last)> runs)
    {
        foreach (var (first, last) in runs)
        {
            for (var number = first; number <= last; number++) yield return number;
        }
    }

    private static long Take(ref ReadOnlySpan<byte> bytes)
    {
        var value = 0L;
        for (var shift = 0; shift < 63; shift += 7)
        {
            if (bytes.IsEmpty) break;
            var b = bytes[0];
            bytes = bytes[1..];
            value |= (long)(b & 0x7f) << shift;
            if (b < 0x80) return value;
        }
        throw new FormatException("not a set of numbers");
    }
}
