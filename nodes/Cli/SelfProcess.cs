using System.Diagnostics;

namespace Athanor.Nodes.Cli;

/// <summary>How this program starts another process of itself.</summary>
internal static class SelfProcess
{
    /// <summary>All three streams are redirected: what is started this way ends when its standard input closes, or prints for us to read.</summary>
    public static ProcessStartInfo StartInfo(IEnumerable<string> arguments)
    {
        var self = Environment.ProcessPath ?? throw new InvalidOperationException("the path of this program is unknown");
        var start = new ProcessStartInfo(self)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        // Run as "dotnet athanor.dll", the program's first argument is the library.
        if (Path.GetFileNameWithoutExtension(self) == "dotnet") start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, "athanor.dll"));
        foreach (var argument in arguments) start.ArgumentList.Add(argument);
        return start;
    }
}
