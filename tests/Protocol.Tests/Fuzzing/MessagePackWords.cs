using System.Globalization;

namespace Athanor.Tests;

/// <summary>What confuses readers of MessagePack: every kind of header with lengths that lie, the ends of the number ranges, containers
/// that nest, bytes that begin nothing.</summary>
internal static class MessagePackWords
{
    public static byte[][] All { get; } = [.. new[]
    {
        "c1", "c0", "c2", "c3", "90", "91", "9f", "80", "81", "8f", "a0", "bf", "d9ff", "daffff", "dbffffffff", "db7fffffff", "c4ff",
            "c5ffff", "c6ffffffff",
        "dcffff", "ddffffffff", "dd7fffffff", "dd00010000", "deffff", "dfffffffff", "df7fffffff", "dc0010", "c7ff05", "c8ffff05",
            "c9ffffffff05",
        "d4ff00", "d6ffffffffff", "d7ffffffffffffffffff", "c70cffffffffff7fffffffffffffff", "7f", "e0", "ccff", "cdffff", "ceffffffff",
        "cfffffffffffffffff", "d080", "d18000", "d280000000", "d38000000000000000", "ca7fc00000", "ca7f800000", "cb7ff0000000000000",
        "cbfff8000000000000", "cb43e0000000000000", "cbc3e0000000000000", "a1ff", "a3eda080", "c410",
    }.Select(Convert.FromHexString)];

    /// <summary>The bytes in the golden files of a test project, by kind and version.</summary>
    public static List<(string Kind, int Version, byte[] Body)> Golden(string project) =>
        [.. Directory.GetFiles(RepositoryFiles.Path("tests", project, "golden"), "*.hex").Order(StringComparer.Ordinal)
            .Select(static path =>
        {
            var name = Path.GetFileNameWithoutExtension(path);
            var dot = name.LastIndexOf(".v", StringComparison.Ordinal);
            var body = Convert.FromHexString(string.Concat(File.ReadAllText(path).Split('\n', StringSplitOptions.TrimEntries)));
            // A file may tell in a third part what is special about it.
            return (name[..dot], int.Parse(name[(dot + 2)..].Split('.')[0], CultureInfo.InvariantCulture), body);
        })];
}
