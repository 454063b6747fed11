using System.Collections.Immutable;

namespace Athanor.Protocol.Models;

/// <summary>Registers a model under its entity's id. The same again has no effect.</summary>
/// <param name="Kind">What it is: <c>kinetics</c>, <c>hybrid</c>, <c>ensemble</c>, ...</param>
/// <param name="Description">For people.</param>
[Message("models.register-model")]
public sealed record RegisterModel([property: Key(0)] string Kind, [property: Key(1)] string Description) : ICommand;

/// <summary>Fits rate constants from many starts, in parts that any slots do, and records the best as a new version.</summary>
/// <param name="Fit">Id of the fit, unique in the model. The same id with the same spec has effect once.</param>
/// <param name="Seed">All starts are drawn from it.</param>
/// <param name="Starts">How many starts.</param>
/// <param name="Parts">How many pieces of work they are cut into.</param>
[Message("models.fit-kinetics")]
public sealed record FitKinetics(
    [property: Key(0)] string Fit, [property: Key(1)] ReactionNetwork Network, [property: Key(2)] KineticData Data,
    [property: Key(3)] FitSettings Settings, [property: Key(4)] ulong Seed, [property: Key(5)] int Starts, [property: Key(6)] int Parts)
    : ICommand;

/// <summary>Records a version that a training run made. The same source with the same contents has effect once.</summary>
/// <param name="Source">Where it comes from, e.g. <c>training/tclab-hybrid#segment-12</c>; unique among the model's versions.</param>
/// <param name="Parent">Number of the version that it goes on from; 0 for none.</param>
/// <param name="DataHash">SHA-256 (lower-case hex) of the data that it was made from; empty if it was imported and nobody knows.</param>
/// <param name="BlobHash">SHA-256 (lower-case hex) of its weights.</param>
/// <param name="Details">The rest of its lineage, and what it is given and gives.</param>
[Message("models.add-version")]
public sealed record AddVersion(
    [property: Key(0)] string Source, [property: Key(1)] int Parent, [property: Key(2)] string DataHash,
    [property: Key(3)] string BlobHash, [property: Key(4)] ImmutableSortedDictionary<string, double> Metrics,
    [property: Key(5)] VersionDetails? Details = null) : ICommand;

/// <summary>Records that somebody uses a version from now on.</summary>
/// <param name="By">Who, e.g. <c>twins/tclab</c>.</param>
[Message("models.mark-adopted")]
public sealed record MarkAdopted([property: Key(0)] int Version, [property: Key(1)] string By) : ICommand;

/// <summary>The command recorded this version, or had done so before.</summary>
[Message("models.version-recorded")]
public sealed record VersionRecorded([property: Key(0)] int Version) : IReply;

/// <summary>One version of a model with its lineage. Versions are numbered from 1.</summary>
/// <param name="Parameters">By name, for models small enough to be told by numbers; empty when a blob holds them.</param>
[MessagePart]
public sealed record ModelVersion(
    [property: Key(0)] int Number, [property: Key(1)] string Source, [property: Key(2)] int Parent, [property: Key(3)] string DataHash,
    [property: Key(4)] string BlobHash, [property: Key(5)] ImmutableSortedDictionary<string, double> Metrics,
    [property: Key(6)] ImmutableSortedDictionary<string, double> Parameters, [property: Key(7)] VersionDetails? Details = null);

/// <summary>Which version somebody uses; version 0: none of this model any more.</summary>
[MessagePart]
public sealed record Adoption([property: Key(0)] int Version, [property: Key(1)] string By)
{
    /// <summary>Who uses which version after these adoptions, by name.</summary>
    public static ImmutableSortedDictionary<string, int> Now(ImmutableArray<Adoption> adoptions)
    {
        var now = ImmutableSortedDictionary.CreateBuilder<string, int>(StringComparer.Ordinal);
        foreach (var adoption in adoptions)
        {
            if (adoption.Version == 0) now.Remove(adoption.By);
            else now[adoption.By] = adoption.Version;
        }
        return now.ToImmutable();
    }
}

[Message("models.model-registered")]
public sealed record ModelRegistered([property: Key(0)] string Kind, [property: Key(1)] string Description) : IEvent;

/// <summary>A fit was started; the command is kept whole, so that it can be shown and done again.</summary>
[Message("models.fit-started")]
public sealed record FitStarted([property: Key(0)] FitKinetics Command) : IEvent;

[Message("models.fit-part-done")]
public sealed record FitPartDone(
    [property: Key(0)] string Fit, [property: Key(1)] int Part, [property: Key(2)] FitKineticsWorkResult Result) : IEvent;

[Message("models.fit-failed")]
public sealed record FitFailed([property: Key(0)] string Fit, [property: Key(1)] string Reason) : IEvent;

[Message("models.version-added")]
public sealed record VersionAdded([property: Key(0)] ModelVersion Version) : IEvent;

[Message("models.version-adopted")]
public sealed record VersionAdopted([property: Key(0)] Adoption Adoption) : IEvent;

/// <summary>Asks for a model's versions, lineage, adoptions and fits.</summary>
[Message("models.model-query")]
public sealed record ModelQuery : IQuery;

[Message("models.model-view")]
public sealed record ModelView(
    [property: Key(0)] string Kind, [property: Key(1)] string Description, [property: Key(2)] ImmutableArray<ModelVersion> Versions,
    [property: Key(3)] ImmutableArray<Adoption> Adoptions, [property: Key(4)] ImmutableArray<FitSummary> Fits,
    [property: Key(5)] StageHistory? Stages = null) : IReply
{
    /// <summary>The version in production; 0 if there is none.</summary>
    public int Production => Stages?.Production ?? 0;

    public ModelStage StageOf(int version) => Stages?.Of(version) ?? ModelStage.Candidate;

    /// <summary>Who uses which version now, by name.</summary>
    public ImmutableSortedDictionary<string, int> InUse => Adoption.Now(Adoptions);
}

/// <param name="Version">The version that came of it; 0 until all parts are in.</param>
/// <param name="Failure">Why it failed, or empty.</param>
[MessagePart]
public sealed record FitSummary(
    [property: Key(0)] string Fit, [property: Key(1)] int PartsDone, [property: Key(2)] int Parts, [property: Key(3)] int Version,
    [property: Key(4)] string Failure);

/// <summary>Asks for the results of a fit.</summary>
[Message("models.fit-query")]
public sealed record FitQuery([property: Key(0)] string Fit) : IQuery;

/// <param name="SumOfSquares">By start; empty until all parts are in.</param>
/// <param name="Best">The part that holds the best start; null until all parts are in.</param>
[Message("models.fit-view")]
public sealed record FitView(
    [property: Key(0)] FitSummary Summary, [property: Key(1)] FitKinetics Spec, [property: Key(2)] double[] SumOfSquares,
    [property: Key(3)] FitKineticsWorkResult? Best) : IReply;
