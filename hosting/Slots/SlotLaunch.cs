using System.Diagnostics;
using System.Reflection;

namespace Athanor.Hosting.Slots;

/// <summary>How a slot's process is started.</summary>
/// <param name="File">The executable.</param>
public sealed record SlotLaunch(string File, IReadOnlyList<string> Arguments)
{
    /// <summary>The running program with the one argument <c>slot</c>; under <c>dotnet athanor.dll</c> the same way.</summary>
    public static SlotLaunch ThisProgram()
    {
        var file = Environment.ProcessPath
            ?? throw new InvalidOperationException("the path of the running program is unknown, so no slot can be started");
        if (!Path.GetFileNameWithoutExtension(file).Equals("dotnet", StringComparison.OrdinalIgnoreCase)) return new(file, ["slot"]);
        var entry = Assembly.GetEntryAssembly()?.Location;
        return string.IsNullOrEmpty(entry)
            ? throw new InvalidOperationException("the program that dotnet runs is unknown, so no slot can be started")
            : new(file, [entry, "slot"]);
    }

    internal ProcessStartInfo ToStartInfo()
    {
        var info = new ProcessStartInfo(File)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        foreach (var argument in Arguments) info.ArgumentList.Add(argument);
        return info;
    }
}
