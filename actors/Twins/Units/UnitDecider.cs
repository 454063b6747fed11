using System.Collections.Immutable;
using Athanor.Actors.Twins.Units.Alarms;
using Athanor.Protocol;
using Athanor.Protocol.Twins;
using Athanor.Protocol.Twins.Units;

namespace Athanor.Actors.Twins.Units;

/// <summary>
/// The twin of a plant unit that estimates, detects and controls.
///
/// Samples. They are told apart (<see cref="UnitSamples"/>), recorded as rows (<see cref="UnitObserved"/>) and acknowledged with that
/// commit; then the host steps estimator and detectors through them beside the mailbox and the result is recorded
/// (<see cref="UnitStepped"/>), with
/// what alarms it changes (<see cref="AlarmsChanged"/>). More samples may come meanwhile; they wait in the state, and go together.
///
/// Memory. What the numerics keep is written down at checkpoints; between these it travels in memory (<see cref="LiveMemory"/>). After
/// recovery the host gets the checkpoint and the rows since, and steps through them to the same bits before the new ones.
///
/// Moves. When one is due (<see cref="UnitStepped.Plan"/>) the controller is asked beside the mailbox. What it gives is recorded
/// (<see cref="MovePlanned"/>); in closed loop it leaves as <see cref="TwinMoved"/> in the same commit. See <see cref="UnitControlRules"/>.
///
/// Failures. A step that throws or misses its deadline is tried <see cref="MaxAttempts"/> times, then its rows are set aside with the
/// reason: they stay in the journal, the estimate stays where it was, the next rows go on from there. A plan that fails leaves the last
/// move in force; the watchdog sees to the rest. What is awaited is in the state, so a new owner asks again.
/// </summary>
internal static class UnitDecider
{
    public const int MaxAttempts = 3;

    /// <summary>Blocks of rows that may wait while others are being stepped through; further samples are held back.</summary>
    public const int MaxWaiting = 32;

    private const string StepName = "step";
    private const string PlanName = "plan";

    private static readonly TimeSpan StepDeadline = TimeSpan.FromSeconds(30);

    public static IReadOnlyList<Effect> Create(TwinState state, CreateUnit create, DecisionContext context)
    {
        if (state.Spec is { } heater)
            return TwinDecider.Refuse("conflict", $"this twin is registered as '{heater.Unit}'; another id would be right");
        if (UnitChecks.Spec(create.Spec) is { } wrong) return TwinDecider.Refuse("invalid", wrong);
        if (UnitChecks.Shape(create.Spec, create.Spec.Model, out var shape) is { } bad) return TwinDecider.Refuse("invalid", bad);
        var spec = create.Spec with { Alarms = UnitChecks.WithOwnAlarms(create.Spec, shape) };
        if (state.Unit is { } unit)
        {
            return UnitChecks.Same(unit.Spec, spec)
                ? [new Effect.Reply(new Done())]
                : TwinDecider.Refuse("conflict", $"this unit was created with another spec, as '{unit.Spec.Unit}'; another id would be right");
        }
        if (UnitChecks.Alarms(spec, shape) is { } alarm) return TwinDecider.Refuse("invalid", alarm);
        if (UnitChecks.Start(spec) is { } start) return TwinDecider.Refuse("invalid", start);
        if (UnitChecks.Setpoints(spec) is { } setpoint) return TwinDecider.Refuse("invalid", setpoint);
        Effect[] watchdog = spec.Mode == ControllerMode.ClosedLoop ? [UnitControlRules.Again(context.Now + spec.Watchdog)] : [];
        return [new Effect.Persist(new UnitCreated(spec, shape)), .. watchdog, .. UnitAdopting.Tell(null, spec.Model, context), new Effect.Reply(new Done())];
    }

    public static IReadOnlyList<Effect> Decide(UnitState state, ICommand command, DecisionContext context) => command switch
    {
        Observe observe => Observe(state, observe, context),
        ComputeCompleted { Name: StepName, Result: UnitSteps { Stepped: var stepped } } => Stepped(state, stepped, context),
        ComputeFailed { Name: StepName } failed => StepFailed(state, failed.Reason),
        ComputeCompleted { Name: StepName } => StepFailed(state, "the result is not one of a step"),
        ComputeCompleted { Name: PlanName, Result: MoveFound { Planned: var planned } } => With(state, UnitControlRules.Planned(state, planned, context)),
        ComputeFailed { Name: PlanName } failed => UnitControlRules.PlanFailed(state, failed.Reason),
        ComputeCompleted { Name: PlanName } => UnitControlRules.PlanFailed(state, "the result is not one of a plan"),
        ComputeCompleted or ComputeFailed => [],
        _ when AlarmActions.Takes(command) => Alarm(state, command, context),
        SetUnitMode set => UnitControlRules.SetMode(state, set, context),
        OverrideInput hold => UnitControlRules.Override(state, hold, context),
        LimitInput limit => UnitControlRules.Limit(state, limit, context),
        SetSetpoint set => UnitControlRules.Set(state, set, context),
        WatchdogDue => With(state, UnitControlRules.Watch(state, context)),
        TryUnitModel model => UnitAdopting.Try(state, model, context),
        EndTrial end => UnitAdopting.End(state, end, context),
        AdoptUnitModel adopt => UnitAdopting.Adopt(state, adopt, context),
        RevertUnitModel revert => UnitAdopting.Revert(state, revert, context),
        RegisterTwin => TwinDecider.Refuse("conflict", $"this twin was created as the unit '{state.Spec.Unit}'; another id would be right"),
        _ => TwinDecider.Refuse("invalid", $"a unit does not know {command.GetType().Name}"),
    };

