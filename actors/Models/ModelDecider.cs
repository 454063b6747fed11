using System.Collections.Immutable;
using System.Globalization;
using Athanor.Protocol;
using Athanor.Protocol.Models;

namespace Athanor.Actors.Models;

/// <summary>
/// The rules of the models family. A model is registered once and then holds versions, numbered from 1, each with its lineage: the
/// version it goes on from, the hash of the data, where it came from, its metrics. Nothing of a version ever changes.
///
/// A kinetic fit is started by one command, dispatched in parts under the names <c>fit-ID-PART</c>, and becomes a version when its last
/// part is in. Parts come in any order and count once; the version does not depend on their order, since the best is the smallest sum of
/// squares and of equals the one of the lowest part. A part that fails ends the fit with its reason and cancels the rest. The same
/// command again (a retry, a restarted client) has no further effect; the same id with another spec is a conflict. General fits follow
/// <see cref="ModelFitRules"/>.
/// </summary>
public sealed class ModelDecider : Decider<ModelState>
{
    private const string Prefix = "fit-";

    private static readonly TimeSpan Deadline = TimeSpan.FromMinutes(10);

    public override string Family => "models";

    public override ModelState Initial(EntityAddress address) => ModelState.Empty;

    public override IReadOnlyList<Effect> Decide(ModelState state, ICommand command, DecisionContext context) => command switch
    {
        RegisterModel register => Register(state, register),
        WorkCompleted { Result: FitKineticsWorkResult result } done => TakePart(state, done.Name, result),
        WorkCompleted done when ModelFitRules.Owns(done.Name) => ModelFitRules.Take(state, done.Name, done.Result),
        WorkCompleted => [],
        WorkFailed failed when ModelFitRules.Owns(failed.Name) => ModelFitRules.Fail(state, failed.Name, failed.Reason),
        WorkFailed failed => FailPart(state, failed.Name, failed.Reason),
        _ when !state.IsRegistered =>
            Refuse("not-found", $"the model {context.Address} is not registered; send models.register-model first"),
        FitKinetics fit => StartFit(state, fit),
        FitModel fit => ModelFitRules.Start(state, fit),
        AddVersion add => Add(state, add),
        MarkAdopted adopted => ModelStageRules.Adopt(state, adopted),
        MarkReleased released => ModelStageRules.Release(state, released),
        SetStage stage => ModelStageRules.SetStage(state, stage, context),
        _ => Refuse("invalid", $"a model does not know the command {command.GetType().Name}"),
    };

    public override ModelState Apply(ModelState state, IEvent @event) => @event switch
    {
        ModelRegistered e => state with { Kind = e.Kind, Description = e.Description },
        FitStarted e => state with
        {
            Fits = state.Fits.SetItem(
                e.Command.Fit, new FitState(e.Command, ImmutableSortedDictionary<int, FitKineticsWorkResult>.Empty, 0, "")),
        },
        FitPartDone e => With(state, e.Fit, fit => fit with { Done = fit.Done.SetItem(e.Part, e.Result) }),
        FitFailed e => With(state, e.Fit, fit => fit with { Failure = e.Reason }),
        VersionAdded e => Link(state with { Versions = state.Versions.Add(e.Version) }, e.Version),
        VersionAdopted e => state with { Adoptions = state.Adoptions.Add(e.Adoption) },
        VersionReleased e => state with { Adoptions = state.Adoptions.Add(new Adoption(0, e.By)) },
        StageSet e => state with { Stages = new StageHistory((state.Stages?.Changes ?? []).Add(e.Change)) },
        _ => ModelFitRules.Apply(state, @event),
    };

    public override IReply Answer(ModelState state, IQuery query) => query switch
    {
        _ when !state.IsRegistered => new Rejected("not-found", "there is no such model; register it with models.register-model"),
        ModelQuery => new ModelView(
            state.Kind, state.Description, state.Versions, state.Adoptions, [.. state.Fits.Values.Select(fit => fit.Summary)],
            state.Stages),
        FitQuery ask when state.Fits.TryGetValue(ask.Fit, out var fit) => View(fit),
        FitReportQuery ask => ModelFitRules.Answer(state, ask),
        FitQuery ask => new Rejected("not-found", $"there is no fit '{ask.Fit}' here; known: {string.Join(", ", state.Fits.Keys)}"),
        _ => new Rejected("invalid", $"a model does not know the query {query.GetType().Name}"),
    };

    /// <summary>First start and number of starts of a part; parts differ by at most one start.</summary>
    internal static (int First, int Count) Range(int starts, int parts, int part)
    {
        var first = (int)((long)starts * part / parts);
        return (first, (int)((long)starts * (part + 1) / parts) - first);
    }

