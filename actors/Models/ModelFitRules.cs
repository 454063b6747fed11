using System.Collections.Immutable;
using System.Globalization;
using Athanor.Protocol;
using Athanor.Protocol.Models;

namespace Athanor.Actors.Models;

/// <summary>
/// The rules of general fits. A fit passes three phases: its starts, in parts <c>model-fit-ID-starts-PART</c>; then, from the best of all,
/// the analysis <c>model-fit-ID-analysis</c>; then, if asked, one profile a parameter, <c>model-fit-ID-profile-NAME</c>. When the last piece
/// is in, the fit becomes a version. Pieces count once and in any order; the best is the smallest value and of equals the one of the lowest
/// part, so nothing depends on the order. A piece that fails ends the fit with its reason and cancels the rest.
/// </summary>
internal static class ModelFitRules
{
    private const string Prefix = "model-fit-", StartsMark = "-starts-", AnalysisMark = "-analysis", ProfileMark = "-profile-";
    private const int MaxFiles = 64, MaxParameters = 1_000;

    private static readonly TimeSpan Deadline = TimeSpan.FromHours(1);

    public static bool Owns(string work) => work.StartsWith(Prefix, StringComparison.Ordinal);

    public static IReadOnlyList<Effect> Start(ModelState state, FitModel command)
    {
        if (Problem(command) is { } problem) return Refuse("invalid", problem);
        if (Find(state, command.Fit) is { } known)
        {
            return Same(known.Command, command)
                ? [new Effect.Reply(new Done())]
                : Refuse("conflict", $"the fit '{command.Fit}' exists with another spec; choose another id");
        }
        var effects = new List<Effect> { new Effect.Persist(new FitModelStarted(command)) };
        for (var part = 0; part < command.Parts; part++)
        {
            var (first, count) = ModelDecider.Range(command.Starts, command.Parts, part);
            effects.Add(Dispatch(command, StartsName(command.Fit, part), new FitModelWork(command.Source, command.Starts, first, count)));
        }
        effects.Add(new Effect.Reply(new Done()));
        return effects;
    }

    public static IReadOnlyList<Effect> Take(ModelState state, string work, IWorkResult result) => result switch
    {
        FitModelWorkResult part => TakeStarts(state, work, part),
        FitAnalysisWorkResult analysis => TakeAnalysis(state, work, analysis),
        FitProfileWorkResult profile => TakeProfile(state, work, profile),
        _ => [],
    };

    public static IReadOnlyList<Effect> Fail(ModelState state, string work, string reason)
    {
        if (Wanted(state, work) is not { } fit) return [];
        var effects = new List<Effect> { new Effect.Persist(new FitModelFailed(fit.Command.Fit, $"{work[(Prefix.Length + fit.Command.Fit.Length + 1)..]}: {reason}")) };
        effects.AddRange(Open(fit).Where(name => name != work).Select(name => new Effect.CancelWork(name)));
        return effects;
    }

    public static ModelState Apply(ModelState state, IEvent @event) => @event switch
    {
        FitModelStarted e => Set(state, e.Command.Fit, ModelFitState.Of(e.Command)),
        FitModelPartDone e => With(state, e.Fit, fit => fit with { Done = fit.Done.SetItem(e.Part, e.Result) }),
        FitAnalysed e => With(state, e.Fit, fit => fit with { Analysis = e.Result }),
        FitProfiled e => With(state, e.Fit, fit => fit with { Profiles = fit.Profiles.SetItem(e.Result.Parameter, e.Result) }),
        FitModelFailed e => With(state, e.Fit, fit => fit with { Failure = e.Reason }),
        _ => throw new InvalidOperationException($"a model does not know the event {@event.GetType().Name}"),
    };

    /// <summary>Ties a version to the fit that it came of.</summary>
    public static ModelState Link(ModelState state, string id, int version) =>
        Find(state, id) is null ? state : With(state, id, fit => fit with { Version = version });

    public static IReply Answer(ModelState state, FitReportQuery query) => Find(state, query.Fit) is { } fit
        ? fit.Report
        : new Rejected("not-found", $"there is no fit '{query.Fit}' here; known: {string.Join(", ", state.ModelFits?.Keys ?? [])}");

