using System.CommandLine;
using System.CommandLine.Invocation;
using System.CommandLine.Parsing;
using System.Text.RegularExpressions;
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
        if (args.Length > 0 && parsed.Action is ParseErrorAction && parsed.Errors.Count > 0)
        {
            await Console.Error.WriteLineAsync($"athanor: {Mistake(parsed)}");
            return ExitCodes.BadInput;
        }
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

    /// <summary>What is wrong with the arguments, on one line and without names of types.</summary>
    internal static string Mistake(ParseResult parsed)
    {
        var lines = parsed.Errors[0].Message.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        var text = Regex.Replace(lines[0], " as expected type '[^']*'", "", RegexOptions.CultureInvariant);
        var said = lines.Length == 1 ? text : $"{text} {string.Join(", ", lines.Skip(1))}";
        return $"{said} ({string.Join(' ', Path(parsed.CommandResult))} --help shows what is possible)";
    }

    private static IEnumerable<string> Path(CommandResult command)
    {
        var names = new Stack<string>();
        for (SymbolResult? at = command; at is CommandResult one; at = at.Parent) names.Push(one.Command is RootCommand ? "athanor" : one.Command.Name);
        return names;
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
