using System.Globalization;
using System.Text;
using Athanor.Protocol;

namespace Protocol.Tests;

/// <summary>
/// Bytes of a sample of every kind, as hex in <c>KIND.vVERSION.hex</c>. A kind that was released keeps its bytes for ever: journals hold
/// them. So a test fails when they change, and when a kind has none. To write what is missing:
/// <code>ATHANOR_GOLDEN=write dotnet test tests/Protocol.Tests  (states: tests/Actors.Tests)</code>
/// A file that is there is never overwritten: delete it first, if its kind was never released. When a released kind is given a key that may be
/// absent, its file is renamed to <c>KIND.vVERSION.WHEN.hex</c> (what was so far), and the new sample is written beside it: both are read by
/// every later build, and written as they were.
/// </summary>
internal static class GoldenFiles
{
    private const int BytesPerLine = 48;

    /// <summary>What is wrong, one line a kind.</summary>
    public static List<string> Check(MessageRegistry messages, string directory, Func<MessageKind, bool> filter)
    {
        var write = Environment.GetEnvironmentVariable("ATHANOR_GOLDEN") == "write";
        var problems = new List<string>();
        var kinds = messages.Kinds.Where(filter).ToList();
        foreach (var kind in kinds)
        {
            var path = Path.Combine(directory, FileName(kind));
            var bytes = messages.Encode(SampleFactory.Make(kind.Type));
            if (!File.Exists(path))
            {
                if (write) File.WriteAllText(path, Format(bytes));
                else problems.Add($"{FileName(kind)} is missing; write it with ATHANOR_GOLDEN=write");
                continue;
            }
            var golden = Parse(File.ReadAllText(path));
            // First the reader: journals hold these bytes, whatever is written today.
            foreach (var file in Directory.GetFiles(directory, Path.ChangeExtension(FileName(kind), "*.hex")).Prepend(path).Distinct())
            {
                if (Unread(messages, kind, Parse(File.ReadAllText(file))) is { } problem) problems.Add($"{Path.GetFileName(file)}: {problem}");
            }
            if (!bytes.AsSpan().SequenceEqual(golden))
                problems.Add($"{kind.Name} v{kind.Version} is written as other bytes: was {golden.Length}, is {bytes.Length} bytes; "
                    + "give what changed a new version, or delete the file if the kind was never released");
        }
        var names = kinds.Select(FileName).ToHashSet();
        var older = kinds.Select(kind => Path.ChangeExtension(FileName(kind), null) + ".").ToArray();
        foreach (var path in Directory.GetFiles(directory, "*.hex").Where(path => !names.Contains(Path.GetFileName(path))
            && !older.Any(begin => Path.GetFileName(path).StartsWith(begin, StringComparison.Ordinal))))
            problems.Add($"{Path.GetFileName(path)} belongs to no kind; a released kind can always be read");
        return problems;
    }

    private static string? Unread(MessageRegistry messages, MessageKind kind, byte[] golden)
    {
        try
        {
            var back = messages.Encode(messages.Decode(kind.Name, kind.Version, golden));
            return back.AsSpan().SequenceEqual(golden) ? null : "it is read and written as other bytes";
        }
        catch (MessageFormatException error)
        {
            return $"it can no longer be read: {error.Message}";
        }
    }

    /// <summary>The folder <c>golden</c> of a test project.</summary>
    public static string FolderOf(string project) => RepositoryFiles.Path("tests", project, "golden");

    private static string FileName(MessageKind kind) => string.Create(CultureInfo.InvariantCulture, $"{kind.Name}.v{kind.Version}.hex");

    private static string Format(byte[] bytes)
    {
        var text = new StringBuilder();
        foreach (var line in bytes.Chunk(BytesPerLine)) text.Append(Convert.ToHexStringLower(line)).Append('\n');
        return text.ToString();
    }

    private static byte[] Parse(string text) => Convert.FromHexString(string.Concat(text.Split('\n', StringSplitOptions.TrimEntries)));
}
