namespace Athanor.Protocol;

/// <summary>Bytes that are not the MessagePack that was expected. Nothing of them is used.</summary>
/// <param name="problem">What was found, and what would be right.</param>
/// <param name="offset">Offset in bytes at which it was found.</param>
public sealed class MessageFormatException(string problem, int offset) : Exception($"{problem} (at byte {offset})")
{
    public int Offset { get; } = offset;
}

/// <summary>A kind, or a version of it, that this build does not know.</summary>
public sealed class UnknownKindException(string kind, int version, string problem) : Exception(problem)
{
    public string Kind { get; } = kind;

    public int Version { get; } = version;
}
