using System.CommandLine;
using System.Runtime.CompilerServices;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Athanor.Nodes.Local;
using Athanor.Protocol;

namespace Athanor.Nodes.Cli;

/// <summary>What a user got wrong, in one sentence that says what would be right. Shown without a stack trace.</summary>
public sealed class UserException(string message, int exitCode = ExitCodes.BadInput) : Exception(message)
{
    public int ExitCode { get; } = exitCode;
}

/// <summary>What the program's exit codes mean.</summary>
public static class ExitCodes
{
    public const int Success = 0;

    /// <summary>It ran, and the answer is no: damage was found, hashes differ, a figure does not hold.</summary>
    public const int Failure = 1;

    /// <summary>Wrong arguments, files, settings or specs.</summary>
    public const int BadInput = 2;

    /// <summary>The machine refused: full disk, read-only directory, port taken, locked state directory.</summary>
    public const int Environment = 3;

    /// <summary>Interrupted by Ctrl-C or SIGTERM; nothing is lost, and the same command goes on.</summary>
    public const int Interrupted = 130;
}

/// <summary>Options that every command knows, and how commands are made and print.</summary>
internal static class Cli
{
    public static readonly Option<string> State = new("--state")
    {
        Description = "The state directory of the embedded cluster (default: $ATHANOR_STATE, else .athanor/state).",
        HelpName = "DIR",
        Recursive = true,
        DefaultValueFactory = _ => Environment.GetEnvironmentVariable("ATHANOR_STATE") ?? Path.Combine(".athanor", "state"),
    };

    public static readonly Option<string?> Config = new("--config")
    {
        Description = "A HOCON file whose settings override those of cluster.hocon.",
        HelpName = "FILE",
        Recursive = true,
    };

    /// <summary>For the commands that make or show entities of one tenant.</summary>
    public static readonly Option<string?> Tenant = new("--tenant")
    {
        Description = "The tenant whose entities are meant (default: that of the token or key where a gateway is asked, else 'default').",
        HelpName = "TENANT",
    };

    public static readonly Option<bool> Json = new("--json")
    {
        Description = "Print JSON for programs instead of tables for people.",
        Recursive = true,
    };

    /// <summary>Checks what the user named, before anything is opened.</summary>
    /// <exception cref="UserException">The tenant or the id is no name.</exception>
    public static void CheckNames(ParseResult parsed, string? id)
    {
        if (parsed.GetValue(Tenant) is { } tenant && !EntityAddress.IsValidPart(tenant)) throw new UserException($"--tenant '{tenant}': {NameRule}");
        if (id is not null && !EntityAddress.IsValidPart(id)) throw new UserException($"'{id}' is no id: {NameRule}");
    }

    /// <summary>An entity that the user named, of the tenant that is meant.</summary>
    public static EntityAddress Address(ParseResult parsed, ClusterConnection cluster, string family, string id) =>
        new(cluster.TenantOf(parsed.GetValue(Tenant)), family, id);

    public static readonly string NameRule = $"1 to {EntityAddress.MaxPartLength} letters, digits, '.', '_' and '-'";

    private static readonly JsonSerializerOptions JsonOptions = new()
    {
        WriteIndented = true,
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.KebabCaseLower) },
    };

    private static readonly ConditionalWeakTable<Command, string[]> ExamplesOf = [];

    /// <summary>A command whose help ends with examples.</summary>
    public static Command Command(string name, string description, params string[] examples)
    {
        var command = new Command(name, description);
        ExamplesOf.Add(command, examples);
        return command;
    }

    /// <summary>The examples of a command, as a user types them.</summary>
    public static IReadOnlyList<string> Examples(Command command) =>
        ExamplesOf.TryGetValue(command, out var examples) ? [.. examples.Select(e => "athanor " + e)] : [];

    public static void PrintJson<T>(T value) => Console.Out.WriteLine(JsonSerializer.Serialize(value, JsonOptions));
}
