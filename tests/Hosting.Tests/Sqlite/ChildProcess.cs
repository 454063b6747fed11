using System.Diagnostics;

namespace Hosting.Tests.Sqlite;

/// <summary>Starts tests/Helpers/StoreChild, which lies beside the tests after the build.</summary>
internal static class ChildProcess
{
    public static Process Start(params string[] arguments)
    {
        var dll = Path.Combine(AppContext.BaseDirectory, "StoreChild.dll");
        var start = new ProcessStartInfo(Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet")
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var argument in (string[])["exec", dll, .. arguments]) start.ArgumentList.Add(argument);
        return Process.Start(start)!;
    }
}
