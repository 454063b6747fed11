using System.Collections.Immutable;

namespace Athanor.Protocol.Twins;

/// <param name="StateNames">Names and units of the states, in the order of the estimate.</param>
/// <param name="Busy">Whether rows are being filtered; <paramref name="Taken"/> is then ahead of the estimate's row.</param>
/// <param name="Taken">The last row in the journal.</param>
/// <param name="Nis">Mean normalised innovation squared over the alarm window; 1 is expected.</param>
/// <param name="Alarms">The latest alarms, oldest first, at most 32.</param>
/// <param name="Adoptions">Models taken up, oldest first.</param>
/// <param name="SetAside">Rows that could not be filtered, in all.</param>
[Message("twins.view")]
public sealed record TwinView(
    [property: Key(0)] string Unit, [property: Key(1)] TwinModel Model, [property: Key(2)] ImmutableArray<string> StateNames,
    [property: Key(3)] TwinEstimate Estimate, [property: Key(4)] bool Busy, [property: Key(5)] long Taken, [property: Key(6)] double Nis,
    [property: Key(7)] ImmutableArray<TwinAlarm> Alarms, [property: Key(8)] ImmutableArray<TwinAdoption> Adoptions,
    [property: Key(9)] long SetAside) : IReply;

/// <param name="Estimates">One at the end of each batch and at each adoption, oldest first; of two of one row the later is the adopted model's.</param>
/// <param name="More">Whether there are estimates after the last of these.</param>
[Message("twins.history")]
public sealed record TwinHistory([property: Key(0)] ImmutableArray<TwinEstimate> Estimates, [property: Key(1)] bool More) : IReply;
