using System.Numerics;

namespace Athanor.Hosting.Simulation;

/// <summary>xoshiro256** (Blackman and Vigna 2018), seeded by SplitMix64: all chance of one world. The same seed draws the same on every
/// machine and in every build.</summary>
internal sealed class SimRandom
{
    private ulong _a;
    private ulong _b;
    private ulong _c;
    private ulong _d;

    public SimRandom(long seed, ulong stream = 0)
    {
        var x = (ulong)seed ^ (stream * 0xD1B54A32D192ED03UL);
        _a = Split(ref x);
        _b = Split(ref x);
        _c = Split(ref x);
        _d = Split(ref x);
    }

    private static ulong Split(ref ulong x)
    {
        var z = x += 0x9E3779B97F4A7C15UL;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9UL;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBUL;
        return z ^ (z >> 31);
    }

    public ulong NextBits()
    {
        var result = BitOperations.RotateLeft(_b * 5, 7) * 9;
        var t = _b << 17;
        _c ^= _a;
        _d ^= _b;
        _b ^= _c;
        _a ^= _d;
        _c ^= t;
        _d = BitOperations.RotateLeft(_d, 45);
        return result;
    }

    /// <summary>From 0 to below 1.</summary>
    public double NextDouble() => (NextBits() >> 11) * (1.0 / (1UL << 53));

    /// <summary>From 0 to below <paramref name="end"/>.</summary>
    public int Next(int end) => (int)((UInt128)NextBits() * (ulong)end >> 64);

    /// <summary>From <paramref name="first"/> to <paramref name="last"/>, both included.</summary>
    public int Between(int first, int last) => first + Next(last - first + 1);
}
