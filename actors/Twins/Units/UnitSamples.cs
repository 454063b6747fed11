using System.Globalization;
using Athanor.Protocol.Twins;
using Athanor.Protocol.Twins.Units;

namespace Athanor.Actors.Twins.Units;

/// <summary>
/// Which samples of a unit take effect, and as which rows.
///
/// A sample's identity is (signal, source time, sequence). Of each signal the unit keeps the last identities taken, as many as fit into its
/// lag window (<see cref="Least"/> to <see cref="Most"/>): one of them again has no second effect; a new one between them is taken, out of
/// order, and the estimator goes back for it; one older than the lag window, or than the oldest of a full list, is recorded and put aside.
/// So is one whose time is further ahead of the host's clock than <see cref="MaxAhead"/>: taken, it would make all that follow it late.
/// A sample without a source time takes that of its arrival, and its sequence must rise.
/// </summary>
internal static class UnitSamples
{
    public const int Least = 8;
    public const int Most = 64;

    /// <summary>Most samples of one command.</summary>
    public const int MaxSamples = TwinSampling.MaxSamples;

    public static readonly TimeSpan MaxAhead = TimeSpan.FromMinutes(10);

    /// <param name="Seen">Samples that had taken effect before.</param>
    /// <param name="Aside">Samples put aside, by signal.</param>
    public readonly record struct Sorted(List<SampleRow> Rows, int Taken, int Seen, List<SampleRow>? Late, int LateCount);

    public static int Signals(UnitSpec spec) => spec.Sensors.Length + spec.Inputs.Length;

    public static string Name(UnitSpec spec, int signal) =>
        signal < spec.Sensors.Length ? spec.Sensors[signal].Signal : spec.Inputs[signal - spec.Sensors.Length].Signal;

    /// <summary>The signal's number; -1 for none. Samples mostly come in the order of the spec, so the search begins after the last
    /// one.</summary>
    public static int Find(UnitSpec spec, string name, int after)
    {
        var count = Signals(spec);
        for (var i = 1; i <= count; i++)
        {
            var signal = (after + i) % count;
            if (string.Equals(Name(spec, signal), name, StringComparison.Ordinal)) return signal;
        }
        return -1;
    }

    /// <summary>Identities kept of a signal.</summary>
    public static int WindowOf(UnitSpec spec, int signal)
    {
        var period = signal < spec.Sensors.Length ? spec.Sensors[signal].Period ?? spec.Sample : spec.Sample;
        return (int)Math.Clamp((spec.LagWindow.Ticks / Math.Max(1, period.Ticks)) + 2, Least, Most);
    }

    public static string? Problem(UnitSpec spec, Observe observe)
    {
        var count = observe.Samples.Length;
        if (count is 0 or > MaxSamples) return Text($"{count} samples were sent; 1 to {MaxSamples} would be right");
        var signal = -1;
        foreach (var sample in observe.Samples)
        {
            if (!double.IsFinite(sample.Value))
                return Text($"the value of {sample.Signal} is {sample.Value}; a finite number would be right");
            if (sample.Sequence < 0) return Text($"the sequence of {sample.Signal} is {sample.Sequence}; 0 or more would be right");
            if (sample.Time is null && sample.Sequence == 0)
                return $"{sample.Signal} has neither a source time nor a sequence above 0: sent again it could not be told from a new sample";
            signal = Find(spec, sample.Signal, signal);
            if (signal < 0)
            {
                var known = string.Join(", ", Enumerable.Range(0, Signals(spec)).Select(i => Name(spec, i)));
                return $"{spec.Unit} has no signal '{sample.Signal}'; its signals are {known}";
            }
        }
        return null;
    }

    /// <summary>Zero of the unit's time: its first sample.</summary>
    public static DateTimeOffset Origin(Observe observe, DateTimeOffset now)
    {
        var first = DateTimeOffset.MaxValue;
        foreach (var sample in observe.Samples) first = sample.Time is { } time && time < first ? time : first;
        return (first < now ? first : now).ToUniversalTime();
    }

