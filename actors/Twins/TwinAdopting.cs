using System.Collections.Immutable;
using System.Globalization;
using Athanor.Compute.Twins;
using Athanor.Protocol;
using Athanor.Protocol.Models;
using Athanor.Protocol.Twins;

namespace Athanor.Actors.Twins;

/// <summary>
/// Which model a twin runs. A new one, or the one before, takes over between two rows under the next version number, so the journal says of
/// each estimate by which numbers it was made. Going back needs nobody but the twin: it keeps the models that it ran.
///
/// A model whose source is <c>models/ID@VERSION</c> is a version of a registered model. Where the command says why, the twin tells that model
/// in the same transaction that it uses the version, and the model that it leaves that it uses none of it any more.
/// </summary>
internal static class TwinAdopting
{
    /// <summary>Models that can be gone back to.</summary>
    public const int MaxEarlier = 4;

    private const int MaxWords = 512;

    public static IReadOnlyList<Effect> Adopt(TwinState state, AdoptModel adopt, DecisionContext context)
    {
        if (state.Spec is null) return TwinDecider.Refuse("not-found", "this twin was never registered; RegisterTwin comes first");
        var (model, present) = (adopt.Model, state.Model!);
        if (adopt.Why is { } why && Words(why) is { } words) return TwinDecider.Refuse("invalid", words);
        if (model.Version == present.Version && TwinChecks.Same(model, present)) return [new Effect.Reply(new Done())];
        if (model.Version <= present.Version)
        {
            return TwinDecider.Refuse("conflict", string.Create(CultureInfo.InvariantCulture,
                $"version {model.Version} was sent where this twin runs version {present.Version}; a higher one would be right"));
        }
        if (state.Pending is not null) return [new Effect.Stash()];
        if (HeaterModel.Problem(model.Kind, model.Parameters, model.Weights) is { } wrong) return TwinDecider.Refuse("invalid", wrong);
        if (adopt.Start is { } start)
        {
            if (start.Row != state.Taken || start.Row != state.Estimate.Row)
            {
                return TwinDecider.Refuse("conflict", string.Create(CultureInfo.InvariantCulture,
                    $"the start is of row {start.Row} where this twin is at row {state.Taken}; filter the rows between with the model first"));
            }
            if (TwinChecks.Start(start, model) is { } bad) return TwinDecider.Refuse("invalid", bad);
        }
        var by = adopt.Why is null ? null : context.Principal;
        var adopted = new ModelAdopted(model, adopt.Start ?? TwinChecks.CarriedOver(state.Estimate, model), by, adopt.Why);
        return [new Effect.Persist(adopted), .. adopt.Why is null ? [] : Tell(present, model, context), new Effect.Reply(new Done())];
    }

    public static IReadOnlyList<Effect> Revert(TwinState state, RevertModel revert, DecisionContext context)
    {
        if (state.Spec is null) return TwinDecider.Refuse("not-found", "this twin was never registered; RegisterTwin comes first");
        if (Words(revert.Why) is { } words) return TwinDecider.Refuse("invalid", words);
        var present = state.Model!;
        if (revert.Version == present.Version - 1 && state.Adoptions[^1].Reverted == true) return [new Effect.Reply(new Done())];
        if (revert.Version != present.Version)
        {
            return TwinDecider.Refuse("conflict", string.Create(CultureInfo.InvariantCulture,
                $"version {revert.Version} was to be left where this twin runs version {present.Version}; look at it again first"));
        }
        if (state.Earlier is not { Models: [.., var before] })
            return TwinDecider.Refuse("conflict", $"this twin keeps no model from before {present.Source}, so there is none to go back to");
        if (state.Pending is not null) return [new Effect.Stash()];
        var model = before with { Version = present.Version + 1 };
        var reverted = new ModelReverted(model, TwinChecks.CarriedOver(state.Estimate, model), context.Principal, revert.Why);
        return [new Effect.Persist(reverted), .. Tell(present, model, context), new Effect.Reply(new Done())];
    }

    public static TwinState Apply(TwinState state, ModelAdopted e) => Taken(state, e.Model, e.Estimate) with
    {
        Adoptions = state.Adoptions.Add(new TwinAdoption(e.Model.Version, e.Model.Kind, e.Model.Source, state.Taken, e.By, e.Why)),
        // Without a reason it is an event as older builds wrote it, whose states must stay what they were.
        Earlier = e.Why is null ? null : new EarlierModels(TwinApply.Latest((state.Earlier?.Models ?? []).Add(state.Model!), MaxEarlier)),
    };

    public static TwinState Apply(TwinState state, ModelReverted e) => Taken(state, e.Model, e.Estimate) with
    {
        Adoptions = state.Adoptions.Add(new TwinAdoption(e.Model.Version, e.Model.Kind, e.Model.Source, state.Taken, e.By, e.Why, true)),
        Earlier = new EarlierModels(state.Earlier!.Models[..^1]),
    };

    /// <summary>The version of a registered model that a source names, if it names one.</summary>
    internal static (string Model, int Version)? Registered(string source)
    {
        const string Family = "models/";
        var at = source.LastIndexOf('@');
        return source.StartsWith(Family, StringComparison.Ordinal) && at > Family.Length
            && int.TryParse(source.AsSpan(at + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var version) && version > 0
            && source[Family.Length..at] is var model && EntityAddress.IsValidPart(model) ? (model, version) : null;
    }

    private static IEnumerable<Effect> Tell(TwinModel left, TwinModel taken, DecisionContext context)
    {
        var by = $"{context.Address.Family}/{context.Address.Id}";
        var (old, now) = (Registered(left.Source), Registered(taken.Source));
        if (old is { } one && one.Model != now?.Model) yield return new Effect.Tell(At(one.Model), new MarkReleased(by));
        if (now is { } other) yield return new Effect.Tell(At(other.Model), new MarkAdopted(other.Version, by));

        EntityAddress At(string model) => new(context.Address.Tenant, "models", model);
    }

    private static TwinState Taken(TwinState state, TwinModel model, TwinEstimate estimate) => state with
    {
        Model = model,
        Estimate = estimate,
        History = estimate.Row > 0 ? TwinApply.Latest(state.History.Add(estimate), TwinDecider.MaxHistory) : state.History,
    };

    private static string? Words(string why) =>
        why.Length is 0 or > MaxWords ? $"Why must say in 1 to {MaxWords} characters what speaks for it" : null;
}
