using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Athanor.Compute.Trust;

/// <summary>What follows from an HMAC under a population's secret: orders of peers and the segments of an audit.</summary>
public static class Draws
{
    /// <summary>A random order by Fisher and Yates; numbers are drawn without bias by rejection.</summary>
    /// <param name="draw">The HMAC, 32 bytes.</param>
    /// <param name="purpose">Separates several orders from one draw.</param>
    public static IReadOnlyList<T> Shuffle<T>(IReadOnlyList<T> items, ReadOnlySpan<byte> draw, string purpose)
    {
        var result = items.ToArray();
        var stream = new Stream(draw, purpose);
        for (var i = result.Length - 1; i > 0; i--)
        {
            var j = stream.Below(i + 1);
            (result[i], result[j]) = (result[j], result[i]);
        }
        return result;
    }

    /// <summary>Segments to audit, ascending: 1, <paramref name="segments"/>, and <paramref name="extra"/> others drawn without return.</summary>
    public static IReadOnlyList<int> Segments(int segments, int extra, ReadOnlySpan<byte> draw)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(segments, 1);
        var between = Enumerable.Range(2, Math.Max(0, segments - 2)).ToArray();
        return [.. Shuffle(between, draw, "segments").Take(extra).Append(1).Append(segments).Distinct().Order()];
    }

    private struct Stream(ReadOnlySpan<byte> draw, string purpose)
    {
        private readonly byte[] _draw = draw.ToArray();
        private long _next;

        public int Below(int bound)
        {
            var limit = ulong.MaxValue - ulong.MaxValue % (ulong)bound;
            while (true)
            {
                var bytes = new CanonicalWriter("athanor.draw.1").Blob(_draw).Text(purpose).Number(_next++).ToArray();
                var value = BinaryPrimitives.ReadUInt64LittleEndian(SHA256.HashData(bytes));
                if (value < limit) return (int)(value % (ulong)bound);
            }
        }
    }
}