    private static IReadOnlyList<Effect> Register(ModelState state, RegisterModel command)
    {
        if (!EntityAddress.IsValidPart(command.Kind))
            return Refuse("invalid", $"'{command.Kind}' is no kind of model; it must be 1 to 128 of letters, digits, '.', '_' and '-'");
        if (!state.IsRegistered)
            return [new Effect.Persist(new ModelRegistered(command.Kind, command.Description)), new Effect.Reply(new Done())];
        return state.Kind == command.Kind && state.Description == command.Description
            ? [new Effect.Reply(new Done())]
            : Refuse("conflict", $"the model is registered as {state.Kind}, '{state.Description}'");
    }

    private static IReadOnlyList<Effect> StartFit(ModelState state, FitKinetics command)
    {
        if (!EntityAddress.IsValidPart(command.Fit))
            return Refuse("invalid", $"'{command.Fit}' is no fit id; it must be 1 to 128 of letters, digits, '.', '_' and '-'");
        if (FitChecks.Problem(command.Network, command.Data, command.Settings) is { } problem) return Refuse("invalid", problem);
        if (command.Starts is < 1 or > FitChecks.MaxStarts)
            return Refuse("invalid", $"Starts is {command.Starts}; it must be 1 to {FitChecks.MaxStarts}");
        if (command.Parts < 1 || command.Parts > command.Starts)
            return Refuse("invalid", $"Parts is {command.Parts}; it must be 1 to the number of starts, {command.Starts}");
        if (state.Fits.TryGetValue(command.Fit, out var known))
        {
            return Same(known.Command, command)
                ? [new Effect.Reply(new Done())]
                : Refuse("conflict", $"the fit '{command.Fit}' exists with another spec; choose another id");
        }
        var effects = new List<Effect> { new Effect.Persist(new FitStarted(command)) };
        for (var part = 0; part < command.Parts; part++)
        {
            var (first, count) = Range(command.Starts, command.Parts, part);
            effects.Add(new Effect.Dispatch(
                Name(command.Fit, part), new FitKineticsWork(command.Network, command.Data, command.Settings, first, count), command.Seed,
                [], Deadline));
        }
        effects.Add(new Effect.Reply(new Done()));
        return effects;
    }

    private static IReadOnlyList<Effect> TakePart(ModelState state, string name, FitKineticsWorkResult result)
    {
        if (!TryPart(state, name, out var fit, out var part)) return [];
        var (first, count) = Range(fit.Command.Starts, fit.Command.Parts, part);
        if (result.First != first || result.SumOfSquares.Length != count)
        {
            return FailPart(
                state, name, $"the result covers {result.SumOfSquares.Length} starts from {result.First}, not {count} from {first}");
        }
        var effects = new List<Effect> { new Effect.Persist(new FitPartDone(fit.Command.Fit, part, result)) };
        var whole = fit with { Done = fit.Done.SetItem(part, result) };
        if (whole.Done.Count < fit.Command.Parts) return effects;
        effects.Add(new Effect.Persist(new VersionAdded(Version(state, whole))));
        return effects;
    }

    private static IReadOnlyList<Effect> FailPart(ModelState state, string name, string reason)
    {
        if (!TryPart(state, name, out var fit, out var part)) return [];
        var effects = new List<Effect> { new Effect.Persist(new FitFailed(fit.Command.Fit, $"part {part}: {reason}")) };
        for (var other = 0; other < fit.Command.Parts; other++)
        {
            if (other != part && !fit.Done.ContainsKey(other)) effects.Add(new Effect.CancelWork(Name(fit.Command.Fit, other)));
        }
        return effects;
    }

    private static ModelVersion Version(ModelState state, FitState fit)
    {
        var best = fit.Best!;
        var names = fit.Command.Network.Parameters;
        var sums = fit.Done.Values.SelectMany(part => part.SumOfSquares).ToArray();
        var metrics = ImmutableSortedDictionary.CreateBuilder<string, double>(StringComparer.Ordinal);
        metrics["sse"] = best.Naive.SumOfSquares;
        metrics["starts"] = fit.Command.Starts;
        metrics["starts-at-best"] = sums.Count(sum => IsAtBest(sum, best.Naive.SumOfSquares));
        var parameters = ImmutableSortedDictionary.CreateBuilder<string, double>(StringComparer.Ordinal);
        for (var k = 0; k < names.Length; k++)
        {
            parameters[names[k]] = best.Naive.Parameters[k];
            metrics[$"naive-relative-error.{names[k]}"] = best.Naive.RelativeErrors[k];
            metrics[$"independent-relative-error.{names[k]}"] = best.Independent.RelativeErrors[k];
        }
        var parent = state.Versions.LastOrDefault()?.Number ?? 0;
        return new ModelVersion(
            state.Versions.Length + 1, $"fit:{fit.Command.Fit}", parent, fit.Command.Data.Hash, "", metrics.ToImmutable(),
            parameters.ToImmutable());
    }

    /// <summary>Whether a start came to the best sum of squares: within 1e-5, or 1e-6 of a sum above 10.</summary>
    internal static bool IsAtBest(double sum, double best) => sum - best <= 1e-6 * Math.Max(best, 10.0);

