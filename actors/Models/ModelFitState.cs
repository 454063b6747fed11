using System.Collections.Immutable;
using Athanor.Protocol;
using Athanor.Protocol.Models;

namespace Athanor.Actors.Models;

/// <summary>A fit that was started by models.fit-model.</summary>
/// <param name="Done">Results by part.</param>
/// <param name="Analysis">Null until all parts are in and it was made.</param>
/// <param name="Profiles">By parameter.</param>
/// <param name="Version">The version that came of it; 0 until everything is in.</param>
/// <param name="Failure">Why it failed, or empty.</param>
[MessagePart]
public sealed record ModelFitState(
    [property: Key(0)] FitModel Command, [property: Key(1)] ImmutableSortedDictionary<int, FitModelWorkResult> Done,
    [property: Key(2)] FitAnalysisWorkResult? Analysis,
    [property: Key(3)] ImmutableSortedDictionary<string, FitProfileWorkResult> Profiles, [property: Key(4)] int Version,
    [property: Key(5)] string Failure)
{
    public static ModelFitState Of(FitModel command) => new(
        command, ImmutableSortedDictionary<int, FitModelWorkResult>.Empty, null,
        ImmutableSortedDictionary<string, FitProfileWorkResult>.Empty.WithComparers(StringComparer.Ordinal), 0, "");

    public bool AllStarts => Done.Count == Command.Parts;

    /// <summary>The part with the smallest value, the first of equals; null if no part is in.</summary>
    public FitModelWorkResult? Best => Done.Values.MinBy(result => result.Value);

    public int AtBest
    {
        get
        {
            if (Best is not { } best) return 0;
            // As Athanor.Compute.Fitting.FitSearch.IsAtBest says.
            var noise = best.Absolute ? Compute.Fitting.FitNoise.Absolute : Compute.Fitting.FitNoise.Relative;
            return Done.Values.Sum(part => part.Values.Count(v => Compute.Fitting.FitSearch.IsAtBest(noise, v, best.Value)));
        }
    }

    public bool IsComplete => Analysis is not null && (!Command.Profiles || Profiles.Count == Command.Estimated.Length);

    public FitReport Report => new(
        Command, Done.Values.Sum(part => part.Values.Length), AllStarts ? [.. Done.Values.SelectMany(part => part.Values)] : [],
        AllStarts ? AtBest : 0, Best, Analysis, [.. Profiles.Values], Version, Failure);
}
