using System.Collections.Immutable;
using System.Globalization;
using Athanor.Protocol.Twins;

namespace Athanor.Actors.Twins;

/// <summary>
/// Which samples take effect.
///
/// A sample's identity in the unit is (signal, source time, sequence), ordered by time, then sequence. Of each signal the twin keeps the last
/// <see cref="Window"/> identities taken: its high-water mark and what lies within the lag behind it. A sample in the window was seen; one
/// that is not there and not before the window's begin is new, also if it comes out of order; one before the begin of a full window can no
/// longer be told from one seen, so it is recorded as late and not applied. So nothing takes effect twice, at the cost of a bounded state and
/// of samples that come later than <see cref="Window"/> newer ones of their signal.
/// Samples without a source time are numbered by their source alone and have a window of their own; they carry the time at which they were
/// handled, and a mark.
/// </summary>
internal static class TwinSampling
{
    /// <summary>Identities that are kept of each signal.</summary>
    public const int Window = 64;

    /// <summary>Most samples of one command: bounds its body.</summary>
    public const int MaxSamples = 400;

    /// <summary>Signals of one unit: bounds the state.</summary>
    public const int MaxSignals = 256;

    public const int MaxNameLength = 64;

    public readonly record struct Sorted(ImmutableArray<TakenSample> Taken, int Seen, ImmutableArray<TakenSample> Late);

    public static string? Problem(PlantState plant, Observe observe)
    {
        var count = observe.Samples.Length;
        if (count is 0 or > MaxSamples) return Text($"{count} samples were sent; 1 to {MaxSamples} would be right");
        HashSet<string>? added = null;
        for (var i = 0; i < count; i++)
        {
            var sample = observe.Samples[i];
            if (TwinChecks.SignalName(sample.Signal) is { } name) return name;
            if (!double.IsFinite(sample.Value))
                return Text($"the value of {sample.Signal} is {sample.Value}; a finite number would be right");
            if (sample.Sequence < 0) return Text($"the sequence of {sample.Signal} is {sample.Sequence}; 0 or more would be right");
            if (sample.Time is null && sample.Sequence == 0)
                return $"{sample.Signal} has neither a source time nor a sequence above 0: sent again it could not be told from a new sample";
            if (!plant.Signals.ContainsKey(sample.Signal)) (added ??= []).Add(sample.Signal);
        }
        return added is not null && plant.Signals.Count + added.Count > MaxSignals
            ? Text($"{added.First()} would be signal {plant.Signals.Count + 1} of this unit; at most {MaxSignals} are kept")
            : null;
    }

    public static Sorted Sort(PlantState plant, Observe observe, DateTimeOffset now)
    {
        var taken = ImmutableArray.CreateBuilder<TakenSample>();
        var late = ImmutableArray.CreateBuilder<TakenSample>();
        var seen = 0;
        var windows = new Dictionary<(string, bool), SampleWindow>();
        foreach (var sample in observe.Samples)
        {
            var arrival = sample.Time is null;
            var ticks = sample.Time?.UtcTicks ?? 0;
            if (!windows.TryGetValue((sample.Signal, arrival), out var window)) window = WindowOf(plant, sample.Signal, arrival);
            var recorded = new TakenSample(sample.Signal, sample.Time ?? now, sample.Sequence, sample.Value, arrival);
            switch (Find(window, ticks, sample.Sequence, out var place))
            {
                case true:
                    seen++;
                    break;
                case false when place == 0 && window.Ticks.Length >= Window:
                    late.Add(recorded);
                    break;
                default:
                    taken.Add(recorded);
                    windows[(sample.Signal, arrival)] = Insert(window, place, ticks, sample.Sequence);
                    break;
            }
        }
        return new Sorted(taken.ToImmutable(), seen, late.ToImmutable());
    }

    public static PlantState Apply(PlantState plant, SamplesTaken e)
    {
        var signals = plant.Signals.ToBuilder();
        foreach (var sample in e.Samples)
        {
            var before = signals.GetValueOrDefault(sample.Signal) ?? new SignalState(SampleWindow.Empty, SampleWindow.Empty, sample, 0);
            var window = sample.Arrival ? before.Untimed : before.Timed;
            var ticks = sample.Arrival ? 0 : sample.Time.UtcTicks;
            if (Find(window, ticks, sample.Sequence, out var place)) continue;
            window = Insert(window, place, ticks, sample.Sequence);
            signals[sample.Signal] = new SignalState(
                sample.Arrival ? before.Timed : window, sample.Arrival ? window : before.Untimed,
                IsOlder(sample, before.Latest) ? before.Latest : sample, before.Count + 1);
        }
        return plant with { Signals = signals.ToImmutable(), Late = plant.Late + e.Late.Length };
    }

    /// <summary>The rows that the samples make for the model, or null. Time rises strictly from row to row, so a sample that came out of
    /// order is recorded, and makes none.</summary>
    public static PendingRows? Rows(TwinState state, PlantState plant, ImmutableArray<TakenSample> taken)
    {
        if (state.Spec!.Signals is not { } names) return null;
        double? input = plant.Signals.TryGetValue(names.Input, out var known) ? known.Latest.Value : null;
        List<double> times = [], inputs = [], measured = [];
        var last = state.Taken > 0 ? state.TakenTimeS : double.NegativeInfinity;
        // Inputs before the value measured at the same time; otherwise in order of arrival within a time.
        foreach (var sample in taken.Where(s => s.Signal == names.Input || s.Signal == names.Measured)
            .OrderBy(s => s.Time.UtcTicks).ThenBy(s => s.Signal == names.Measured && names.Measured != names.Input).ThenBy(s => s.Sequence))
        {
            if (sample.Signal == names.Input && (known is null || !IsOlder(sample, known.Latest))) input = sample.Value;
            if (sample.Signal != names.Measured || input is not { } acting) continue;
            var time = (sample.Time - DateTimeOffset.UnixEpoch).TotalSeconds;
            if (time <= last) continue;
            times.Add(time);
            inputs.Add(acting);
            measured.Add(sample.Value);
            last = time;
        }
        return times.Count == 0 ? null : new PendingRows(state.Taken + 1, [.. times], [.. inputs], [.. measured], 0);
    }

    private static bool IsOlder(TakenSample a, TakenSample b) =>
        a.Time.UtcTicks < b.Time.UtcTicks || (a.Time.UtcTicks == b.Time.UtcTicks && a.Sequence < b.Sequence);

    private static SampleWindow WindowOf(PlantState plant, string signal, bool arrival) =>
        !plant.Signals.TryGetValue(signal, out var known) ? SampleWindow.Empty : arrival ? known.Untimed : known.Timed;

    /// <summary>Whether the identity is in the window, and where it is or belongs. Newest first, because that is where samples come.</summary>
    private static bool Find(SampleWindow window, long ticks, long sequence, out int place)
    {
        place = window.Ticks.Length;
        while (place > 0)
        {
            var (t, s) = (window.Ticks[place - 1], window.Sequences[place - 1]);
            if (t == ticks && s == sequence) return true;
            if (t < ticks || (t == ticks && s < sequence)) return false;
            place--;
        }
        return false;
    }

    /// <summary>With the identity at its place; the oldest leaves a full window.</summary>
    private static SampleWindow Insert(SampleWindow window, int place, long ticks, long sequence)
    {
        var drop = window.Ticks.Length >= Window ? 1 : 0;
        return new SampleWindow(
            [.. window.Ticks[drop..place], ticks, .. window.Ticks[place..]], [.. window.Sequences[drop..place], sequence, .. window.Sequences[place..]]);
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
