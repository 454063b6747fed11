using Athanor.Hosting.Core;
using Microsoft.Extensions.Logging;

namespace Athanor.Hosting.Runtime;

/// <summary>What the runtime writes to the log.</summary>
internal static partial class Log
{
    public static void Note(ILogger log, NoteLevel level, string text) => Write(log, level switch
    {
        NoteLevel.Error => LogLevel.Error,
        NoteLevel.Warning => LogLevel.Warning,
        _ => LogLevel.Information,
    }, text);

    [LoggerMessage(Message = "{Text}")]
    private static partial void Write(ILogger log, LogLevel level, string text);

    [LoggerMessage(Level = LogLevel.Error, Message = "Damage in {Table}, {Where}: {What}; the row is not used")]
    public static partial void Damage(ILogger log, string table, string where, string what);

    [LoggerMessage(Level = LogLevel.Critical, Message = "The core failed; this process answers nothing any more")]
    public static partial void Defect(ILogger log, Exception e);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The drain took longer than {Timeout} and was cut short; nothing acknowledged is lost")]
    public static partial void CutShort(ILogger log, TimeSpan timeout);
}
