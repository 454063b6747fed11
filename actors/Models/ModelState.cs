using System.Collections.Immutable;
using Athanor.Protocol;
using Athanor.Protocol.Models;

namespace Athanor.Actors.Models;

/// <summary>What a model entity is.</summary>
/// <param name="Kind">Empty until the model is registered.</param>
/// <param name="Versions">In order of their numbers, from 1 without a gap.</param>
/// <param name="Adoptions">In the order in which they were told.</param>
/// <param name="Fits">Fits of first-order networks.</param>
/// <param name="ModelFits">General fits; null, and not in the bytes, before the first.</param>
/// <param name="Stages">Null, and not in the bytes, before a version's stage is first changed.</param>
[Message("models.state")]
public sealed record ModelState(
    [property: Key(0)] string Kind, [property: Key(1)] string Description, [property: Key(2)] ImmutableArray<ModelVersion> Versions,
    [property: Key(3)] ImmutableArray<Adoption> Adoptions, [property: Key(4)] ImmutableSortedDictionary<string, FitState> Fits,
    [property: Key(5)] ImmutableSortedDictionary<string, ModelFitState>? ModelFits = null,
    [property: Key(6)] StageHistory? Stages = null) : IState
{
    public static ModelState Empty { get; } =
        new("", "", [], [], ImmutableSortedDictionary<string, FitState>.Empty.WithComparers(StringComparer.Ordinal));

    public bool IsRegistered => Kind.Length > 0;
}

/// <summary>A fit that was started.</summary>
/// <param name="Done">Results by part.</param>
/// <param name="Version">The version that came of it; 0 until all parts are in.</param>
/// <param name="Failure">Why it failed, or empty.</param>
[MessagePart]
public sealed record FitState(
    [property: Key(0)] FitKinetics Command, [property: Key(1)] ImmutableSortedDictionary<int, FitKineticsWorkResult> Done,
    [property: Key(2)] int Version, [property: Key(3)] string Failure)
{
    /// <summary>The part with the smallest sum of squares, the first of equals; null if no part is in.</summary>
    public FitKineticsWorkResult? Best => Done.Values.MinBy(result => result.Naive.SumOfSquares);

    public FitSummary Summary => new(Command.Fit, Done.Count, Command.Parts, Version, Failure);
}