    private static IReadOnlyList<Effect> Add(ModelState state, AddVersion command)
    {
        if (command.Source.Length is 0 or > 512)
            return Refuse("invalid", "Source must say in 1 to 512 characters where the version comes from");
        if (command.Parent < 0 || command.Parent > state.Versions.Length)
            return Refuse("not-found", $"the parent is version {command.Parent}; {Known(state)}, and 0 stands for none");
        var (details, imported) = (command.Details, command.Source.StartsWith("import:", StringComparison.Ordinal));
        var hashes = (details?.Data ?? []).Select(hash => ("Data", hash)).Prepend(("BlobHash", command.BlobHash));
        // Whoever brings a model from elsewhere may not have its data.
        if (command.DataHash.Length > 0 || !imported) hashes = hashes.Prepend(("DataHash", command.DataHash));
        foreach (var (name, hash) in hashes)
        {
            if (!IsHash(hash)) return Refuse("invalid", $"{name} is '{hash}'; it must be a SHA-256 in 64 lower-case hex digits");
        }
        foreach (var (name, value) in command.Metrics)
        {
            if (!double.IsFinite(value))
                return Refuse("invalid", string.Create(CultureInfo.InvariantCulture, $"the metric '{name}' is {value}; it must be finite"));
        }
        if (details?.Signature is { } signature && ModelStageRules.Problem(signature) is { } wrong) return Refuse("invalid", wrong);
        var version = new ModelVersion(
            state.Versions.Length + 1, command.Source, command.Parent, command.DataHash, command.BlobHash, command.Metrics,
            ImmutableSortedDictionary<string, double>.Empty, details);
        var known = state.Versions.FirstOrDefault(v => v.Source == command.Source);
        if (known is null) return [new Effect.Persist(new VersionAdded(version)), new Effect.Reply(new VersionRecorded(version.Number))];
        var same = known.Parent == version.Parent && known.DataHash == version.DataHash && known.BlobHash == version.BlobHash
            && known.Metrics.SequenceEqual(version.Metrics) && ModelStageRules.Same(known.Details, version.Details);
        return same
            ? [new Effect.Reply(new VersionRecorded(known.Number))]
            : Refuse("conflict", $"version {known.Number} comes from {command.Source} already, with other contents");
    }

    private static FitView View(FitState fit)
    {
        var complete = fit.Done.Count == fit.Command.Parts;
        return new FitView(
            fit.Summary, fit.Command, complete ? [.. fit.Done.Values.SelectMany(part => part.SumOfSquares)] : [],
            complete ? fit.Best : null);
    }

    private static ModelState With(ModelState state, string fit, Func<FitState, FitState> change) =>
        state with { Fits = state.Fits.SetItem(fit, change(state.Fits[fit])) };

    private static ModelState Link(ModelState state, ModelVersion version)
    {
        var id = version.Source.StartsWith("fit:", StringComparison.Ordinal) ? version.Source[4..] : "";
        return state.Fits.ContainsKey(id)
            ? With(state, id, fit => fit with { Version = version.Number }) : ModelFitRules.Link(state, id, version.Number);
    }

    private static string Name(string fit, int part) => string.Create(CultureInfo.InvariantCulture, $"{Prefix}{fit}-{part}");

    /// <summary>Finds the fit and part that work belongs to, if both still want it.</summary>
    private static bool TryPart(ModelState state, string name, out FitState fit, out int part)
    {
        fit = null!;
        part = 0;
        var dash = name.LastIndexOf('-');
        return name.StartsWith(Prefix, StringComparison.Ordinal) && dash > Prefix.Length
            && int.TryParse(name.AsSpan(dash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out part)
            && state.Fits.TryGetValue(name[Prefix.Length..dash], out fit!)
            && fit.Failure.Length == 0 && part < fit.Command.Parts && !fit.Done.ContainsKey(part);
    }

    /// <summary>Whether two commands say the same; arrays are compared by their contents.</summary>
    private static bool Same(FitKinetics a, FitKinetics b) =>
        a.Seed == b.Seed && a.Starts == b.Starts && a.Parts == b.Parts && a.Settings == b.Settings && a.Data.Hash == b.Data.Hash
        && a.Data.Times.AsSpan().SequenceEqual(b.Data.Times) && a.Data.Amounts.AsSpan().SequenceEqual(b.Data.Amounts)
        && a.Network.Species.SequenceEqual(b.Network.Species) && a.Network.Parameters.SequenceEqual(b.Network.Parameters)
        && a.Network.From.AsSpan().SequenceEqual(b.Network.From) && a.Network.To.AsSpan().SequenceEqual(b.Network.To)
        && a.Network.Parameter.AsSpan().SequenceEqual(b.Network.Parameter);

    internal static bool IsHash(string text) => text.Length == 64 && text.All(c => c is (>= '0' and <= '9') or (>= 'a' and <= 'f'));

    internal static string Known(ModelState state) =>
        state.Versions.Length == 0 ? "the model has no versions yet" : $"the model has versions 1 to {state.Versions.Length}";

    internal static IReadOnlyList<Effect> Refuse(string code, string reason) => [new Effect.Reply(new Rejected(code, reason))];
}
