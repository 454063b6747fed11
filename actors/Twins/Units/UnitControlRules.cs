using System.Collections.Immutable;
using Athanor.Protocol;
using Athanor.Protocol.Twins;
using Athanor.Protocol.Twins.Units;

namespace Athanor.Actors.Twins.Units;

/// <summary>
/// The controller in the control room: what it may do, what the operator does to it, and what happens when the loop is lost.
///
/// Off: no plan is made. Shadow and advisory: plans are recorded; advice is shown. Closed loop: each plan leaves as
/// <see cref="TwinMoved"/> with the
/// next sequence, valid for the spec's time. Every plan begins from what the inputs truly are (their samples, or else the last move),
/// inside the operator's limits, so that taking the loop over is bumpless; an overridden input stays where the operator holds it, and the
/// controller reckons with it.
///
/// A move leaves at every interval, changed or not: that is the twin's heartbeat, and a receiver that misses it for the validity goes to
/// its own fallback. Leaving the closed loop sends a move without set-points: the plant is the operator's from then on.
///
/// Watchdog. In closed loop a durable timer looks: without samples, or without a plan, for the spec's watchdog time, the fallback leaves
/// as a move and the loop is lost (<see cref="UnitFellBack"/>). It resumes by itself with the first row stepped through after that, from
/// where the
/// inputs then are. A plan that fails leaves the last move in force until then.
/// </summary>
internal static class UnitControlRules
{
    public const string FallbackStatus = "fallback";

    /// <summary>Time that a plan has beyond its own deadline before it counts as failed.</summary>
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(5);

    private const string WatchdogName = "watchdog";

    public static bool IsDue(UnitState state) =>
        state.Control.Mode != ControllerMode.Off && state.Model.Controller is not null && state.Control.Asked == 0
        // A row may come a little early.
        && (state.Control.Planned is null && state.Control.PlannedTicks == 0
            || state.LatestTicks >= state.Control.PlannedTicks + state.Spec.Interval.Ticks - (state.Spec.Sample.Ticks / 4));

    public static TimeSpan DeadlineOf(UnitSpec spec) => (spec.Interval / 2) + Grace;

    /// <summary>What the inputs truly are: their samples, or else our last move, or else the fallback.</summary>
    public static double[] Actual(UnitState state)
    {
        var inputs = state.Spec.Inputs;
        var actual = new double[inputs.Length];
        for (var i = 0; i < actual.Length; i++)
        {
            var signal = state.Signals[state.Spec.Sensors.Length + i];
            // A move that left stands in its place, see Unsampled.
            actual[i] = signal.Count > 0 || state.Control.Move is not null ? signal.Value : inputs[i].Fallback;
        }
        return actual;
    }

    public static (double Low, double High) Bounds(UnitState state, UnitInput input)
    {
        var hold = state.Control.Holds.GetValueOrDefault(input.Signal);
        return hold?.Override is { } value ? (value, value) : (hold?.Low ?? input.Low, hold?.High ?? input.High);
    }

    public static PlanMove Question(UnitState state)
    {
        var inputs = state.Spec.Inputs;
        var (low, high) = (new double[inputs.Length], new double[inputs.Length]);
        for (var i = 0; i < inputs.Length; i++) (low[i], high[i]) = Bounds(state, inputs[i]);
        return new PlanMove(
            UnitDecider.Run(state, state.Memory.Stepped), state.Control.Memory, Actual(state), low, high, state.Control.Setpoints,
            (state.Spec.Interval / 2).TotalSeconds);
    }

    public static IReadOnlyList<Effect> Planned(UnitState state, MovePlanned planned, DecisionContext context)
    {
        if (state.Control.Asked == 0) return [];
        var closed = state.Control is { Mode: ControllerMode.ClosedLoop, Fallback: null };
        planned = planned with { Row = state.Control.Asked, Move = Held(state, planned.Move), At = closed ? context.Now : null };
        var next = UnitApply.Apply(state, planned);
        List<Effect> effects = [new Effect.Persist(planned)];
        if (UnitAlarms.Changed(next) is { } changed) effects.Add(new Effect.Persist(changed));
        if (closed) Leave(effects, state, planned.Move, context);
        return effects;
    }

    public static IReadOnlyList<Effect> PlanFailed(UnitState state, string reason)
    {
        if (state.Control.Asked == 0) return [];
        var failed = new PlanFailed(state.Control.Asked, reason);
        var held = state.Control.Planned is { } last ? last with { Status = FallbackStatus, Message = reason, Memory = [], Row = state.Control.Asked } : null;
        if (held is null) return [new Effect.Persist(failed)];
        var next = UnitApply.Apply(UnitApply.Apply(state, failed), held);
        return UnitAlarms.Changed(next) is { } changed
            ? [new Effect.Persist(failed), new Effect.Persist(held), new Effect.Persist(changed)]
            : [new Effect.Persist(failed), new Effect.Persist(held)];
    }

