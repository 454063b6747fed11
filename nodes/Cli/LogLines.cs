using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Logging.Console;

namespace Athanor.Nodes.Cli;

/// <summary>A line for each thing said: time, level, sentence. Of an exception behind a warning the messages alone, from the outermost to the
/// innermost: a database that is away is no reason for a stack trace every second. Behind an error everything. The same words again within
/// five seconds are counted and not written: what is tried again often fails often, and the line that matters must be found.</summary>
internal sealed class LogLines(TimeProvider time) : ConsoleFormatter(FormatterName)
{
    public const string FormatterName = "athanor-lines";

    private const int Remembered = 1000;
    private static readonly TimeSpan Quiet = TimeSpan.FromSeconds(5);

    private readonly Lock _lock = new();
    private readonly Dictionary<string, (long At, int Skipped)> _said = new(StringComparer.Ordinal);

    public override void Write<TState>(in LogEntry<TState> logEntry, IExternalScopeProvider? scopeProvider, TextWriter textWriter)
    {
        var text = logEntry.Formatter(logEntry.State, logEntry.Exception);
        var line = text;
        if (logEntry.Exception is { } exception)
            line += logEntry.LogLevel >= LogLevel.Error ? $" {exception}" : Messages(text, exception);
        line = line.ReplaceLineEndings(" ");
        if (Repeats(line) is not { } repeats) return;
        var suffix = repeats > 0 ? $" ({repeats} times more before this)" : "";
        textWriter.WriteLine($"{time.GetUtcNow():yyyy-MM-ddTHH:mm:ss.fff}Z {Word(logEntry.LogLevel)}: {line}{suffix}");
    }

    /// <summary>How often the line was left out since it was last written; null if it is to be left out again.</summary>
    private int? Repeats(string line)
    {
        lock (_lock)
        {
            var now = time.GetTimestamp();
            var known = _said.TryGetValue(line, out var last);
            if (known && time.GetElapsedTime(last.At, now) < Quiet)
            {
                _said[line] = (last.At, last.Skipped + 1);
                return null;
            }
            if (_said.Count >= Remembered) _said.Clear();
            _said[line] = (now, 0);
            return known ? last.Skipped : 0;
        }
    }

    private static string Messages(string said, Exception exception)
    {
        var text = "";
        for (var e = exception; e is not null; e = e.InnerException)
        {
            if (!said.Contains(e.Message, StringComparison.Ordinal) && !text.Contains(e.Message, StringComparison.Ordinal)) text += $": {e.Message}";
        }
        return text;
    }

    private static string Word(LogLevel level) => level switch
    {
        LogLevel.Trace => "trace",
        LogLevel.Debug => "debug",
        LogLevel.Information => "info",
        LogLevel.Warning => "warn",
        LogLevel.Error => "error",
        _ => "critical",
    };
}
