using System.Collections.Immutable;
using Athanor.Protocol;
using Athanor.Protocol.Models;
using Athanor.Protocol.Twins.Units;

namespace Athanor.Actors.Twins.Units;

/// <summary>
/// Which model a unit runs: one on trial beside it, the next one, or the one before. A model must have the unit's inputs and measure its
/// sensors; one that does not is refused with the name of the signal. Everything takes effect between two rows: while rows are being
/// stepped through, the command waits. A trial's numbers are written down at every row, so what is adopted from trial goes on to the bit.
/// Registered models (<c>models/ID@VERSION</c>) are told in the same transaction who uses them.
/// </summary>
internal static class UnitAdopting
{
    public static IReadOnlyList<Effect> Try(UnitState state, TryUnitModel command, DecisionContext context)
    {
        if (Waits(state, command.Why, numbers: true) is { } wait) return wait;
        if (state.Trial is { } running && Same(running.Model, command.Model)) return [new Effect.Reply(new Done())];
        if (UnitChecks.Shape(state.Spec, command.Model, out var shape) is { } wrong) return TwinDecider.Refuse("invalid", wrong);
        var model = command.Model with { Version = state.Model.Version + 1 };
        var began = new TrialBegan(model, shape, context.Principal, command.Why, Without(Now(state)));
        return [new Effect.Persist(began), new Effect.Reply(new Done())];
    }

    public static IReadOnlyList<Effect> End(UnitState state, EndTrial command, DecisionContext context)
    {
        if (UnitChecks.Words(command.Why) is { } words) return TwinDecider.Refuse("invalid", words);
        if (state.Trial is null) return [new Effect.Reply(new Done())];
        return [new Effect.Persist(new TrialEnded(context.Principal, command.Why)), new Effect.Reply(new Done())];
    }

    public static IReadOnlyList<Effect> Adopt(UnitState state, AdoptUnitModel command, DecisionContext context)
    {
        if (command.Model is { } same && same.Version == state.Model.Version && Same(same, state.Model))
            return [new Effect.Reply(new Done())];
        if (Waits(state, command.Why, numbers: command.Model is null) is { } wait) return wait;
        var next = state.Model.Version + 1;
        if (command.Model is null)
        {
            if (state.Trial is not { } trial) return TwinDecider.Refuse("conflict", "no model is on trial, and the command brings none");
            if (state.Memory.Checkpoint is not { } kept || state.Memory.Rows.Length > 0 || UnitNumbers.Trial(kept).Length == 0)
                return TwinDecider.Refuse("conflict", "the model on trial has not seen a row yet");
            return Adopted(state, trial.Model with { Version = next }, trial.Shape, UnitNumbers.Promoted(kept), false, command.Why, context);
        }
        if (command.Model.Version != next)
        {
            return TwinDecider.Refuse("conflict", UnitSamples.Text(
                $"version {command.Model.Version} was sent where this unit runs version {state.Model.Version}; {next} would be right"));
        }
        return UnitChecks.Shape(state.Spec, command.Model, out var shape) is { } wrong
            ? TwinDecider.Refuse("invalid", wrong)
            : Adopted(state, command.Model, shape, null, false, command.Why, context);
    }

    public static IReadOnlyList<Effect> Revert(UnitState state, RevertUnitModel command, DecisionContext context)
    {
        if (command.Version == state.Model.Version - 1) return [new Effect.Reply(new Done())];
        if (command.Version != state.Model.Version)
        {
            return TwinDecider.Refuse("conflict", UnitSamples.Text(
                $"version {command.Version} was to be left where this unit runs version {state.Model.Version}; look at it again first"));
        }
        if (Waits(state, command.Why, numbers: false) is { } wait) return wait;
        if (state.Earlier is not [.., var before])
            return TwinDecider.Refuse("conflict", $"this unit keeps no model from before {state.Model.Source}, so there is none to go back to");
        var model = before with { Version = state.Model.Version + 1 };
        return UnitChecks.Shape(state.Spec, model, out var shape) is { } wrong
            ? TwinDecider.Refuse("invalid", wrong)
            : Adopted(state, model, shape, null, true, command.Why, context);
    }

