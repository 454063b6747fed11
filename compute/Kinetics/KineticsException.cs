namespace Athanor.Compute.Kinetics;

/// <summary>A network, or a text of it, is wrong. The message says what, where and what would be right.</summary>
/// <param name="part">What it is about, such as <c>reaction 'burn'</c>.</param>
/// <param name="problem">What is wrong.</param>
/// <param name="key">Where it stands among the records: <c>reactions</c>, <c>burn</c>; a reader of files finds the line by it.</param>
/// <param name="text">The text that was read, if it is about one.</param>
/// <param name="column">Where in it, from 1; 0 for nowhere in particular.</param>
public sealed class KineticsException(string part, string problem, string[] key, string? text = null, int column = 0)
    : ArgumentException(Write(part, problem, text, column))
{
    /// <summary>Where it stands among the records: <c>reactions</c>, <c>burn</c>.</summary>
    public string[] Key { get; } = key;

    /// <summary>From 1; 0 for nowhere in particular.</summary>
    public int Column { get; } = column;

    private static string Write(string part, string problem, string? text, int column)
    {
        if (text is null) return $"{part}: {problem}";
        return column > 0 ? $"{part}: column {column} of '{text}': {problem}" : $"{part}: '{text}': {problem}";
    }
}
