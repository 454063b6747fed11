using System.Collections.Immutable;
using System.Globalization;
using Athanor.Actors.Twins.Units;
using Athanor.Compute.Twins;
using Athanor.Protocol;
using Athanor.Protocol.Twins;
using Athanor.Protocol.Twins.Units;

namespace Athanor.Actors.Twins;

/// <summary>
/// The twin of one plant unit: it owns the unit's model, the state estimate with its covariance, alarms, and which models it was given.
///
/// Rows come in batches. A batch is checked, its rows go into the journal (<see cref="RowsTaken"/>), the sender is answered, and the host
/// is asked to filter them beside the mailbox; the numbers come back as a command and are recorded (<see cref="TwinEstimated"/>). While that
/// is awaited, further rows and models are stashed, queries are answered. The state says what it awaits, so a new owner asks again.
///
/// Guarantees. A row number takes effect once, by its high-water mark; what is behind it is answered and dropped, what skips ahead is
/// refused. Times rise strictly from row to row; nothing that is not a finite number gets in. The estimate is a function of the rows, the
/// models and the rows at which these were adopted, not of how the rows were cut into batches.
/// A twin made by <see cref="CreateUnit"/> is of another kind: <see cref="UnitDecider"/>.
/// Samples of the plant's signals (<see cref="Observe"/>) are told apart by identity, see <see cref="TwinSampling"/>; where the spec names the
/// model's signals, they make rows as well.
/// Failures. Numerics that throw or miss their deadline are tried <see cref="MaxAttempts"/> times; then the rows are set aside with the
/// reason, the estimate stays where it was, and the next batch goes on from there. They remain in the journal.
/// </summary>
public sealed class TwinDecider : Decider<TwinState>
{
    /// <summary>Most rows of one command.</summary>
    public const int MaxRows = 1000;

    /// <summary>Estimates that the state keeps for queries; older ones are in the journal.</summary>
    public const int MaxHistory = 300;

    /// <summary>Estimates a page of the history.</summary>
    public const int PageSize = 150;

    /// <summary>Alarms that the state keeps.</summary>
    public const int MaxAlarms = 32;

