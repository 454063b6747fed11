using System.Diagnostics;

namespace Athanor.Tests;

/// <summary>Programs of others that tests run to their end.</summary>
internal static class ProgramRun
{
    /// <returns>What it prints on standard output.</returns>
    /// <exception cref="InvalidOperationException">It fails; the message has its words.</exception>
    public static async Task<string> Output(string program, IEnumerable<string> arguments, string input = "")
    {
        var start = new ProcessStartInfo(program)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        foreach (var argument in arguments) start.ArgumentList.Add(argument);
        using var process = Process.Start(start)!;
        var (output, errors) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        try
        {
            await process.StandardInput.WriteAsync(input);
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // It ended without reading all; its exit code says why.
        }
        await process.WaitForExitAsync();
        return process.ExitCode == 0
            ? await output
            : throw new InvalidOperationException($"{program} {string.Join(' ', start.ArgumentList)} ended with {process.ExitCode}: {(await errors).Trim()}");
    }
}