    public static IReadOnlyList<Effect.StartCompute> Awaiting(UnitState state)
    {
        var plans = state.Control.Asked > 0;
        if (state.Memory.Stepping > 0) return plans ? [Step(state), Plan(state)] : [Step(state)];
        return plans ? [Plan(state)] : [];
    }

    /// <summary>What the numerics are told of the unit's past.</summary>
    /// <param name="blocks">Of its rows, from the checkpoint on.</param>
    public static UnitRun Run(UnitState state, int blocks)
    {
        var memory = state.Memory;
        var live = memory.Live.Numbers() is not null && memory.Stepped > 0;
        var from = live ? memory.Stepped : 0;
        return new UnitRun(
            state.Model, state.Spec, live ? memory.Live : memory.Checkpoint is { } kept ? LiveMemory.Of(kept) : LiveMemory.None, memory.From,
            memory.Start, memory.StartInputs, from == 0 && blocks == memory.Rows.Length ? memory.Rows : memory.Rows.Slice(from, blocks - from),
            memory.Stepped - from, state.Trial?.Model, memory.StartTicks, from);
    }

    private static IReadOnlyList<Effect> Observe(UnitState state, Observe observe, DecisionContext context)
    {
        if (UnitSamples.Problem(state.Spec, observe) is { } wrong) return TwinDecider.Refuse("invalid", wrong);
        var origin = state.Origin ?? UnitSamples.Origin(observe, context.Now);
        var sorted = UnitSamples.Sort(state, observe, origin, context.Now);
        var reply = new Effect.Reply(new SamplesAccepted(sorted.Taken, sorted.Seen, sorted.LateCount));
        if (sorted.Taken + sorted.LateCount == 0) return [reply];
        if (state.Memory.Rows.Length - state.Memory.Stepped >= MaxWaiting) return [new Effect.Stash()];
        var signals = UnitSamples.Signals(state.Spec);
        var observed = new UnitObserved(
            sorted.Rows.Count, SampleRows.Pack(sorted.Rows, signals), sorted.Late is { } late ? SampleRows.Pack(late, signals) : null,
            state.Origin is null ? origin : null, state.Control.Mode == ControllerMode.ClosedLoop ? context.Now : null);
        var next = UnitApply.Apply(state, observed);
        List<Effect> effects = [new Effect.Persist(observed), reply];
        if (sorted.LateCount > 0 && UnitAlarms.Changed(next) is { } changed) effects.Insert(1, new Effect.Persist(changed));
        if (state.Memory.Stepping == 0 && next.Memory.Stepping > 0) effects.Add(Step(next));
        return effects;
    }

    private static IReadOnlyList<Effect> Stepped(UnitState state, UnitStepped stepped, DecisionContext context)
    {
        if (state.Memory.Stepping == 0) return [];
        if (UnitControlRules.IsDue(state)) stepped = stepped with { Plan = true };
        var next = UnitApply.Apply(state, stepped);
        List<Effect> effects = [new Effect.Persist(stepped)];
        if (UnitAlarms.Changed(next) is { } changed)
        {
            effects.Add(new Effect.Persist(changed));
            next = UnitApply.Apply(next, changed);
        }
        foreach (var effect in UnitControlRules.Resumed(next, context)) effects.Add(effect);
        foreach (var compute in Awaiting(next))
        {
            // A plan that is being made goes on.
            if (compute.Name == StepName || (stepped.Plan == true && state.Control.Asked == 0)) effects.Add(compute);
        }
        return effects;
    }

    private static IReadOnlyList<Effect> StepFailed(UnitState state, string reason)
    {
        if (state.Memory.Stepping == 0) return [];
        var attempt = state.Memory.Attempt + 1;
        IEvent failed = attempt < MaxAttempts ? new StepRetried(attempt, reason) : new StepsSetAside(Waiting(state), reason);
        var next = UnitApply.Apply(state, failed);
        return next.Memory.Stepping > 0 ? [new Effect.Persist(failed), Step(next)] : [new Effect.Persist(failed)];
    }

    /// <summary>With the step that the events made due, where none was under way.</summary>
    private static IReadOnlyList<Effect> With(UnitState state, IReadOnlyList<Effect> effects)
    {
        if (state.Memory.Stepping > 0) return effects;
        var next = effects.OfType<Effect.Persist>().Aggregate(state, static (s, e) => UnitApply.Apply(s, e.Event));
        return next.Memory.Stepping > 0 ? [.. effects, Step(next)] : effects;
    }

    /// <summary>Rows that are being stepped through.</summary>
    private static int Waiting(UnitState state)
    {
        var (count, signals) = (0, UnitSamples.Signals(state.Spec));
        for (var i = 0; i < state.Memory.Stepping; i++)
            count += SampleRows.Unpack(state.Memory.Rows[state.Memory.Stepped + i], signals).Count;
        return count;
    }

    private static IReadOnlyList<Effect> Alarm(UnitState state, ICommand command, DecisionContext context)
    {
        var answer = AlarmActions.Decide(state.Alarms, state.Spec.Alarms, command, context.Principal, state.PlantTime);
        if (answer.Problem is { } problem) return TwinDecider.Refuse("invalid", problem);
        return answer.Event is { } changed
            ? [new Effect.Persist(changed), new Effect.Reply(new Done())]
            : [new Effect.Reply(new Done())];
    }

    private static Effect.StartCompute Step(UnitState state) => new(
        StepName,
        new StepUnit(
            Run(state, state.Memory.Stepped + state.Memory.Stepping), state.Estimate.Sds, state.Estimate.Statuses, state.Diagnosis,
            state.Trial?.Sums),
        StepDeadline);

    public static Effect.StartCompute Plan(UnitState state) =>
        new(PlanName, UnitControlRules.Question(state), UnitControlRules.DeadlineOf(state.Spec));
}