    public static Sorted Sort(UnitState state, Observe observe, DateTimeOffset origin, DateTimeOffset now)
    {
        var spec = state.Spec;
        var taken = new List<(long Ticks, long Sequence, bool Arrival, int Signal, double Value)>(observe.Samples.Length);
        List<SampleRow>? late = null;
        var (seen, signal) = (0, -1);
        var latest = state.LatestTicks;
        var oldest = latest == long.MinValue ? latest : latest - spec.LagWindow.Ticks;
        var furthest = (now - origin + MaxAhead).Ticks;
        foreach (var sample in observe.Samples)
        {
            signal = Find(spec, sample.Signal, signal);
            var kept = state.Signals[signal];
            var arrival = sample.Time is null;
            var ticks = ((sample.Time ?? now) - origin).Ticks;
            var known = arrival ? sample.Sequence <= kept.Untimed : Known(kept, ticks, sample.Sequence);
            foreach (var other in taken) known |= other.Signal == signal && other.Sequence == sample.Sequence && (arrival || other.Ticks == ticks);
            if (known)
            {
                seen++;
                continue;
            }
            var full = kept.Ticks.Length >= WindowOf(spec, signal) && ticks < kept.Ticks[0];
            if (!arrival && (full || ticks > furthest || ticks < oldest))
                (late ??= []).Add(new SampleRow(ticks, sample.Sequence, arrival, [signal], [sample.Value]));
            else taken.Add((ticks, sample.Sequence, arrival, signal, sample.Value));
        }
        return new Sorted(Rows(taken), taken.Count, seen, late, late?.Count ?? 0);
    }

    /// <summary>Samples of one time and sequence become one row; rows rise in time, signals in a row.</summary>
    private static List<SampleRow> Rows(List<(long Ticks, long Sequence, bool Arrival, int Signal, double Value)> taken)
    {
        var sorted = true;
        for (var i = 1; i < taken.Count && sorted; i++) sorted = Compare(taken[i - 1], taken[i]) < 0;
        if (!sorted) taken.Sort(Compare);
        var rows = new List<SampleRow>();
        for (var begin = 0; begin < taken.Count;)
        {
            var (ticks, sequence, arrival, _, _) = taken[begin];
            var end = begin + 1;
            while (end < taken.Count && taken[end].Ticks == ticks && taken[end].Sequence == sequence && taken[end].Arrival == arrival
                && taken[end].Signal != taken[end - 1].Signal) end++;
            var (signals, values) = (new int[end - begin], new double[end - begin]);
            for (var i = begin; i < end; i++) (signals[i - begin], values[i - begin]) = (taken[i].Signal, taken[i].Value);
            rows.Add(new SampleRow(ticks, sequence, arrival, signals, values));
            begin = end;
        }
        return rows;

        static int Compare((long Ticks, long Sequence, bool Arrival, int Signal, double Value) a, (long Ticks, long Sequence, bool Arrival, int Signal, double Value) b)
        {
            var order = a.Ticks.CompareTo(b.Ticks);
            if (order == 0) order = a.Sequence.CompareTo(b.Sequence);
            if (order == 0) order = a.Arrival.CompareTo(b.Arrival);
            return order != 0 ? order : a.Signal.CompareTo(b.Signal);
        }
    }

    /// <summary>The signal after one more sample.</summary>
    public static UnitSignal Take(UnitSignal signal, int window, in SampleRow row, double value)
    {
        var place = signal.Ticks.Length;
        while (place > 0 && Compare(signal, place - 1, row.Ticks, row.Sequence) > 0) place--;
        var newest = place == signal.Ticks.Length;
        var drop = signal.Ticks.Length >= window ? 1 : 0;
        // Before the oldest of a full list: it was taken all the same, by older rules, and is forgotten.
        if (drop > place) drop = 0;
        var sequences = signal.Sequences.Length == 0 && row.Sequence == 0 ? signal.Sequences : Inserted(Whole(signal), place, drop, row.Sequence);
        return new UnitSignal(
            Inserted(signal.Ticks, place, drop, row.Ticks), sequences, row.Arrival ? Math.Max(signal.Untimed, row.Sequence) : signal.Untimed,
            newest ? value : signal.Value, signal.Count + 1, false);
    }

    private static long[] Whole(UnitSignal signal) => signal.Sequences.Length == 0 ? new long[signal.Ticks.Length] : signal.Sequences;

    private static long[] Inserted(long[] old, int place, int drop, long value)
    {
        var to = new long[old.Length + 1 - drop];
        old.AsSpan(drop, place - drop).CopyTo(to);
        to[place - drop] = value;
        old.AsSpan(place).CopyTo(to.AsSpan(place - drop + 1));
        return to;
    }

    private static bool Known(UnitSignal signal, long ticks, long sequence)
    {
        for (var i = signal.Ticks.Length - 1; i >= 0; i--)
        {
            var order = Compare(signal, i, ticks, sequence);
            if (order <= 0) return order == 0;
        }
        return false;
    }

    private static int Compare(UnitSignal signal, int i, long ticks, long sequence)
    {
        var order = signal.Ticks[i].CompareTo(ticks);
        return order != 0 ? order : (signal.Sequences.Length == 0 ? 0 : signal.Sequences[i]).CompareTo(sequence);
    }

    internal static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