    public static IReadOnlyList<Effect> SetMode(UnitState state, SetUnitMode set, DecisionContext context)
    {
        if (UnitChecks.Words(set.Why) is { } words) return TwinDecider.Refuse("invalid", words);
        if (!Enum.IsDefined(set.Mode))
            return TwinDecider.Refuse("invalid", $"there is no mode {(int)set.Mode}; off, shadow, advisory or closed-loop would be right");
        if (set.Mode != ControllerMode.Off && state.Model.Controller is null)
            return TwinDecider.Refuse("conflict", $"the model {state.Model.Source} has no controller");
        if (set.Mode == state.Control.Mode) return [new Effect.Reply(new Done())];
        if (set.Mode == ControllerMode.ClosedLoop && state.Estimate.Row == 0)
            return TwinDecider.Refuse("conflict", "the unit has no estimate yet; samples come first, then the loop is closed");
        List<Effect> effects = [new Effect.Persist(new UnitModeSet(set.Mode, context.Principal, set.Why, context.Now))];
        if (set.Mode == ControllerMode.ClosedLoop)
        {
            effects.Add(new Effect.SetTimer(WatchdogName, context.Now + state.Spec.Watchdog, new WatchdogDue()));
        }
        else if (state.Control.Mode == ControllerMode.ClosedLoop)
        {
            effects.Add(new Effect.CancelTimer(WatchdogName));
            // Without set-points: nobody is to act on an earlier move any more.
            var none = ImmutableSortedDictionary.Create<string, double>(StringComparer.Ordinal);
            effects.Add(new Effect.Persist(new TwinMoved(Sequence(state), none, context.Now, context.Now + state.Spec.MoveValidity)));
        }
        effects.Add(new Effect.Reply(new Done()));
        return effects;
    }

    public static IReadOnlyList<Effect> Override(UnitState state, OverrideInput hold, DecisionContext context)
    {
        if (UnitChecks.Words(hold.Why) is { } words) return TwinDecider.Refuse("invalid", words);
        if (Input(state.Spec, hold.Input, out var input) is { } wrong) return TwinDecider.Refuse("invalid", wrong);
        if (hold.Value is { } value && !(value >= input.Low && value <= input.High))
            return TwinDecider.Refuse("invalid", UnitSamples.Text($"{input.Signal} cannot be held at {value}; {input.Low} to {input.High} {input.Unit} would be right"));
        if (state.Control.Holds.GetValueOrDefault(hold.Input)?.Override == hold.Value) return [new Effect.Reply(new Done())];
        return [new Effect.Persist(new InputOverridden(hold.Input, hold.Value, context.Principal, hold.Why)), new Effect.Reply(new Done())];
    }

    public static IReadOnlyList<Effect> Limit(UnitState state, LimitInput limit, DecisionContext context)
    {
        if (UnitChecks.Words(limit.Why) is { } words) return TwinDecider.Refuse("invalid", words);
        if (Input(state.Spec, limit.Input, out var input) is { } wrong) return TwinDecider.Refuse("invalid", wrong);
        var (low, high) = (limit.Low ?? input.Low, limit.High ?? input.High);
        if (!(low >= input.Low && high <= input.High && low < high))
        {
            return TwinDecider.Refuse("invalid", UnitSamples.Text(
                $"{input.Signal} cannot be limited to {low} to {high}; bounds inside {input.Low} to {input.High} {input.Unit}, low below high, would be right"));
        }
        var known = state.Control.Holds.GetValueOrDefault(limit.Input);
        if (known?.Low == limit.Low && known?.High == limit.High) return [new Effect.Reply(new Done())];
        return [new Effect.Persist(new InputLimited(limit.Input, limit.Low, limit.High, context.Principal, limit.Why)), new Effect.Reply(new Done())];
    }

    public static IReadOnlyList<Effect> Set(UnitState state, SetSetpoint set, DecisionContext context)
    {
        if (UnitChecks.Words(set.Why) is { } words) return TwinDecider.Refuse("invalid", words);
        if (!double.IsFinite(set.Value))
            return TwinDecider.Refuse("invalid", UnitSamples.Text($"the set-point of {set.Name} is {set.Value}; a finite number would be right"));
        if (UnitChecks.Setpoint(state.Model, set.Name) is { } wrong) return TwinDecider.Refuse("invalid", wrong);
        if (state.Control.Setpoints.TryGetValue(set.Name, out var known) && known == set.Value) return [new Effect.Reply(new Done())];
        return [new Effect.Persist(new SetpointSet(set.Name, set.Value, context.Principal, set.Why)), new Effect.Reply(new Done())];
    }

