using System.Runtime.CompilerServices;

namespace Athanor.Compute.Numerics;

/// <summary>
/// Philox4x32-10, the counter-based generator of Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC 2011):
/// a block of four words is a function of (key, counter), so that any element of any stream can be drawn without those before it.
/// </summary>
public static class Philox4x32
{
    private const uint Multiplier0 = 0xD2511F53, Multiplier1 = 0xCD9E8D57;
    private const uint Weyl0 = 0x9E3779B9, Weyl1 = 0xBB67AE85;

    /// <summary>The four words of one counter under one key; the reference's word order.</summary>
    public static (uint W0, uint W1, uint W2, uint W3) Block(uint c0, uint c1, uint c2, uint c3, uint k0, uint k1)
    {
        for (var round = 0; round < 10; round++)
        {
            var p0 = (ulong)Multiplier0 * c0;
            var p1 = (ulong)Multiplier1 * c2;
            (c0, c1, c2, c3) = ((uint)(p1 >> 32) ^ c1 ^ k0, (uint)p1, (uint)(p0 >> 32) ^ c3 ^ k1, (uint)p0);
            k0 += Weyl0;
            k1 += Weyl1;
        }
        return (c0, c1, c2, c3);
    }

    /// <summary>Block <paramref name="index"/> of stream <paramref name="stream"/> under <paramref name="seed"/>.</summary>
    public static (uint W0, uint W1, uint W2, uint W3) Block(ulong seed, ulong stream, ulong index) => Block(
        (uint)index, (uint)(index >> 32), (uint)stream, (uint)(stream >> 32), (uint)seed, (uint)(seed >> 32));
}

/// <summary>Draws one after another from stream <c>stream</c> of Philox4x32-10 under a seed. Streams of one seed are independent, so a
/// purpose, a step or a member takes a stream of its own. A mutable struct: keep it in a local, and pass it by reference.</summary>
public struct Philox(ulong seed, ulong stream = 0)
{
    private ulong _index;
    private uint _w1, _w2, _w3;
    private int _left;

    public uint NextUInt32()
    {
        switch (_left)
        {
            case 3:
                _left = 2;
                return _w1;
            case 2:
                _left = 1;
                return _w2;
            case 1:
                _left = 0;
                return _w3;
            default:
                (var first, _w1, _w2, _w3) = Philox4x32.Block(seed, stream, _index++);
                _left = 3;
                return first;
        }
    }

    /// <summary>Two words, the first one low.</summary>
    public ulong NextUInt64()
    {
        ulong low = NextUInt32();
        return low | ((ulong)NextUInt32() << 32);
    }

    /// <summary>Uniform in [0, 1), a multiple of 2^-53.</summary>
    public double NextDouble() => (NextUInt64() >> 11) * (1.0 / (1UL << 53));

    /// <summary>Uniform in [0, 1), a multiple of 2^-24.</summary>
    public float NextSingle() => (NextUInt32() >> 8) * (1.0f / (1 << 24));

    /// <summary>Uniform in [low, high).</summary>
    public double NextDouble(double low, double high) => Math.FusedMultiplyAdd(NextDouble(), high - low, low);

    /// <summary>Standard normal, by the quantile of a uniform in the open interval: one draw each, the same bits everywhere.</summary>
    public double NextNormal() => NormalDistribution.Quantile(((NextUInt64() >> 12) + 0.5) * (1.0 / (1UL << 52)));

    /// <summary>Uniform in [0, <paramref name="bound"/>), without bias (Lemire, ACM TOMACS 29(1), 2019).</summary>
    public uint NextBelow(uint bound)
    {
        ArgumentOutOfRangeException.ThrowIfZero(bound);
        var product = (ulong)NextUInt32() * bound;
        if ((uint)product < bound)
        {
            var threshold = (0u - bound) % bound;
            while ((uint)product < threshold) product = (ulong)NextUInt32() * bound;
        }
        return (uint)(product >> 32);
    }

    /// <summary>Uniform in [0, <paramref name="bound"/>).</summary>
    public int NextBelow(int bound)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(bound);
        return (int)NextBelow((uint)bound);
    }

    /// <summary>Puts the items in a uniformly random order (Fisher and Yates).</summary>
    public void Shuffle<T>(Span<T> items)
    {
        for (var i = items.Length - 1; i > 0; i--)
        {
            var j = NextBelow(i + 1);
            (items[i], items[j]) = (items[j], items[i]);
        }
    }

    /// <summary>A uniformly random order of 0 … <paramref name="count"/> - 1.</summary>
    public int[] Permutation(int count)
    {
        var order = new int[count];
        for (var i = 0; i < count; i++) order[i] = i;
        Shuffle<int>(order);
        return order;
    }
}
