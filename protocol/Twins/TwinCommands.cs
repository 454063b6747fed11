namespace Athanor.Protocol.Twins;

/// <summary>Makes a twin of a plant unit. Sent again with the same spec it has no effect; with another it is a conflict.</summary>
[Message("twins.register")]
public sealed record RegisterTwin([property: Key(0)] TwinSpec Spec) : ICommand;

/// <summary>
/// Measured rows, in order. Row <c>FirstRow + i</c> has source time <c>TimesS[i]</c>, inputs <c>Inputs[i*m .. i*m+m)</c> and measured
/// values <c>Measured[i*p .. i*p+p)</c>. A row whose number was seen before has no second effect, so a sender that does not know what
/// arrived may send again; a row number that skips one is refused. An input acts from its row's time on.
/// </summary>
/// <param name="FirstRow">Number of the first row, from 1.</param>
/// <param name="TimesS">Source times, s, rising strictly.</param>
[Message("twins.measure")]
public sealed record Measure(
    [property: Key(0)] long FirstRow, [property: Key(1)] double[] TimesS, [property: Key(2)] double[] Inputs,
    [property: Key(3)] double[] Measured) : ICommand;

/// <summary>The rows are in the journal and will be filtered (or were there before).</summary>
/// <param name="LastRow">The last row taken.</param>
[Message("twins.measured")]
public sealed record RowsAccepted([property: Key(0)] long LastRow) : IReply;

/// <summary>Gives the twin another model from the next row on. The same version again has no effect; a version that is not higher
/// than the present one is a conflict.</summary>
/// <param name="Start">The estimate that this model reached by filtering the same rows, if known: it is taken over if its row is the
/// twin's last row (else it is a conflict). Null keeps the twin's temperatures and starts the rest from the model's prior.</param>
/// <param name="Why">For people, 1 to 512 characters. If it is given, the journal keeps it with who sent this, and the twin itself tells the
/// registered models named by the sources of its old and its new model (<c>models/ID@VERSION</c>) who uses them now. Null leaves that to the
/// sender.</param>
[Message("twins.adopt-model")]
public sealed record AdoptModel(
    [property: Key(0)] TwinModel Model, [property: Key(1)] TwinEstimate? Start = null, [property: Key(2)] string? Why = null) : ICommand;

/// <summary>Gives the twin back the model that it ran before the present one, from the next row on, under the next version number. The
/// models named by the sources are told as <see cref="AdoptModel"/> says. Sent again it has no second effect.</summary>
/// <param name="Version">The version that the twin runs now, and shall leave.</param>
/// <param name="Why">For people, 1 to 512 characters.</param>
[Message("twins.revert-model", Since = 1)]
public sealed record RevertModel([property: Key(0)] long Version, [property: Key(1)] string Why) : ICommand;

/// <summary>Asks for the present estimate.</summary>
[Message("twins.query")]
public sealed record TwinQuery : IQuery;

/// <summary>Asks for estimates at the ends of past batches, oldest first, at most 200 a page.</summary>
/// <param name="AfterRow">Estimates of rows after this one.</param>
[Message("twins.history-query")]
public sealed record TwinHistoryQuery([property: Key(0)] long AfterRow) : IQuery;
