using Microsoft.CodeAnalysis;

namespace Athanor.Protocol.Generator;

/// <summary>What can be wrong with a message type, found when it is compiled.</summary>
internal static class Rules
{
    public static readonly DiagnosticDescriptor DuplicateKey = Rule(
        "ATH001", "Key used twice", "'{0}' uses key {1} for both {2} and {3}; a key belongs to one member for ever");

    public static readonly DiagnosticDescriptor NegativeKey = Rule(
        "ATH002", "Negative key", "'{0}.{1}' has the key {2}; keys are 0 or greater");

    public static readonly DiagnosticDescriptor MissingKey = Rule(
        "ATH003", "Member without key",
        "'{0}.{1}' has no key; write [property: Key(n)] before a parameter, [Key(n)] before a property, or make it computed");

    public static readonly DiagnosticDescriptor UnsupportedType = Rule(
        "ATH004", "Type that messages cannot hold",
        "'{0}.{1}' has the type '{2}', which messages cannot hold; allowed are bool, int, long, uint, ulong, float, double, string, Guid, "
        + "byte[], float[], double[], int[], long[], DateTimeOffset, TimeSpan, enums, ImmutableArray<T>, "
        + "ImmutableSortedDictionary<string|int|long, T>, sealed records marked [Message] or [MessagePart], and message interfaces");

    public static readonly DiagnosticDescriptor NotARecord = Rule(
        "ATH005", "Not a sealed record", "'{0}' must be a sealed record or a record struct, not generic and not nested in a generic type");

    public static readonly DiagnosticDescriptor NotAccessible = Rule(
        "ATH006", "Not accessible", "'{0}' must be public or internal, and so must the types that it is nested in");

    public static readonly DiagnosticDescriptor BadKind = Rule(
        "ATH007", "Bad kind",
        "'{0}' has the kind '{1}' version {2}; a kind is family.kebab-name in lower case, such as 'twins.measure', "
        + "and versions count from 1");

    public static readonly DiagnosticDescriptor DuplicateKind = Rule(
        "ATH008", "Kind used twice", "'{0}' and '{1}' both are the kind '{2}' version {3}");

    public static readonly DiagnosticDescriptor NotAMessage = Rule(
        "ATH009", "Not a message", "'{0}' is marked [Message] and must implement IMessage, by way of ICommand, IEvent, IState, ...");

    public static readonly DiagnosticDescriptor Unsettable = Rule(
        "ATH010", "Member that cannot be set", "'{0}.{1}' has a key and needs 'get; init;', so that a reader can set it");

    public static readonly DiagnosticDescriptor NoConstructor = Rule(
        "ATH011", "No constructor", "'{0}' needs either keyed positional parameters or a constructor without parameters");

    public static readonly DiagnosticDescriptor Unmarked = Rule(
        "ATH012", "Message without kind", "'{0}' implements IMessage and must be marked [Message(\"family.kebab-name\")]");

    private static DiagnosticDescriptor Rule(string id, string title, string format) =>
        new(id, title, format, "Messages", DiagnosticSeverity.Error, isEnabledByDefault: true);
}