    /// <summary>The watchdog's timer: content, it looks again when the earlier of samples and plans would be too old.</summary>
    public static IReadOnlyList<Effect> Watch(UnitState state, DecisionContext context)
    {
        var control = state.Control;
        if (control.Mode != ControllerMode.ClosedLoop) return [];
        var (sampled, moved) = (control.SampledAt ?? context.Now, control.MovedAt ?? context.Now);
        var oldest = sampled < moved ? sampled : moved;
        var due = oldest + state.Spec.Watchdog;
        if (due > context.Now) return [Again(due)];
        if (control.Fallback is not null) return [Again(context.Now + state.Spec.Watchdog)];
        var reason = sampled <= moved
            ? UnitSamples.Text($"no samples for {(context.Now - sampled).TotalSeconds:0.#} s")
            : UnitSamples.Text($"no move for {(context.Now - moved).TotalSeconds:0.#} s");
        var fell = new UnitFellBack(reason);
        var next = UnitApply.Apply(state, fell);
        List<Effect> effects = [new Effect.Persist(fell)];
        if (UnitAlarms.Changed(next) is { } changed) effects.Add(new Effect.Persist(changed));
        Leave(effects, state, Held(state, [.. state.Spec.Inputs.Select(static i => i.Fallback)]), context);
        effects.Add(Again(context.Now + state.Spec.Watchdog));
        return effects;
    }

    /// <summary>After a row was stepped through: a lost loop is there again.</summary>
    public static IEnumerable<Effect> Resumed(UnitState state, DecisionContext context)
    {
        var control = state.Control;
        if (control is { Mode: ControllerMode.ClosedLoop, Fallback: not null } && control.SampledAt is { } at && context.Now - at < state.Spec.Watchdog)
            yield return new Effect.Persist(new LoopResumed(state.Estimate.Row, context.Now));
    }

    public static Effect.SetTimer Again(DateTimeOffset due) => new(WatchdogName, due, new WatchdogDue());

    /// <summary>An overridden input stays at its value, whatever was planned.</summary>
    private static double[] Held(UnitState state, double[] move)
    {
        var held = move.AsSpan().ToArray();
        for (var i = 0; i < held.Length; i++)
        {
            if (state.Control.Holds.GetValueOrDefault(state.Spec.Inputs[i].Signal)?.Override is { } value) held[i] = value;
        }
        return held;
    }

    private static void Leave(List<Effect> effects, UnitState state, double[] values, DecisionContext context)
    {
        var setpoints = ImmutableSortedDictionary.CreateBuilder<string, double>(StringComparer.Ordinal);
        for (var i = 0; i < values.Length; i++) setpoints[state.Spec.Inputs[i].Signal] = values[i];
        effects.Add(new Effect.Persist(new TwinMoved(Sequence(state), setpoints.ToImmutable(), context.Now, context.Now + state.Spec.MoveValidity)));
        if (Unsampled(state, values) is not { } row) return;
        var signals = UnitSamples.Signals(state.Spec);
        var observed = new UnitObserved(1, SampleRows.Pack([row], signals), Ours: true);
        effects.Add(new Effect.Persist(observed));
    }

    /// <summary>Actuators without samples of their own are taken to do as they are told: that is a row for the estimator.</summary>
    private static SampleRow? Unsampled(UnitState state, double[] values)
    {
        if (state.Origin is null) return null;
        List<int> signals = [];
        List<double> set = [];
        for (var i = 0; i < values.Length; i++)
        {
            var signal = state.Spec.Sensors.Length + i;
            if (state.Signals[signal].Count > 0) continue;
            signals.Add(signal);
            set.Add(values[i]);
        }
        return signals.Count == 0 ? null : new SampleRow(Math.Max(0, state.LatestTicks), 0, false, [.. signals], [.. set]);
    }

    private static long Sequence(UnitState state) => (state.Control.Move?.Sequence ?? 0) + 1;

    private static string? Input(UnitSpec spec, string name, out UnitInput input)
    {
        input = spec.Inputs.FirstOrDefault(i => i.Signal == name)!;
        return input is not null ? null
            : spec.Inputs.IsEmpty ? $"{spec.Unit} has no inputs"
            : $"{spec.Unit} has no input '{name}'; its inputs are {string.Join(", ", spec.Inputs.Select(static i => i.Signal))}";
    }
}
