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

    [LoggerMessage(Level = LogLevel.Warning, Message = "Work could not be leased or renewed; trying again")]
    public static partial void LeasingFailed(ILogger log, Exception e);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Work}, attempt {Attempt}: {Reason}")]
    public static partial void SlotDied(ILogger log, string work, int attempt, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Work} goes back, this node could not do its part: {Reason}")]
    public static partial void NodeFailed(ILogger log, string work, string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "{Work} could not be carried to its end")]
    public static partial void CarryingFailed(ILogger log, string work, Exception e);

    [LoggerMessage(Level = LogLevel.Critical, Message = "The core failed; this process answers nothing any more")]
    public static partial void Defect(ILogger log, Exception e);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The drain took longer than {Timeout} and was cut short; nothing acknowledged is lost")]
    public static partial void CutShort(ILogger log, TimeSpan timeout);

    [LoggerMessage(Level = LogLevel.Warning, Message = "This node's clock is {Skew} the database's")]
    public static partial void Skewed(ILogger log, string skew);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Node} cannot take its session lock: {Reason}")]
    public static partial void NoLock(ILogger log, string node, string reason);

    [LoggerMessage(Level = LogLevel.Information, Message = "{Node} holds its session lock again")]
    public static partial void Rejoined(ILogger log, string node);

    public static void Collected(ILogger log, Blobs.BlobCollection done)
    {
        if (done.Damage.Count > 0) CollectingStopped(log, done.Damage[0].Where, done.Damage[0].What);
        else if (done.Condemned + done.Restored + done.Removed > 0) CollectedSome(log, done.Condemned, done.Restored, done.Removed, done.RemovedBytes);
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Blobs: {Condemned} set aside, {Restored} put back, {Removed} removed ({Bytes} bytes)")]
    private static partial void CollectedSome(ILogger log, int condemned, int restored, int removed, long bytes);

    [LoggerMessage(Level = LogLevel.Error, Message = "Blobs are not collected while there is damage: {Where}: {What}")]
    private static partial void CollectingStopped(ILogger log, string where, string what);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Blobs could not be collected; trying again at the next time")]
    public static partial void CollectingFailed(ILogger log, Exception e);
}
