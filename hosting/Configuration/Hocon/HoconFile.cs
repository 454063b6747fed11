namespace Athanor.Hosting.Configuration.Hocon;

/// <summary>
/// HOCON (Human-Optimized Config Object Notation), as its specification in lightbend/config has it: includes of files, substitutions with
/// the environment as a fall-back, self-references, concatenation. Not supported: URLs and class paths.
/// </summary>
public static class HoconFile
{
    /// <exception cref="HoconException">The file is wrong; the message names file and line and what would be right.</exception>
    /// <param name="environment">Environment variables; null takes those of the process.</param>
    public static HoconObject Load(string path, Func<string, string?>? environment = null) =>
        Resolve([new HoconIncluder().Load(path)], environment);

    /// <param name="name">What error messages call the text; includes are relative to its folder.</param>
    public static HoconObject Parse(string name, string text, Func<string, string?>? environment = null) =>
        Resolve([ParseOnly(name, text)], environment);

    /// <summary>Loads a file over defaults; each may refer to the other, and the file wins.</summary>
    public static HoconObject LoadOver(string defaultsName, string defaults, string? path, Func<string, string?>? environment = null) =>
        Resolve(path is null ? [ParseOnly(defaultsName, defaults)] : [ParseOnly(defaultsName, defaults), new HoconIncluder().Load(path)],
            environment);

    private static ObjectNode ParseOnly(string name, string text) => HoconParser.Parse(name, text, HoconScope.Root, new HoconIncluder());

    private static HoconObject Resolve(ReadOnlySpan<ObjectNode> documents, Func<string, string?>? environment)
    {
        var root = new ObjectNode(documents[^1].Origin);
        foreach (var document in documents) root.PutAll(document);
        return new HoconResolver(root, environment ?? Environment.GetEnvironmentVariable).Resolve();
    }
}