    public static UnitState Apply(UnitState state, TrialBegan e) => state with
    {
        Trial = new UnitTrial(e.Model, e.Shape, new double[5]),
        Memory = e.Checkpoint is { } checkpoint ? Restarted(state, checkpoint, []) : state.Memory,
    };

    public static UnitState Apply(UnitState state, UnitModelAdopted e) => state with
    {
        Model = e.Model,
        Shape = e.Shape,
        Earlier = e.Reverted ? state.Earlier[..^1] : TwinApply.Latest(state.Earlier.Add(state.Model), UnitApply.MaxEarlier),
        Memory = Restarted(state, e.Checkpoint, e.Start),
        Trial = null,
        Diagnosis = null,
        // What was estimated belongs to the shape before.
        Estimate = UnitEstimate.None with { Row = state.Estimate.Row, Ticks = state.Estimate.Ticks },
        Points = [],
        Control = state.Control with { Memory = [], Asked = 0, Attempt = 0 },
    };

    /// <summary>Tells registered models who uses them.</summary>
    /// <param name="left">Null for the first model.</param>
    public static IEnumerable<Effect> Tell(UnitModel? left, UnitModel taken, DecisionContext context)
    {
        var by = $"{context.Address.Family}/{context.Address.Id}";
        var (old, now) = (left is null ? null : TwinAdopting.Registered(left.Source), TwinAdopting.Registered(taken.Source));
        if (old is { } one && one.Model != now?.Model) yield return new Effect.Tell(At(one.Model), new MarkReleased(by));
        if (now is { } other) yield return new Effect.Tell(At(other.Model), new MarkAdopted(other.Version, by));

        EntityAddress At(string model) => new(context.Address.Tenant, "models", model);
    }

    private static UnitMemory Restarted(UnitState state, double[]? checkpoint, double[] start) => new(
        state.Estimate.Row, checkpoint, start, checkpoint is null ? UnitControlRules.Actual(state) : [], [], 0, 0, 0, LiveMemory.None,
        checkpoint is null && state.Estimate.Row > 0 ? state.Estimate.Ticks : null);

    private static IReadOnlyList<Effect> Adopted(
        UnitState state, UnitModel model, UnitShape shape, double[]? checkpoint, bool reverted, string why, DecisionContext context)
    {
        var start = checkpoint is null ? CarriedOver(state, shape) : [];
        var adopted = new UnitModelAdopted(model, shape, checkpoint, start, reverted, context.Principal, why);
        return [new Effect.Persist(adopted), .. Tell(state.Model, model, context), new Effect.Reply(new Done())];
    }

    private static double[] CarriedOver(UnitState state, UnitShape shape)
    {
        if (state.Estimate.Estimates.Length == 0) return [];
        var known = PackedNumbers.Unpack(state.Estimate.Estimates);
        return [.. shape.Estimates.Select(quantity =>
        {
            for (var i = 0; i < state.Shape.Estimates.Length; i++)
            {
                if (state.Shape.Estimates[i] == quantity) return known[i];
            }
            return double.NaN;
        })];
    }

    /// <param name="numbers">Whether what the numerics keep at the present row is needed; a model that starts from the estimates alone can
    /// do without.</param>
    private static IReadOnlyList<Effect>? Waits(UnitState state, string why, bool numbers)
    {
        if (UnitChecks.Words(why) is { } words) return TwinDecider.Refuse("invalid", words);
        if (state.Memory.Stepping > 0) return [new Effect.Stash()];
        return numbers && state.Memory.Rows.Length > 0 && Now(state) is null
            ? TwinDecider.Refuse("unavailable", "the unit was just read from its journal, and is there with its next sample; ask again then")
            : null;
    }

    /// <summary>The numbers at the present row, if they are at hand.</summary>
    private static double[]? Now(UnitState state) =>
        state.Memory.Rows.Length == 0 ? state.Memory.Checkpoint : state.Memory.Live.Numbers();

    private static double[]? Without(double[]? numbers) => numbers is null ? null : UnitNumbers.WithoutTrial(numbers);

    private static bool Same(UnitModel a, UnitModel b) => a with { Version = 0 } == b with { Version = 0 };
}
