using System.Diagnostics;

namespace Nodes.Tests.Quality;

/// <summary>The rules of the build are tried on code that breaks them: a rule that does not bite fails here.</summary>
public sealed class BuildRulesTests
{
    private const string Broken = """
        namespace Probe;

        public static class Clock
        {
            public static System.DateTime Banned() => System.DateTime.UtcNow;

            public static int Length(string? text) => text.Length;

            public static int   Unformatted() => 1;

            [System.Obsolete("a plain warning")]
            public static int Old() => 1;

            public static int Warned() => Old();
        }
        """;

    [Fact]
    public async Task A_banned_symbol_a_null_slip_bad_formatting_and_any_warning_stop_the_build()
    {
        var probe = Directory.CreateTempSubdirectory("athanor-rules-");
        try
        {
            foreach (var rule in new[] { "Directory.Build.props", "Directory.Packages.props", "BannedSymbols.txt", ".editorconfig" })
                File.Copy(RepositoryFiles.Path(rule), Path.Combine(probe.FullName, rule));
            await File.WriteAllTextAsync(Path.Combine(probe.FullName, "Probe.csproj"), "<Project Sdk=\"Microsoft.NET.Sdk\" />");
            await File.WriteAllTextAsync(Path.Combine(probe.FullName, "Clock.cs"), Broken);
            var output = await Build(probe.FullName);
            foreach (var code in new[] { "error RS0030", "error CS8602", "error IDE0055", "error CS0618" })
                Assert.Contains(code, output);
        }
        finally
        {
            probe.Delete(recursive: true);
        }
    }

    private static async Task<string> Build(string directory)
    {
        var start = new ProcessStartInfo("dotnet", ["build", "-nologo", "-v", "quiet", "-nodeReuse:false"])
        {
            WorkingDirectory = directory,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = await process.StandardOutput.ReadToEndAsync() + await errors;
        await process.WaitForExitAsync();
        Assert.NotEqual(0, process.ExitCode);
        return output;
    }
}