    /// <summary>How often rows are given to the filter before they are set aside.</summary>
    public const int MaxAttempts = 3;

    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);

    public override string Family => "twins";

    public override TwinState Initial(EntityAddress address) => TwinState.Empty;

    public override IReadOnlyList<Effect> Decide(TwinState state, ICommand command, DecisionContext context) => command switch
    {
        CreateUnit create => UnitDecider.Create(state, create, context),
        _ when state.Unit is { } unit => UnitDecider.Decide(unit, command, context),
        RegisterTwin register => Register(state, register.Spec),
        Measure measure => Take(state, measure),
        Observe observe => Sampled(state, observe, context),
        MakeMove move => TwinMoving.Decide(state, move, context),
        AdoptModel adopt => TwinAdopting.Adopt(state, adopt, context),
        RevertModel revert => TwinAdopting.Revert(state, revert, context),
        ComputeCompleted done => Estimated(state, done),
        ComputeFailed failed => Failed(state, failed),
        _ => Refuse("invalid", $"a twin does not know {command.GetType().Name}"),
    };

    public override TwinState Apply(TwinState state, IEvent @event) =>
        @event is UnitCreated || state.Unit is not null
            ? state with { Unit = UnitApply.Apply(state.Unit, @event) }
            : TwinApply.Apply(state, @event);

    public override IReply Answer(TwinState state, IQuery query)
    {
        if (state.Unit is { } unit) return UnitAnswers.Answer(unit, query);
        if (state.Spec is null) return new Rejected("not-found", "this twin was never registered");
        switch (query)
        {
            case TwinQuery:
                return new TwinView(
                    state.Spec.Unit, state.Model!, [.. HeaterModel.StateNames(state.Model!.Kind)], state.Estimate, state.Pending is not null,
                    state.Taken, state.Nis, state.Alarms, state.Adoptions, state.SetAside);
            case TwinSignalsQuery:
                var plant = state.Plant ?? PlantState.Empty;
                return new TwinSignalsView(
                    plant.Signals.ToImmutableSortedDictionary(s => s.Key, s => new SignalView(s.Value.Latest, s.Value.Count), StringComparer.Ordinal),
                    plant.Late, plant.Move);
            case TwinHistoryQuery page:
                var first = 0;
                while (first < state.History.Length && state.History[first].Row <= page.AfterRow) first++;
                var count = Math.Min(PageSize, state.History.Length - first);
                // A model adopted after a row has an estimate of that row as well: the two stay on one page.
                while (first + count < state.History.Length && state.History[first + count].Row == state.History[first + count - 1].Row)
                    count++;
                return new TwinHistory(state.History.Slice(first, count), first + count < state.History.Length);
            default:
                return new Rejected("invalid", $"a twin does not know {query.GetType().Name}");
        }
    }

    public override ICompute? Needs(TwinState state, IQuery query) => state.Unit is { } unit ? UnitAnswers.Needs(unit, query) : null;

    public override IReply Answer(TwinState state, IQuery query, IComputeResult result) =>
        result is UnitRolledOut { RollOut: var rollOut } ? rollOut : base.Answer(state, query, result);

    public override IReadOnlyList<Effect.StartCompute> Awaiting(TwinState state) =>
        state.Unit is { } unit ? UnitDecider.Awaiting(unit) : state.Pending is { } rows ? [Filter(state, rows)] : [];

    private static IReadOnlyList<Effect> Register(TwinState state, TwinSpec spec)
    {
        if (state.Spec is { } known)
        {
            return TwinChecks.Same(known, spec)
                ? [new Effect.Reply(new Done())]
                : Refuse("conflict", $"this twin is registered with another spec, as '{known.Unit}'; another id would be right");
        }
        return TwinChecks.Spec(spec) is { } wrong
            ? Refuse("invalid", wrong)
            : [new Effect.Persist(new TwinRegistered(spec)), new Effect.Reply(new Done())];
    }

    private static IReadOnlyList<Effect> Take(TwinState state, Measure measure)
    {
        if (state.Spec is null) return Refuse("not-found", "this twin was never registered; RegisterTwin comes first");
        if (TwinChecks.Shape(measure) is { } wrong) return Refuse("invalid", wrong);
        var last = measure.FirstRow + measure.TimesS.Length - 1;
        if (last <= state.Taken) return [new Effect.Reply(new RowsAccepted(state.Taken))];
        if (state.Pending is not null) return [new Effect.Stash()];
        if (measure.FirstRow > state.Taken + 1)
        {
            return Refuse("conflict", string.Create(CultureInfo.InvariantCulture,
                $"row {measure.FirstRow} was sent where row {state.Taken + 1} is next; send the rows between first"));
        }
        if (TwinChecks.Values(measure, state.Taken, state.TakenTimeS) is { } bad) return Refuse("invalid", bad);

        // What was seen before is dropped; the rest takes effect.
        var seen = (int)(state.Taken + 1 - measure.FirstRow);
        var rows = new PendingRows(state.Taken + 1, measure.TimesS[seen..], measure.Inputs[seen..], measure.Measured[seen..], 0);
        return
        [
            new Effect.Persist(new RowsTaken(rows.FirstRow, rows.TimesS, rows.Inputs, rows.Measured)),
            Filter(state, rows),
            new Effect.Reply(new RowsAccepted(last)),
        ];
    }

    private static IReadOnlyList<Effect> Sampled(TwinState state, Observe observe, DecisionContext context)
    {
        if (state.Spec is null) return Refuse("not-found", "this twin was never registered; RegisterTwin comes first");
        var plant = state.Plant ?? PlantState.Empty;
        if (TwinSampling.Problem(plant, observe) is { } wrong) return Refuse("invalid", wrong);
        var sorted = TwinSampling.Sort(plant, observe, context.Now);
        var reply = new Effect.Reply(new SamplesAccepted(sorted.Taken.Length, sorted.Seen, sorted.Late.Length));
        if (sorted.Taken.Length + sorted.Late.Length == 0) return [reply];
        var rows = TwinSampling.Rows(state, plant, sorted.Taken);
        if (rows is not null && state.Pending is not null) return [new Effect.Stash()];
        List<Effect> effects = [new Effect.Persist(new SamplesTaken(sorted.Taken, sorted.Late))];
        if (rows is not null)
        {
            effects.Add(new Effect.Persist(new RowsTaken(rows.FirstRow, rows.TimesS, rows.Inputs, rows.Measured)));
            effects.Add(Filter(state, rows));
        }
        effects.Add(reply);
        return effects;
    }

    private static IReadOnlyList<Effect> Estimated(TwinState state, ComputeCompleted done)
    {
        if (state.Pending is not { } rows || done.Name != Name(rows)) return [];
        if (done.Result is not RowsFiltered filtered || filtered.Estimate.Row != rows.LastRow)
            return Failed(state, new ComputeFailed(done.Name, "the result is not one of these rows"));
        List<Effect> effects =
        [
            new Effect.Persist(new TwinEstimated(filtered.Estimate, filtered.Predicted, filtered.PredictedVariance, filtered.NisMean)),
        ];
        var limit = state.Spec!.AlarmNis;
        if (!state.InAlarm && filtered.NisMean > limit)
            effects.Add(new Effect.Persist(new AlarmRaised(rows.LastRow, filtered.NisMean, limit)));
        if (state.InAlarm && filtered.NisMean < 0.5 * limit)
            effects.Add(new Effect.Persist(new AlarmCleared(rows.LastRow, filtered.NisMean)));
        return effects;
    }

    private static IReadOnlyList<Effect> Failed(TwinState state, ComputeFailed failed)
    {
        if (state.Pending is not { } rows || failed.Name != Name(rows)) return [];
        var again = rows with { Attempt = rows.Attempt + 1 };
        return again.Attempt < MaxAttempts
            ? [new Effect.Persist(new FilterRetried(again.Attempt, failed.Reason)), Filter(state, again)]
            : [new Effect.Persist(new RowsSetAside(rows.FirstRow, rows.Count, failed.Reason))];
    }

    private static Effect.StartCompute Filter(TwinState state, PendingRows rows) => new(
        Name(rows),
        new FilterRows(
            state.Model!, state.Estimate, state.LastInputs, rows.TimesS, rows.Inputs, rows.Measured, state.Spec!.MaxGapS, state.Nis,
            state.Spec.AlarmWindow, rows.FirstRow),
        Deadline);

    private static string Name(PendingRows rows) =>
        string.Create(CultureInfo.InvariantCulture, $"filter-{rows.FirstRow}-{rows.Attempt}");

    internal static IReadOnlyList<Effect> Refuse(string code, string reason) => [new Effect.Reply(new Rejected(code, reason))];
}
