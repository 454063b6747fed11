using System.Collections.Immutable;
using System.Globalization;
using Athanor.Protocol;
using Athanor.Protocol.Ensembles;

namespace Athanor.Actors.Ensembles;

/// <summary>One part of a sweep, as the state keeps it.</summary>
[MessagePart]
public sealed record SweepPart([property: Key(0)] byte[] Regimes, [property: Key(1)] float[] PeakK);

/// <summary>A sweep as the state of its ensemble keeps it.</summary>
[MessagePart]
public sealed record SweepState(
    [property: Key(0)] SweepGrid Grid, [property: Key(1)] int Parts, [property: Key(2)] ImmutableSortedDictionary<int, SweepPart> Done,
    [property: Key(3)] string Failure)
{
    /// <summary>First condition and number of conditions of a part: parts differ by at most one condition.</summary>
    public static (int First, int Count) Range(int total, int parts, int part)
    {
        var first = (int)((long)total * part / parts);
        return (first, (int)((long)total * (part + 1) / parts) - first);
    }
}

/// <summary>
/// The part of an ensemble's rules that handles sweeps of the exothermic CSTR. The ensemble's decider calls it: each function returns
/// null for what is no business of a sweep.
///
/// A sweep is started once, dispatched in parts under the names <c>sweep-ID-PART</c>, and complete when every part is in. A part comes in
/// any order and counts once. A part that fails ends the sweep with its reason and cancels the rest; parts that come in after that are
/// dropped.
/// </summary>
public static class Sweeps
{
    /// <summary>More conditions than this do not fit an event of 64 KiB when there is a single part.</summary>
    public const int MaxConditionsPerPart = 12_000;

    private const string Prefix = "sweep-";

    private static readonly TimeSpan Deadline = TimeSpan.FromMinutes(5);

    /// <summary>The effects of a command about sweeps, or null if it is about something else.</summary>
    public static IReadOnlyList<Effect>? Decide(
        ImmutableSortedDictionary<string, SweepState> sweeps, ICommand command, DecisionContext context)
    {
        ArgumentNullException.ThrowIfNull(sweeps);
        ArgumentNullException.ThrowIfNull(context);
        return command switch
        {
            EvaluateSweep evaluate => Start(sweeps, evaluate, context),
            WorkCompleted { Result: SweepWorkResult result } done when TryName(sweeps, done.Name, out var id, out var part) =>
                Take(sweeps[id], id, part, result),
            WorkFailed failed when TryName(sweeps, failed.Name, out var id, out var part) => Fail(sweeps[id], id, part, failed.Reason),
            _ => null,
        };
    }

    /// <summary>The sweeps after an event, or null if the event is about something else.</summary>
    public static ImmutableSortedDictionary<string, SweepState>? Apply(
        ImmutableSortedDictionary<string, SweepState> sweeps, IEvent @event)
    {
        ArgumentNullException.ThrowIfNull(sweeps);
        return @event switch
        {
            SweepStarted e => sweeps.SetItem(e.Sweep, new SweepState(e.Grid, e.Parts, ImmutableSortedDictionary<int, SweepPart>.Empty, "")),
            SweepPartEvaluated e => sweeps.SetItem(
                e.Sweep, sweeps[e.Sweep] with { Done = sweeps[e.Sweep].Done.SetItem(e.Part, new SweepPart(e.Regimes, e.PeakK)) }),
            SweepFailed e => sweeps.SetItem(e.Sweep, sweeps[e.Sweep] with { Failure = e.Reason }),
            _ => null,
        };
    }

    /// <summary>The answer to a query about sweeps, or null if it is about something else.</summary>
    public static IReply? Answer(ImmutableSortedDictionary<string, SweepState> sweeps, IQuery query)
    {
        ArgumentNullException.ThrowIfNull(sweeps);
        if (query is not SweepQuery ask) return null;
        if (!sweeps.TryGetValue(ask.Sweep, out var sweep))
            return new Rejected("not-found", $"there is no sweep '{ask.Sweep}' here; known: {string.Join(", ", sweeps.Keys)}");
        var complete = sweep.Done.Count == sweep.Parts;
        return new SweepView(
            ask.Sweep, sweep.Grid, sweep.Done.Count, sweep.Parts, sweep.Failure,
            complete ? [.. sweep.Done.Values.SelectMany(p => p.Regimes)] : [],
            complete ? [.. sweep.Done.Values.SelectMany(p => p.PeakK)] : []);
    }

