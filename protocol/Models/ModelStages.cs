using System.Collections.Immutable;

namespace Athanor.Protocol.Models;

/// <summary>How far a version is trusted.</summary>
public enum ModelStage
{
    /// <summary>Recorded, and not more: every version begins so.</summary>
    Candidate,

    /// <summary>The one that is meant where no version is named. A model has at most one.</summary>
    Production,

    /// <summary>Was in production until another took its place; may come back.</summary>
    Superseded,

    /// <summary>Not to be used any more: it can be neither adopted nor promoted until it is a candidate again.</summary>
    Retired,
}

/// <summary>What a version is to those who use it: two versions can stand in for each other if these agree.</summary>
/// <param name="Kind">Of the model in the blob: <c>perceptron</c>, <c>heater.hybrid</c>, ...; empty if the blob says nothing of it.</param>
/// <param name="Inputs">Names of what it is given, in order.</param>
/// <param name="Outputs">Names of what it gives, in order.</param>
[MessagePart]
public sealed record ModelSignature(
    [property: Key(0)] string Kind, [property: Key(1)] ImmutableArray<string> Inputs, [property: Key(2)] ImmutableArray<string> Outputs)
{
    /// <summary>Whether whoever uses one can be given the other.</summary>
    public bool Fits(ModelSignature other)
    {
        ArgumentNullException.ThrowIfNull(other);
        return Inputs.SequenceEqual(other.Inputs) && Outputs.SequenceEqual(other.Outputs);
    }

    public override string ToString() => $"[{string.Join(", ", Inputs)}] -> [{string.Join(", ", Outputs)}]";
}

/// <summary>Where a version comes from, beyond its source and parent.</summary>
/// <param name="Run">The training run that made it, e.g. <c>training/tclab-hybrid</c>; empty for none.</param>
/// <param name="Data">SHA-256 (lower-case hex) of every blob of data that went into it, the main one first.</param>
/// <param name="Signature">Null if nothing is known of it.</param>
[MessagePart]
public sealed record VersionDetails(
    [property: Key(0)] string Run, [property: Key(1)] ImmutableArray<string> Data, [property: Key(2)] ModelSignature? Signature);

/// <summary>Moves a version to another stage. Promoting one to production supersedes the one that was there. The same stage again has no
/// effect; who did it is whom the door authenticated.</summary>
/// <param name="Why">For people, 1 to 512 characters: what speaks for it.</param>
[Message("models.set-stage", Since = 1)]
public sealed record SetStage(
    [property: Key(0)] int Version, [property: Key(1)] ModelStage Stage, [property: Key(2)] string Why) : ICommand;

/// <summary>Records that somebody uses no version of this model any more.</summary>
/// <param name="By">Who, e.g. <c>twins/tclab</c>.</param>
[Message("models.mark-released", Since = 1)]
public sealed record MarkReleased([property: Key(0)] string By) : ICommand;

/// <summary>A version came to a stage.</summary>
/// <param name="By">Who had it so: the principal that the door authenticated.</param>
/// <param name="At">By the owner's handling time.</param>
[MessagePart]
public sealed record StageChange(
    [property: Key(0)] int Version, [property: Key(1)] ModelStage Stage, [property: Key(2)] string By, [property: Key(3)] string Why,
    [property: Key(4)] DateTimeOffset At);

/// <summary>A version came to a stage; if that is production, the one that was there is superseded by the same event.</summary>
[Message("models.stage-set", Since = 1)]
public sealed record StageSet([property: Key(0)] StageChange Change) : IEvent;

/// <summary>Somebody uses no version of this model any more.</summary>
[Message("models.version-released", Since = 1)]
public sealed record VersionReleased([property: Key(0)] string By) : IEvent;

/// <summary>Every change of a version's stage, in order.</summary>
[MessagePart]
public sealed record StageHistory([property: Key(0)] ImmutableArray<StageChange> Changes)
{
    /// <summary>The version in production; 0 if there is none.</summary>
    public int Production
    {
        get
        {
            var production = 0;
            foreach (var change in Changes)
            {
                if (change.Stage == ModelStage.Production) production = change.Version;
                else if (change.Version == production) production = 0;
            }
            return production;
        }
    }

    /// <summary>The stage of a version.</summary>
    public ModelStage Of(int version)
    {
        var stage = ModelStage.Candidate;
        foreach (var change in Changes)
        {
            if (change.Version == version) stage = change.Stage;
            else if (stage == ModelStage.Production && change.Stage == ModelStage.Production) stage = ModelStage.Superseded;
        }
        return stage;
    }
}