    public static ModelFitState? Find(ModelState state, string id) =>
        state.ModelFits is not null && state.ModelFits.TryGetValue(id, out var fit) ? fit : null;

    private static IReadOnlyList<Effect> TakeStarts(ModelState state, string work, FitModelWorkResult result)
    {
        if (Wanted(state, work) is not { } fit || Part(fit, work) is not { } part || fit.Done.ContainsKey(part)) return [];
        var (first, count) = ModelDecider.Range(fit.Command.Starts, fit.Command.Parts, part);
        if (result.First != first || result.Values.Length != count || result.Theta.Length != result.Parameters.Length
            || result.AtBound.Length != result.Theta.Length || result.BestStart < first || result.BestStart >= first + count)
        {
            return Fail(state, work, $"the result covers {result.Values.Length} starts from {result.First}, not {count} from {first}");
        }
        var effects = new List<Effect> { new Effect.Persist(new FitModelPartDone(fit.Command.Fit, part, result)) };
        var whole = fit with { Done = fit.Done.SetItem(part, result) };
        if (!whole.AllStarts) return effects;
        var (command, best) = (fit.Command, whole.Best!);
        effects.Add(Dispatch(
            command, AnalysisName(command.Fit), new FitAnalysisWork(command.Source, best.Theta, best.AtBound, best.End, command.Level)));
        if (!command.Profiles) return effects;
        foreach (var name in command.Estimated)
        {
            effects.Add(Dispatch(
                command, ProfileName(command.Fit, name),
                new FitProfileWork(command.Source, best.Theta, best.AtBound, best.End, command.Level, name)));
        }
        return effects;
    }

    private static IReadOnlyList<Effect> TakeAnalysis(ModelState state, string work, FitAnalysisWorkResult result)
    {
        if (Wanted(state, work) is not { Analysis: null } fit || work != AnalysisName(fit.Command.Fit)) return [];
        return Complete(state, fit with { Analysis = result }, new FitAnalysed(fit.Command.Fit, result));
    }

    private static IReadOnlyList<Effect> TakeProfile(ModelState state, string work, FitProfileWorkResult result)
    {
        if (Wanted(state, work) is not { } fit || work != ProfileName(fit.Command.Fit, result.Parameter)) return [];
        if (fit.Profiles.ContainsKey(result.Parameter)) return [];
        return Complete(
            state, fit with { Profiles = fit.Profiles.SetItem(result.Parameter, result) }, new FitProfiled(fit.Command.Fit, result));
    }

    private static IReadOnlyList<Effect> Complete(ModelState state, ModelFitState fit, IEvent @event) => fit.IsComplete
        ? [new Effect.Persist(@event), new Effect.Persist(new VersionAdded(Version(state, fit)))]
        : [new Effect.Persist(@event)];

    private static ModelVersion Version(ModelState state, ModelFitState fit)
    {
        var (best, analysis) = (fit.Best!, fit.Analysis!);
        var metrics = ImmutableSortedDictionary.CreateBuilder<string, double>(StringComparer.Ordinal);
        metrics[best.Absolute ? "negative-log-likelihood" : "half-sum-of-squares"] = best.Value;
        metrics["starts"] = fit.Command.Starts;
        metrics["starts-at-best"] = fit.AtBest;
        var parameters = ImmutableSortedDictionary.CreateBuilder<string, double>(StringComparer.Ordinal);
        foreach (var estimate in analysis.Estimates)
        {
            parameters[estimate.Name] = estimate.Value;
            if (!estimate.Fixed) metrics[$"error.{estimate.Name}"] = estimate.Error;
        }
        var data = fit.Command.Source.Files.First(f => f.Name == fit.Command.Source.Main).Hash;
        return new ModelVersion(
            state.Versions.Length + 1, $"fit:{fit.Command.Fit}", state.Versions.LastOrDefault()?.Number ?? 0, data, "", metrics.ToImmutable(),
            parameters.ToImmutable());
    }

    private static Effect Dispatch(FitModel command, string name, IWork work) =>
        new Effect.Dispatch(name, work, command.Seed, [.. command.Source.Files.Select(f => f.Hash).Distinct().Order(StringComparer.Ordinal)], Deadline);

