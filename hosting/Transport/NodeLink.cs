using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using Athanor.Hosting.Configuration;
using Athanor.Hosting.Core;
using Athanor.Hosting.Telemetry;
using Athanor.Protocol;
using Microsoft.Extensions.Logging;

namespace Athanor.Hosting.Transport;

/// <summary>
/// The calling side of the transport: HTTP/2, one connection to a node, on which all its requests go side by side.
///
/// A connection is to a node, not to a place: the certificate that is found at the address must be that of the node that was asked for
/// (<see cref="CertificateCheck"/>), and a node that moved is another connection. A peer that hangs is noticed because it does not answer
/// pings (after <c>ping-after</c> + <c>ping-timeout</c>); all that is open on the connection fails then, with "may have run". A request
/// ends at its deadline in any case. Nothing is tried again here: who asks knows the key under which trying again is safe.
/// When this node's identity or the revocation list changes, connections made before it are left to their open requests and ended.
/// </summary>
internal sealed class NodeLink : INodeLink
{
    // What it takes from a deadline to the answer that says so, and for the reply of a call that ended in its last moment.
    private static readonly TimeSpan DeadlineSlack = TimeSpan.FromMilliseconds(100);

    private readonly TransportOptions _options;
    private readonly string _self;
    private readonly TransportIdentities _identities;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly ConcurrentDictionary<(string Node, string Address), NodeTarget> _targets = new();
    private readonly ConcurrentDictionary<string, HintLine> _hints = new();
    private readonly CancellationTokenSource _ended = new();
    private readonly Lock _gate = new();
    private volatile Connections _connections;
    private int _lastTarget;

    /// <param name="self">This node's name.</param>
    public NodeLink(TransportOptions options, string self, TransportIdentities identities, TimeProvider time, ILogger log)
    {
        (_options, _self, _identities, _time, _log) = (options, self, identities, time, log);
        _connections = new Connections(options, identities.Current, time);
    }

    public async Task<NodeAnswer> Ask(string node, string address, NodeRequest request, CancellationToken cancellation)
    {
        using var span = AthanorTelemetry.Start("transport.ask", ActivityKind.Client, request.TraceParent, request.Message.Kind);
        span?.SetTag("athanor.node", node);
        if (span?.Id is { } id) request = request with { TraceParent = id };
        var begun = _time.GetTimestamp();
        var outcome = "answered";
        try
        {
            var answer = await AskWithin(node, address, request, cancellation).ConfigureAwait(false);
            if (answer.Why is { } why) outcome = why.ToString();
            return answer;
        }
        catch (Exception e)
        {
            outcome = e is NodeLinkException failed ? failed.Why.ToString() : "gone";
            span?.SetStatus(ActivityStatusCode.Error, e.Message);
            throw;
        }
        finally
        {
            TransportMetrics.Asked(outcome, _time.GetElapsedTime(begun));
        }
    }

    public void Hint(string node, string address, ImmutableArray<int> shards)
    {
        if (_ended.IsCancellationRequested) return;
        var line = _hints.GetOrAdd(
            node, static (name, link) => new HintLine(name, link.SendHint, link._options.HintTimeout, link._time, link._log), this);
        line.Add(address, shards);
    }

    public async ValueTask DisposeAsync()
    {
        await _ended.CancelAsync().ConfigureAwait(false);
        lock (_gate) _connections.Dispose();
    }

    private async Task<NodeAnswer> AskWithin(string node, string address, NodeRequest request, CancellationToken cancellation)
    {
        if (request.Deadline <= TimeSpan.Zero) throw Late(node, address, request, false, null);
        if (request.Deadline > NodeEnvelope.MaxDeadline) request = request with { Deadline = NodeEnvelope.MaxDeadline };
        var body = NodeEnvelope.Write(request);
        if (body.Length > _options.MaxBodyBytes)
        {
            throw new NodeLinkException(Refusal.Invalid, false,
                $"{request.Message.Kind} for {request.To} is {body.Length} bytes in its envelope; "
                + $"athanor.transport.max-body is {_options.MaxBodyBytes}");
        }
        using var deadline = new CancellationTokenSource(request.Deadline + DeadlineSlack, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellation, _ended.Token);
        var target = Target(node, address);
        try
        {
            var bytes = await Post(target, NodeProtocol.AskPath, body, request.Deadline, request.TraceParent, either.Token)
                .ConfigureAwait(false);
            return NodeEnvelope.ReadAnswer(bytes);
        }
        catch (OperationCanceledException e) when (!cancellation.IsCancellationRequested)
        {
            if (_ended.IsCancellationRequested)
                throw new NodeLinkException(Refusal.Unavailable, true, "this node is ending and asks other nodes nothing any more", e);
            throw Late(node, address, request, true, e);
        }
        catch (MessageFormatException e)
        {
            throw new NodeLinkException(Refusal.Unavailable, true, $"{target} answered what this build cannot read: {e.Message}", e);
        }
    }

