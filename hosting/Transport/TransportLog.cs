using Microsoft.Extensions.Logging;

namespace Athanor.Hosting.Transport;

/// <summary>What the transport writes to the log.</summary>
internal static partial class TransportLog
{
    [LoggerMessage(Level = LogLevel.Information, Message = "Listening to other nodes on {Address}")]
    public static partial void Listening(ILogger log, string address);

    [LoggerMessage(Level = LogLevel.Information, Message = "{File} or what belongs to it has changed; the new files count from now on")]
    public static partial void Reloaded(ILogger log, string file);

    [LoggerMessage(Level = LogLevel.Error, Message = "The changed certificate files are not used, the former ones stay: {Problem}")]
    public static partial void ReloadFailed(ILogger log, string problem);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{File} should have been replaced at {NextUpdate:u}; the old list still counts")]
    public static partial void OldRevocationList(ILogger log, string file, DateTimeOffset nextUpdate);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Refused {Peer}: {Reason}")]
    public static partial void Refused(ILogger log, string peer, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "No handshake with {Peer}: {Reason}")]
    public static partial void NoHandshake(ILogger log, string peer, string reason);

    [LoggerMessage(Level = LogLevel.Warning,
        Message = "{Peer} left right after the handshake without a request; it may have refused this node's certificate, its log says why")]
    public static partial void LeftAtOnce(ILogger log, string peer);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Hints to {Node} are dropped for now: {Reason}")]
    public static partial void HintsDropped(ILogger log, string node, string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "A request of node {Node} failed: {Kind} for {Entity}")]
    public static partial void DoorFailed(ILogger log, string node, string kind, string entity, Exception e);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Node {Node} sent what this build cannot read: {Reason}")]
    public static partial void Unreadable(ILogger log, string node, string reason);
}
