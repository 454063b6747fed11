using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;

namespace Hosting.Tests.Core;

/// <summary>The core is a state machine without I/O: this reads its source and says where it is not.</summary>
public partial class PurityTests
{
    [GeneratedRegex(@"\b(Task|ValueTask|await|async|lock|Lock|Monitor|Semaphore\w*|Mutex|Thread|ThreadPool|Interlocked|Volatile|Timer|PeriodicTimer|Stopwatch|Random|RandomNumberGenerator|DateTime|UtcNow|NewGuid|CreateVersion7|Environment|File|Directory|Stream|Socket|HttpClient|Console|Parallel|Concurrent\w+|Channel)\b")]
    private static partial Regex Forbidden();

    [GeneratedRegex(@"^\s*//.*$|///.*$|""(\\.|[^""\\])*""", RegexOptions.Multiline)]
    private static partial Regex CommentsAndTexts();

    private static string SourceOf(string relative, [CallerFilePath] string here = "") =>
        Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "../../..", relative));

    private static List<string> Impurities(string source) =>
        Forbidden().Matches(CommentsAndTexts().Replace(source, "")).Select(static match => match.Value).Distinct().ToList();

    [Fact]
    public void The_core_has_no_task_lock_thread_clock_or_chance_in_it()
    {
        var files = Directory.GetFiles(SourceOf("hosting/Core"), "*.cs", SearchOption.AllDirectories);
        Assert.True(files.Length > 10, $"only {files.Length} files were found");
        var impure = files.Select(file => (Path.GetFileName(file), Impurities(File.ReadAllText(file))))
            .Where(static found => found.Item2.Count > 0).Select(static found => $"{found.Item1}: {string.Join(", ", found.Item2)}");
        Assert.Empty(impure);
    }

    [Theory]
    [InlineData("await Save();", "await")]
    [InlineData("private readonly object _gate; void M() { lock (_gate) { } }", "lock")]
    [InlineData("var id = Guid.NewGuid();", "NewGuid")]
    [InlineData("var now = DateTimeOffset.UtcNow;", "UtcNow")]
    [InlineData("var r = new Random(1);", "Random")]
    public void The_scan_sees_what_it_is_to_see(string source, string found) => Assert.Contains(found, Impurities(source));

    [Fact]
    public void The_scan_leaves_comments_and_texts_alone() =>
        Assert.Empty(Impurities("/// <summary>No Task, await or lock.</summary>\n// lock\nvar text = \"await the lock\";"));

    [Fact]
    public void No_file_of_the_core_is_longer_than_400_lines()
    {
        foreach (var file in Directory.GetFiles(SourceOf("hosting/Core"), "*.cs", SearchOption.AllDirectories))
            Assert.True(File.ReadLines(file).Count() <= 400, $"{Path.GetFileName(file)} is longer than 400 lines");
    }
}
