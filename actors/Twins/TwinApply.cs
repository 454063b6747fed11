using System.Collections.Immutable;
using Athanor.Protocol;
using Athanor.Protocol.Twins;

namespace Athanor.Actors.Twins;

/// <summary>What events do to a twin's state: numbers are copied, never calculated.</summary>
internal static class TwinApply
{
    public static TwinState Apply(TwinState state, IEvent @event) => @event switch
    {
        TwinRegistered e => state with
        {
            Spec = e.Spec,
            Model = e.Spec.Model,
            Adoptions = [new TwinAdoption(e.Spec.Model.Version, e.Spec.Model.Kind, e.Spec.Model.Source, 0)],
        },
        RowsTaken e => state with
        {
            Taken = e.FirstRow + e.TimesS.Length - 1,
            TakenTimeS = e.TimesS[^1],
            Pending = new PendingRows(e.FirstRow, e.TimesS, e.Inputs, e.Measured, 0),
        },
        FilterRetried e => state with { Pending = state.Pending! with { Attempt = e.Attempt } },
        TwinEstimated e => Estimated(state, e),
        RowsSetAside e => state with { Pending = null, SetAside = state.SetAside + e.Count },
        AlarmRaised e => state with { Alarms = Latest(state.Alarms.Add(new TwinAlarm(e.Row, 0, e.Nis)), TwinDecider.MaxAlarms) },
        AlarmCleared e => state with { Alarms = state.Alarms.SetItem(state.Alarms.Length - 1, state.Alarms[^1] with { Cleared = e.Row }) },
        ModelAdopted e => TwinAdopting.Apply(state, e),
        ModelReverted e => TwinAdopting.Apply(state, e),
        SamplesTaken e => state with { Plant = TwinSampling.Apply(state.Plant ?? PlantState.Empty, e) },
        TwinMoved e => state with { Plant = (state.Plant ?? PlantState.Empty) with { Move = e } },
        _ => throw new InvalidOperationException($"a twin has no event {@event.GetType().Name}"),
    };

    private static TwinState Estimated(TwinState state, TwinEstimated e) => state with
    {
        Estimate = e.Estimate,
        LastInputs = [state.Pending!.Inputs[^1]],
        Nis = e.NisMean,
        Pending = null,
        History = Latest(state.History.Add(e.Estimate), TwinDecider.MaxHistory),
    };

    internal static ImmutableArray<T> Latest<T>(ImmutableArray<T> all, int most) =>
        all.Length > most ? all.RemoveRange(0, all.Length - most) : all;
}