    /// <summary>What is wrong with a grid, and what would be right; null if nothing is.</summary>
    public static string? Problem(SweepGrid grid)
    {
        ArgumentNullException.ThrowIfNull(grid);
        if (grid.FeedCount < 1 || grid.CoolantCount < 1 || (long)grid.FeedCount * grid.CoolantCount > 1_000_000)
        {
            return string.Create(
                CultureInfo.InvariantCulture,
                $"the grid is {grid.FeedCount} x {grid.CoolantCount}; it must be at least 1 x 1 and at most 1,000,000 conditions");
        }
        foreach (var (name, kelvin) in new[]
        {
            ("FeedFromK", grid.FeedFromK), ("FeedToK", grid.FeedToK), ("CoolantFromK", grid.CoolantFromK), ("CoolantToK", grid.CoolantToK),
            ("StartTemperatureK", grid.StartTemperatureK),
        })
        {
            if (!(kelvin is >= 200 and <= 600))
                return string.Create(CultureInfo.InvariantCulture, $"{name} is {kelvin}; it must be a temperature of 200 to 600 K");
        }
        if (!(grid.StartConcentration is >= 0 and <= 10))
        {
            return string.Create(
                CultureInfo.InvariantCulture, $"StartConcentration is {grid.StartConcentration}; it must be 0 to 10 mol/L");
        }
        if (!(grid.Minutes is > 0 and <= 1440))
            return string.Create(CultureInfo.InvariantCulture, $"Minutes is {grid.Minutes}; it must be more than 0 and at most 1440");
        return null;
    }

    private static IReadOnlyList<Effect> Start(
        ImmutableSortedDictionary<string, SweepState> sweeps, EvaluateSweep command, DecisionContext context)
    {
        if (!EntityAddress.IsValidPart(command.Sweep))
            return Refuse("invalid", $"'{command.Sweep}' is no sweep id; it must be 1 to 128 of letters, digits, '.', '_' and '-'");
        if (Problem(command.Grid) is { } problem) return Refuse("invalid", problem);
        var parts = command.Parts;
        if (parts < 1 || parts > command.Grid.Count || (command.Grid.Count + parts - 1) / parts > MaxConditionsPerPart)
        {
            return Refuse(
                "invalid",
                $"Parts is {parts} for {command.Grid.Count} conditions; a part must hold 1 to {MaxConditionsPerPart} of them");
        }
        if (sweeps.TryGetValue(command.Sweep, out var known))
        {
            return known.Grid == command.Grid && known.Parts == parts
                ? [new Effect.Reply(new Done())]
                : Refuse("conflict", $"sweep '{command.Sweep}' exists with another grid; choose another id");
        }
        var effects = new List<Effect> { new Effect.Persist(new SweepStarted(command.Sweep, command.Grid, parts)) };
        for (var part = 0; part < parts; part++)
        {
            var (first, count) = SweepState.Range(command.Grid.Count, parts, part);
            effects.Add(new Effect.Dispatch(
                Name(command.Sweep, part), new SweepWork(command.Grid, first, count), context.DeriveSeed(0, command.Sweep), [], Deadline));
        }
        effects.Add(new Effect.Reply(new Done()));
        return effects;
    }

    private static IReadOnlyList<Effect> Take(SweepState sweep, string id, int part, SweepWorkResult result)
    {
        if (sweep.Failure.Length > 0 || sweep.Done.ContainsKey(part)) return [];
        var (first, count) = SweepState.Range(sweep.Grid.Count, sweep.Parts, part);
        if (result.First == first && result.Regimes.Length == count && result.PeakK.Length == count)
            return [new Effect.Persist(new SweepPartEvaluated(id, part, result.Regimes, result.PeakK))];
        return Fail(
            sweep, id, part,
            $"the result covers {result.Regimes.Length} regimes and {result.PeakK.Length} peaks from condition {result.First}, "
            + $"not {count} from {first}");
    }

    private static IReadOnlyList<Effect> Fail(SweepState sweep, string id, int part, string reason)
    {
        if (sweep.Failure.Length > 0 || sweep.Done.ContainsKey(part)) return [];
        var effects = new List<Effect> { new Effect.Persist(new SweepFailed(id, $"part {part}: {reason}")) };
        for (var other = 0; other < sweep.Parts; other++)
        {
            if (other != part && !sweep.Done.ContainsKey(other)) effects.Add(new Effect.CancelWork(Name(id, other)));
        }
        return effects;
    }

    private static string Name(string sweep, int part) => string.Create(CultureInfo.InvariantCulture, $"{Prefix}{sweep}-{part}");

    private static bool TryName(ImmutableSortedDictionary<string, SweepState> sweeps, string name, out string sweep, out int part)
    {
        sweep = "";
        part = 0;
        var dash = name.LastIndexOf('-');
        if (!name.StartsWith(Prefix, StringComparison.Ordinal) || dash <= Prefix.Length) return false;
        sweep = name[Prefix.Length..dash];
        return int.TryParse(name.AsSpan(dash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out part)
            && sweeps.TryGetValue(sweep, out var state) && part < state.Parts;
    }

    private static IReadOnlyList<Effect> Refuse(string code, string reason) => [new Effect.Reply(new Rejected(code, reason))];
}