    private async Task SendHint(string node, string address, int[] shards, CancellationToken cancellation)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, _ended.Token);
        await Post(Target(node, address), NodeProtocol.HintPath, NodeEnvelope.WriteHint(shards), null, null, either.Token)
            .ConfigureAwait(false);
    }

    /// <summary>Sends a body and gives back the answer's.</summary>
    /// <exception cref="NodeLinkException">Anything but an answer.</exception>
    private async Task<ReadOnlyMemory<byte>> Post(
        NodeTarget target, string path, byte[] body, TimeSpan? deadline, string? traceParent, CancellationToken cancellation)
    {
        using var message = new HttpRequestMessage(HttpMethod.Post, new Uri(target.Base, path))
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new ByteArrayContent(body),
        };
        message.Content.Headers.ContentType = NodeProtocol.ContentType;
        message.Headers.TryAddWithoutValidation(NodeProtocol.FromHeader, _self);
        message.Headers.TryAddWithoutValidation(NodeProtocol.ToHeader, target.Node);
        if (deadline is { } time)
        {
            var milliseconds = Math.Max(1, (long)time.TotalMilliseconds).ToString(CultureInfo.InvariantCulture);
            message.Headers.TryAddWithoutValidation(NodeProtocol.DeadlineHeader, milliseconds);
        }
        if (traceParent is not null) message.Headers.TryAddWithoutValidation("traceparent", traceParent);
        message.Options.Set(Connections.TargetKey, target);
        var connections = Enter();
        try
        {
            using var response = await connections.Send(message, cancellation).ConfigureAwait(false);
            var answer = await ReadBody(target, response.Content, cancellation).ConfigureAwait(false);
            if (response.StatusCode is HttpStatusCode.OK or HttpStatusCode.NoContent) return answer;
            throw Refused(target, response.StatusCode, answer);
        }
        catch (Exception e) when (e is HttpRequestException or IOException && !cancellation.IsCancellationRequested)
        {
            for (Exception? inner = e; inner is not null; inner = inner.InnerException)
            {
                // Made while connecting, by Connections; one failed connection fails every request that waited for it.
                if (inner is NodeLinkException known) throw new NodeLinkException(known.Why, known.MayHaveRun, known.Message, known);
            }
            throw Broken(target, e);
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            throw new OperationCanceledException(e.Message, e, cancellation);
        }
        finally
        {
            connections.Leave();
        }
    }

    private async Task<ReadOnlyMemory<byte>> ReadBody(NodeTarget target, HttpContent content, CancellationToken cancellation)
    {
        var length = content.Headers.ContentLength ?? 0;
        if (length == 0) return default;
        if (length > _options.MaxBodyBytes)
        {
            throw new NodeLinkException(Refusal.Invalid, true,
                $"{target} answers with {length} bytes; athanor.transport.max-body is {_options.MaxBodyBytes}");
        }
        var bytes = new byte[length];
        await using var stream = await content.ReadAsStreamAsync(cancellation).ConfigureAwait(false);
        await stream.ReadExactlyAsync(bytes, cancellation).ConfigureAwait(false);
        return bytes;
    }

    private static NodeLinkException Refused(NodeTarget target, HttpStatusCode status, ReadOnlyMemory<byte> reason)
    {
        var text = System.Text.Encoding.UTF8.GetString(reason.Span);
        return status switch
        {
            HttpStatusCode.Forbidden => new NodeLinkException(Refusal.Unavailable, false, $"{target} refuses this node: {text}"),
            HttpStatusCode.ServiceUnavailable => new NodeLinkException(Refusal.Unavailable, false, $"{target}: {text}"),
            HttpStatusCode.RequestEntityTooLarge or HttpStatusCode.BadRequest or HttpStatusCode.NotFound =>
                new NodeLinkException(Refusal.Invalid, false, $"{target} does not take the request: {text}"),
            _ => new NodeLinkException(Refusal.Unavailable, true, $"{target} answered {(int)status}: {text}"),
        };
    }

    private static NodeLinkException Broken(NodeTarget target, Exception e)
    {
        var sent = e is not HttpRequestException
        {
            HttpRequestError: HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError
                or HttpRequestError.SecureConnectionError,
        };
        var reason = e.InnerException is { } inner && inner.Message != e.Message ? $"{e.Message} ({inner.Message})" : e.Message;
        return new NodeLinkException(Refusal.Unavailable, sent,
            $"the connection to {target} broke{(sent ? "; the request may have been carried out" : "")}: {reason}", e);
    }

    private NodeLinkException Late(string node, string address, NodeRequest request, bool mayHaveRun, Exception? inner) =>
        new(Refusal.TimedOut, mayHaveRun,
            $"node '{node}' at {address} did not answer {request.Message.Kind} for {request.To} "
            + $"within {request.Deadline.TotalSeconds:0.###} s", inner);

    private NodeTarget Target(string node, string address) => _targets.GetOrAdd((node, address), static (key, link) =>
        NodeTarget.Parse(key.Node, key.Address, Interlocked.Increment(ref link._lastTarget)), this);

    // The connections of the present identity, with a request counted in.
    private Connections Enter()
    {
        while (true)
        {
            var present = _connections;
            var identity = _identities.Current;
            if (identity is not null && identity.Generation != present.Identity!.Generation)
            {
                lock (_gate)
                {
                    present = _connections;
                    if (present.Identity!.Generation < identity.Generation)
                    {
                        _connections = new Connections(_options, identity, _time);
                        present.Retire();
                        present = _connections;
                    }
                }
            }
            if (present.Enter()) return present;
            if (_ended.IsCancellationRequested) throw new OperationCanceledException(_ended.Token);
        }
    }
}
