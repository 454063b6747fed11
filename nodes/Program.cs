using Athanor.Hosting.Configuration;
using Athanor.Hosting.Runtime;
using Athanor.Hosting.Stores;
using Athanor.Nodes.Cli;
using Athanor.Nodes.Data;

namespace Athanor.Nodes;

internal static class Program
{
    /// <summary>Runs a command. A user's mistake or the machine's refusal becomes one sentence and an exit code; only a defect of the
    /// program shows a stack trace.</summary>
    public static async Task<int> Main(string[] args)
    {
        Terminal.SetUp();
        var parsed = Root.Create().Parse(args);
        try
        {
            return await parsed.InvokeAsync(new() { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = TimeSpan.FromSeconds(20) });
        }
        catch (Exception e) when (Explain(e) is { } known)
        {
            await Console.Error.WriteLineAsync($"athanor: {known.Message}");
            return known.ExitCode;
        }
    }

    private static (string Message, int ExitCode)? Explain(Exception e) => e switch
    {
        UserException u => (u.Message, u.ExitCode),
        CsvFormatException or ConfigurationException => (e.Message, ExitCodes.BadInput),
        DamageException => (e.Message, ExitCodes.Failure),
        StoreException or AskTimeoutException => (e.Message, ExitCodes.Environment),
        UnauthorizedAccessException or IOException => (e.Message, ExitCodes.Environment),
        OperationCanceledException => ("interrupted; run the same command again to go on", ExitCodes.Interrupted),
        _ => null,
    };
}
