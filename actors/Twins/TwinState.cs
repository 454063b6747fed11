using System.Collections.Immutable;
using Athanor.Actors.Twins.Units;
using Athanor.Protocol;
using Athanor.Protocol.Twins;

namespace Athanor.Actors.Twins;

/// <summary>Rows that are in the journal and wait for their estimate.</summary>
/// <param name="Attempt">Attempts that failed.</param>
[MessagePart]
public sealed record PendingRows(
    [property: Key(0)] long FirstRow, [property: Key(1)] double[] TimesS, [property: Key(2)] double[] Inputs,
    [property: Key(3)] double[] Measured, [property: Key(4)] int Attempt)
{
    public int Count => TimesS.Length;

    public long LastRow => FirstRow + Count - 1;
}

/// <summary>The models that a twin ran before the present one, oldest first: those that it can go back to, at most
/// <see cref="TwinAdopting.MaxEarlier"/>.</summary>
[MessagePart]
public sealed record EarlierModels([property: Key(0)] ImmutableArray<TwinModel> Models);

/// <summary>One plant unit as its journal tells it.</summary>
/// <param name="Taken">Number of the last row taken: the high-water mark.</param>
/// <param name="TakenTimeS">Its source time, s.</param>
/// <param name="Estimate">After the last row filtered; its row is 0 before the first.</param>
/// <param name="LastInputs">Inputs that act since then.</param>
/// <param name="Nis">Forgetting mean of the normalised innovation squared.</param>
/// <param name="Pending">Rows being filtered, or null.</param>
/// <param name="History">Estimates at the ends of batches, oldest first, at most <see cref="TwinDecider.MaxHistory"/>.</param>
/// <param name="SetAside">Rows that could not be filtered, in all.</param>
/// <param name="Plant">What came from and went to the plant; null, and not in the bytes, before the first sample or move.</param>
/// <param name="Earlier">Models to go back to; null, and not in the bytes, before the first adoption that says why.</param>
/// <param name="Unit">Of a twin made by <c>twins.create</c>, which uses nothing of the above; null, and not in the bytes, of any other.</param>
[Message("twins.state")]
public sealed record TwinState(
    [property: Key(0)] TwinSpec? Spec, [property: Key(1)] TwinModel? Model, [property: Key(2)] long Taken,
    [property: Key(3)] double TakenTimeS, [property: Key(4)] TwinEstimate Estimate, [property: Key(5)] double[] LastInputs,
    [property: Key(6)] double Nis, [property: Key(7)] PendingRows? Pending, [property: Key(8)] ImmutableArray<TwinEstimate> History,
    [property: Key(9)] ImmutableArray<TwinAlarm> Alarms, [property: Key(10)] ImmutableArray<TwinAdoption> Adoptions,
    [property: Key(11)] long SetAside, [property: Key(12)] PlantState? Plant = null,
    [property: Key(13)] EarlierModels? Earlier = null, [property: Key(14)] UnitState? Unit = null) : IState
{
    public static TwinState Empty { get; } = new(null, null, 0, 0, new TwinEstimate(0, 0, [], []), [], 1.0, null, [], [], [], 0);

    /// <summary>Whether the last alarm still stands.</summary>
    public bool InAlarm => Alarms.Length > 0 && Alarms[^1].Cleared == 0;
}
