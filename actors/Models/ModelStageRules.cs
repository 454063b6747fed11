using Athanor.Protocol;
using Athanor.Protocol.Models;

namespace Athanor.Actors.Models;

/// <summary>
/// How far a version is trusted and who uses it. A version begins as a candidate. At most one is in production; promoting another supersedes
/// it. A version with other inputs or outputs than the one in production is refused there: whoever asks for the model would be given what
/// does not fit. A retired version can be neither adopted nor promoted, and one that somebody uses cannot be retired.
/// </summary>
internal static class ModelStageRules
{
    private const int MaxWords = 512, MaxNames = 4096;

    public static IReadOnlyList<Effect> SetStage(ModelState state, SetStage command, DecisionContext context)
    {
        if (command.Version < 1 || command.Version > state.Versions.Length)
            return ModelDecider.Refuse("not-found", $"there is no version {command.Version}; {ModelDecider.Known(state)}");
        if (command.Why.Length is 0 or > MaxWords)
            return ModelDecider.Refuse("invalid", $"Why must say in 1 to {MaxWords} characters what speaks for it");
        if (!Enum.IsDefined(command.Stage)) return ModelDecider.Refuse("invalid", $"there is no stage {(int)command.Stage}");
        if (command.Stage == ModelStage.Superseded)
            return ModelDecider.Refuse("invalid", "a version is superseded when another is promoted; candidate, production or retired would be right");
        var now = state.Stages?.Of(command.Version) ?? ModelStage.Candidate;
        if (now == command.Stage) return [new Effect.Reply(new Done())];
        if (Problem(state, command, now) is { } problem) return ModelDecider.Refuse("conflict", problem);
        var change = new StageChange(command.Version, command.Stage, context.Principal, command.Why, context.Now);
        return [new Effect.Persist(new StageSet(change)), new Effect.Reply(new Done())];
    }

    public static IReadOnlyList<Effect> Adopt(ModelState state, MarkAdopted command)
    {
        if (command.Version < 1 || command.Version > state.Versions.Length)
            return ModelDecider.Refuse("not-found", $"there is no version {command.Version}; {ModelDecider.Known(state)}");
        if (By(command.By) is { } wrong) return wrong;
        // A retired version is recorded all the same: whoever says so uses it already, and that is what others must see.
        var adoption = new Adoption(command.Version, command.By);
        return state.Adoptions.LastOrDefault(a => a.By == command.By) == adoption
            ? [new Effect.Reply(new Done())]
            : [new Effect.Persist(new VersionAdopted(adoption)), new Effect.Reply(new Done())];
    }

    public static IReadOnlyList<Effect> Release(ModelState state, MarkReleased command)
    {
        if (By(command.By) is { } wrong) return wrong;
        return Adoption.Now(state.Adoptions).ContainsKey(command.By)
            ? [new Effect.Persist(new VersionReleased(command.By)), new Effect.Reply(new Done())]
            : [new Effect.Reply(new Done())];
    }

    /// <summary>What is wrong with a signature, or null.</summary>
    public static string? Problem(ModelSignature signature)
    {
        foreach (var (what, names) in new[] { ("inputs", signature.Inputs), ("outputs", signature.Outputs) })
        {
            if (names.Length > MaxNames) return $"the signature has {names.Length} {what}; at most {MaxNames} would be right";
            if (names.Any(name => name.Length is 0 or > 128)) return $"one of the signature's {what} has no name of 1 to 128 characters";
            if (names.Distinct(StringComparer.Ordinal).Count() != names.Length) return $"two of the signature's {what} have the same name";
        }
        return null;
    }

    public static bool Same(VersionDetails? a, VersionDetails? b) => a is null || b is null
        ? a is null && b is null
        : a.Run == b.Run && a.Data.SequenceEqual(b.Data)
            && (a.Signature, b.Signature) switch
            {
                (null, null) => true,
                ({ } one, { } other) => one.Kind == other.Kind && one.Fits(other),
                _ => false,
            };

    private static string? Problem(ModelState state, SetStage command, ModelStage now)
    {
        var version = command.Version;
        if (command.Stage == ModelStage.Retired)
        {
            var users = Adoption.Now(state.Adoptions).Where(use => use.Value == version).Select(use => use.Key).ToArray();
            return users.Length > 0
                ? $"version {version} is in use by {string.Join(", ", users)}; have them adopt another version first"
                : null;
        }
        if (command.Stage != ModelStage.Production) return null;
        if (now == ModelStage.Retired) return $"version {version} is retired; make it a candidate again first";
        var production = state.Stages?.Production ?? 0;
        if (production == 0 || SignatureOf(state, production) is not { } present || SignatureOf(state, version) is not { } next) return null;
        return present.Fits(next)
            ? null
            : $"version {version} takes and gives {next}, and version {production}, which is in production, {present}; "
                + $"who uses the model would be given what does not fit. Retire version {production} first, or register another model";
    }

    private static ModelSignature? SignatureOf(ModelState state, int version) => state.Versions[version - 1].Details?.Signature;

    private static IReadOnlyList<Effect>? By(string by) => by.Length is 0 or > MaxWords
        ? ModelDecider.Refuse("invalid", $"By must say in 1 to {MaxWords} characters who it is")
        : null;
}
