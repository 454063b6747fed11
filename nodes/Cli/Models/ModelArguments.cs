using System.CommandLine;
using System.Globalization;
using Athanor.Actors;
using Athanor.Protocol;
using Athanor.Protocol.Models;

namespace Athanor.Nodes.Cli.Models;

/// <summary>What the commands of models have in common: how a model and a version are named, and read.</summary>
internal static class ModelArguments
{
    public static Argument<string> Model() => new("model") { Description = "The model's id, as 'models list' shows it.", HelpName = "MODEL" };

    public static Option<int?> Version(string what) => new("--version") { Description = what, HelpName = "N" };

    public static Option<string?> Why(string what) => new("--why") { Description = what, HelpName = "TEXT" };

    /// <exception cref="UserException">There is no such model.</exception>
    public static async Task<ModelView> Read(IClusterClient client, EntityAddress model, CancellationToken cancellation) =>
        await client.Query(model, new ModelQuery(), cancellation: cancellation) switch
        {
            ModelView view => view,
            Rejected { Code: "not-found" } => throw new UserException($"there is no {model}; 'athanor models list' shows those that are", ExitCodes.Failure),
            Rejected rejected => throw new UserException(rejected.Reason, ExitCodes.Failure),
            var other => throw new InvalidOperationException($"{model} answered with {other.GetType().Name}"),
        };

    /// <summary>The version that is meant: the one named, else the one in production, else the newest.</summary>
    /// <exception cref="UserException">There is no such version.</exception>
    public static ModelVersion VersionOf(ModelView view, EntityAddress model, int? named)
    {
        if (view.Versions.IsEmpty) throw new UserException($"{model} has no versions yet", ExitCodes.Failure);
        var number = named ?? (view.Production > 0 ? view.Production : view.Versions.Length);
        return number >= 1 && number <= view.Versions.Length
            ? view.Versions[number - 1]
            : throw new UserException($"{model} has no version {number}; it has 1 to {view.Versions.Length}");
    }

    /// <summary>A version as sources name it.</summary>
    public static string NameOf(EntityAddress model, int version) => string.Create(CultureInfo.InvariantCulture, $"models/{model.Id}@{version}");

    /// <exception cref="UserException">The entity refuses.</exception>
    public static async Task<IReply> Ask(IClusterClient client, EntityAddress to, ICommand command, CancellationToken cancellation) =>
        await client.Ask(to, command, cancellation: cancellation) is var reply && reply is Rejected rejected
            ? throw new UserException($"{to.Family}/{to.Id}: {rejected.Reason}", rejected.Code == "invalid" ? ExitCodes.BadInput : ExitCodes.Failure)
            : reply;

    public static string Number(double value) => value.ToString("G6", CultureInfo.InvariantCulture);

    public static string Brief(string hash) => hash.Length > 12 ? hash[..12] : hash;

    /// <summary>Versions that a name such as <c>MODEL@2</c> or <c>MODEL</c> (all of them) means.</summary>
    /// <exception cref="UserException">It is no such name.</exception>
    public static (string Model, int? Version) Parse(string text)
    {
        var at = text.LastIndexOf('@');
        if (at < 0) return (text, null);
        return int.TryParse(text.AsSpan(at + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var version) && version > 0
            ? (text[..at], version)
            : throw new UserException($"'{text}' names no version; MODEL or MODEL@2 would be right");
    }
}
