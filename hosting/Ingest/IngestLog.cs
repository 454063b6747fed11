using Athanor.Protocol;
using Microsoft.Extensions.Logging;

namespace Athanor.Hosting.Ingest;

internal static partial class IngestLog
{
    [LoggerMessage(EventId = 700, Level = LogLevel.Information, Message = "ingest: connected to the broker, {Queues} queues")]
    public static partial void Connected(ILogger log, int queues);

    [LoggerMessage(EventId = 701, Level = LogLevel.Warning, Message = "ingest: the broker was lost ({Reason}); called again in {Wait}")]
    public static partial void Lost(ILogger log, string reason, TimeSpan wait);

    [LoggerMessage(EventId = 702, Level = LogLevel.Warning, Message = "ingest: {Unit} does not answer, asked again in {Wait}: {Reason}")]
    public static partial void Waiting(ILogger log, EntityAddress unit, TimeSpan wait, string reason);

    [LoggerMessage(EventId = 703, Level = LogLevel.Warning, Message = "ingest: a message on {Topic} was parked: {Reason}")]
    public static partial void Parked(ILogger log, string topic, string reason);

    [LoggerMessage(EventId = 705, Level = LogLevel.Information, Message = "ingest: {Queue} is left to {Reader}")]
    public static partial void StepsBack(ILogger log, string queue, string reader);

    [LoggerMessage(EventId = 704, Level = LogLevel.Information, Message = "ingest: this node publishes moves")]
    public static partial void PublishesMoves(ILogger log);
}
