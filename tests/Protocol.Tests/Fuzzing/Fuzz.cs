using System.Diagnostics;
using System.Globalization;
using Xunit.Abstractions;

namespace Athanor.Tests;

/// <summary>What became of an input.</summary>
internal enum FuzzOutcome
{
    Value,
    Error,
}

/// <summary>
/// Feeds mutations of samples to a reader of untrusted bytes. Each must end in a value or in the reader's own error; anything else, a
/// stack of more than <see cref="StackBytes"/>, more memory than a bound that grows with the input, or an input that takes longer than
/// <see cref="Slowest"/>, fails and shows the input. <c>ATHANOR_FUZZ=1000000</c> sets the number of inputs, <c>ATHANOR_FUZZ_SEED</c> the
/// seed; a seed always makes the same inputs.
/// </summary>
internal sealed class Fuzz(ITestOutputHelper output, string what, long allocationFloor, long allocationPerByte)
{
    public const int StackBytes = 512 << 10;

    // Generous: the machine may be busy. What is looked for takes minutes, or for ever.
    public static readonly TimeSpan Slowest = TimeSpan.FromSeconds(20);

    private byte[] _present = [];
    private long _begun;
    private int _number;

    public static int Seed { get; } = Setting("ATHANOR_FUZZ_SEED", 20_261_121);

    public static int Inputs(int usual) => Setting("ATHANOR_FUZZ", usual);

    /// <param name="make">Makes input number i; all its chance comes from the random source given.</param>
    /// <param name="read">Throws nothing but what is a finding.</param>
    public void Run(int inputs, Func<Random, byte[]> make, Func<byte[], FuzzOutcome> read)
    {
        Exception? finding = null;
        var outcomes = new int[2];
        long mostBytes = 0, mostTicks = 0;
        double mostPerByte = 0;
        var thread = new Thread(() =>
        {
            var random = new Random(Seed);
            try
            {
                for (var i = 0; i < inputs; i++)
                {
                    var input = make(random);
                    (_present, _number) = (input, i);
                    var begun = Stopwatch.GetTimestamp();
                    Volatile.Write(ref _begun, begun);
                    var before = GC.GetAllocatedBytesForCurrentThread();
                    outcomes[(int)read(input)]++;
                    var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
                    mostTicks = Math.Max(mostTicks, Stopwatch.GetTimestamp() - begun);
                    mostBytes = Math.Max(mostBytes, allocated);
                    mostPerByte = Math.Max(mostPerByte, (allocated - allocationFloor) / (double)input.Length);
                    if (allocated > allocationFloor + (allocationPerByte * input.Length))
                        throw new InvalidOperationException($"{allocated} bytes were allocated for {input.Length} bytes of input");
                }
            }
            catch (Exception e)
            {
                finding = e;
            }
        }, StackBytes)
        { IsBackground = true };
        Volatile.Write(ref _begun, Stopwatch.GetTimestamp());
        var watch = Stopwatch.StartNew();
        thread.Start();
        while (!thread.Join(TimeSpan.FromMilliseconds(250)))
        {
            if (Stopwatch.GetElapsedTime(Volatile.Read(ref _begun)) > Slowest) Assert.Fail($"it takes longer than {Slowest}: {Present}");
        }
        if (finding is not null) Assert.Fail($"{finding}\n{Present}");
        output.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{what}: seed {Seed}, {inputs} inputs in {watch.Elapsed.TotalSeconds:F1} s: {outcomes[0]} values, {outcomes[1]} errors; "
            + $"most for one input {mostBytes / 1024.0:F1} KiB ({mostPerByte:F0} B/B above {allocationFloor >> 10} KiB), "
            + $"{Stopwatch.GetElapsedTime(0, mostTicks).TotalMilliseconds:F0} ms"));
        Assert.True(outcomes[0] > 0 && outcomes[1] > 0, "all inputs had one outcome, so this test shows nothing");
    }

    /// <summary>A few edits of a sample: flipped bits, other bytes, pieces left out, doubled or taken from elsewhere, lengths that lie,
    /// and brackets that nest.</summary>
    public static byte[] Mutate(Random random, byte[][] samples, ReadOnlySpan<byte[]> words)
    {
        var bytes = samples[random.Next(samples.Length)].ToList();
        for (var edits = Math.Min(random.Next(1, 6), random.Next(1, 6)); edits > 0; edits--)
        {
            if (bytes.Count == 0) bytes.Add(0);
            var at = random.Next(bytes.Count);
            var length = Math.Min(random.Next(1, 1 << random.Next(1, 10)), bytes.Count - at);
            switch (random.Next(9))
            {
                case 0: bytes[at] ^= (byte)(1 << random.Next(8)); break;
                case 1: bytes[at] = (byte)random.Next(256); break;
                case 2: bytes.RemoveRange(at, length); break;
                case 3: bytes.InsertRange(at, bytes.GetRange(at, length)); break;
                case 4: bytes.RemoveRange(at, bytes.Count - at); break;
                case 5:
                    var other = samples[random.Next(samples.Length)];
                    var from = random.Next(other.Length + 1);
                    bytes.InsertRange(at, other.AsSpan(from, Math.Min(random.Next(1, 64), other.Length - from)));
                    break;
                case 6: bytes.InsertRange(at, words[random.Next(words.Length)]); break;
                case 7:
                    var word = words[random.Next(words.Length)];
                    bytes.RemoveRange(at, Math.Min(word.Length, bytes.Count - at));
                    bytes.InsertRange(at, word);
                    break;
                default:
                    // Rarely, because it makes long inputs.
                    var nest = words[random.Next(words.Length)];
                    var times = random.Next(200) == 0 ? random.Next(1, 20_000) : random.Next(1, 80);
                    bytes.InsertRange(at, Enumerable.Repeat(nest, times).SelectMany(static w => w));
                    break;
            }
        }
        return [.. bytes];
    }

    private string Present => $"{what}, seed {Seed}, input {_number} of {_present.Length} bytes: "
        + Convert.ToHexString(_present.AsSpan(0, Math.Min(_present.Length, 4096)));

    private static int Setting(string name, int usual) =>
        int.TryParse(Environment.GetEnvironmentVariable(name), NumberStyles.None, CultureInfo.InvariantCulture, out var value)
            ? value
            : usual;
}