    /// <summary>The fit that a piece of work belongs to, if it still wants any.</summary>
    private static ModelFitState? Wanted(ModelState state, string work) => state.ModelFits?.Values.FirstOrDefault(fit =>
        fit.Failure.Length == 0 && fit.Version == 0 && Open(fit).Contains(work, StringComparer.Ordinal));

    /// <summary>Names of the pieces that a fit waits for.</summary>
    private static IEnumerable<string> Open(ModelFitState fit)
    {
        var command = fit.Command;
        for (var part = 0; part < command.Parts; part++)
        {
            if (!fit.Done.ContainsKey(part)) yield return StartsName(command.Fit, part);
        }
        if (!fit.AllStarts) yield break;
        if (fit.Analysis is null) yield return AnalysisName(command.Fit);
        if (!command.Profiles) yield break;
        foreach (var name in command.Estimated)
        {
            if (!fit.Profiles.ContainsKey(name)) yield return ProfileName(command.Fit, name);
        }
    }

    private static int? Part(ModelFitState fit, string work)
    {
        var at = Prefix.Length + fit.Command.Fit.Length;
        return work.AsSpan(at).StartsWith(StartsMark, StringComparison.Ordinal)
            && int.TryParse(work.AsSpan(at + StartsMark.Length), NumberStyles.None, CultureInfo.InvariantCulture, out var part) ? part : null;
    }

    private static string StartsName(string fit, int part) => string.Create(CultureInfo.InvariantCulture, $"{Prefix}{fit}{StartsMark}{part}");

    private static string AnalysisName(string fit) => Prefix + fit + AnalysisMark;

    private static string ProfileName(string fit, string parameter) => Prefix + fit + ProfileMark + parameter;

    private static ModelState With(ModelState state, string id, Func<ModelFitState, ModelFitState> change) =>
        Set(state, id, change(Find(state, id)!));

    private static ModelState Set(ModelState state, string id, ModelFitState fit) => state with
    {
        ModelFits = (state.ModelFits ?? ImmutableSortedDictionary<string, ModelFitState>.Empty.WithComparers(StringComparer.Ordinal)).SetItem(id, fit),
    };

    private static string? Problem(FitModel command)
    {
        if (!EntityAddress.IsValidPart(command.Fit)) return $"'{command.Fit}' is no fit id; it must be 1 to 128 of letters, digits, '.', '_' and '-'";
        var source = command.Source;
        if (source.Format is not ("hocon" or "petab")) return $"Format is '{source.Format}'; it must be hocon or petab";
        if (source.Files.Length is 0 or > MaxFiles) return $"the source has {source.Files.Length} files; it must have 1 to {MaxFiles}";
        foreach (var file in source.Files)
        {
            if (!ModelDecider.IsHash(file.Hash)) return $"the hash of '{file.Name}' is '{file.Hash}'; it must be a SHA-256 in 64 lower-case hex digits";
        }
        if (source.Files.All(f => f.Name != source.Main)) return $"the main file '{source.Main}' is not among the files";
        if (command.Starts is < 1 or > FitChecks.MaxStarts) return $"Starts is {command.Starts}; it must be 1 to {FitChecks.MaxStarts}";
        if (command.Parts < 1 || command.Parts > command.Starts)
            return $"Parts is {command.Parts}; it must be 1 to the number of starts, {command.Starts}";
        if (!(command.Level is > 0.5 and < 1.0))
            return string.Create(CultureInfo.InvariantCulture, $"Level is {command.Level:R}; it must be above 0.5 and below 1");
        if (command.Estimated.Length is 0 or > MaxParameters)
            return $"there are {command.Estimated.Length} estimated parameters; there must be 1 to {MaxParameters}";
        return command.Estimated.Distinct(StringComparer.Ordinal).Count() == command.Estimated.Length
            ? null : "a parameter is named twice in Estimated";
    }

    private static bool Same(FitModel a, FitModel b) =>
        a.Seed == b.Seed && a.Starts == b.Starts && a.Parts == b.Parts && a.Level == b.Level && a.Profiles == b.Profiles
        && a.Source.Format == b.Source.Format && a.Source.Main == b.Source.Main && a.Source.Files.SequenceEqual(b.Source.Files)
        && a.Estimated.SequenceEqual(b.Estimated);

    private static IReadOnlyList<Effect> Refuse(string code, string reason) => [new Effect.Reply(new Rejected(code, reason))];
}
