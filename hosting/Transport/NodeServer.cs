using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Text;
using Athanor.Hosting.Configuration;
using Athanor.Hosting.Core;
using Athanor.Hosting.Telemetry;
using Athanor.Protocol;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using BadHttpRequestException = Microsoft.AspNetCore.Http.BadHttpRequestException;

namespace Athanor.Hosting.Transport;

/// <summary>
/// The listening side of the transport: HTTP/2 on its own port, below which <see cref="TlsDoor"/> does TLS.
///
/// The caller's certificate is judged at every request, not only at the handshake: one that was revoked or has expired since loses its open
/// connection too. A caller that is refused gets the reason as the answer (403), and the connection is closed: in TLS 1.3 a client counts
/// the handshake as done before the server has seen its certificate, so a refusal there would reach it as a broken connection without
/// a word. Nothing of a refused request's body is read.
/// A request ends at the deadline in its header and envelope, or when its caller is gone; <see cref="INodeDoor"/> is told by its token.
/// </summary>
internal sealed class NodeServer : IAsyncDisposable
{
    private const int StreamWindow = 1 << 20;
    private const int ConnectionWindow = 8 << 20;
    private const int MaxConnections = 4096;

    private readonly WebApplication _app;
    private readonly TransportOptions _options;
    private readonly string _node;
    private readonly INodeDoor _door;
    private readonly TransportIdentities _identities;
    private readonly TimeProvider _time;
    private readonly ILogger _log;

    private NodeServer(
        WebApplicationBuilder builder, TransportOptions options, string node, INodeDoor door, TransportIdentities identities,
        TimeProvider time, ILogger log)
    {
        (_options, _node, _door, _identities, _time, _log) = (options, node, door, identities, time, log);
        _app = builder.Build();
        _app.Run(Handle);
    }

    /// <summary>Where other nodes reach this one: what belongs into the node table.</summary>
    public string Address { get; private set; } = "";

    /// <param name="node">This node's name.</param>
    /// <exception cref="IOException">The port is taken; the message says what to do.</exception>
    public static async Task<NodeServer> Start(
        TransportOptions options, string node, INodeDoor door, TransportIdentities identities, TimeProvider time, ILogger log,
        CancellationToken cancellation)
    {
        var address = TransportRules.AddressOf(options)!;
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = options.MaxBodyBytes;
            kestrel.Limits.MaxConcurrentConnections = MaxConnections;
            kestrel.Limits.Http2.MaxStreamsPerConnection = options.MaxRequests;
            kestrel.Limits.Http2.InitialStreamWindowSize = StreamWindow;
            kestrel.Limits.Http2.InitialConnectionWindowSize = ConnectionWindow;
            kestrel.Limits.Http2.KeepAlivePingDelay = options.PingAfter;
            kestrel.Limits.Http2.KeepAlivePingTimeout = options.PingTimeout;
            kestrel.Listen(address, options.Port, listen =>
            {
                listen.Protocols = HttpProtocols.Http2;
                if (identities.Current is not null) listen.Use(next => new TlsDoor(next, identities, options, time, log).Accept);
            });
        });
        // The default lifetime would answer Ctrl-C by itself; the node decides when its server stops.
        builder.Services.AddSingleton<IHostLifetime, NoLifetime>();
        builder.Services.Configure<HostOptions>(static o => o.ShutdownTimeout = TimeSpan.FromSeconds(2));
        var server = new NodeServer(builder, options, node, door, identities, time, log);
        try
        {
            await server._app.StartAsync(cancellation).ConfigureAwait(false);
        }
        catch (IOException e)
        {
            await server._app.DisposeAsync().ConfigureAwait(false);
            throw new IOException(
                $"the node cannot listen on {options.Address}:{options.Port} ({e.Message}); set athanor.transport.port to another, "
                + "or to 0 for a free one", e);
        }
        var bound = server._app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();
        server.Address = Advertised(options, new Uri(bound).Port);
        TransportLog.Listening(log, server.Address);
        return server;
    }

    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync().ConfigureAwait(false);
        await _app.DisposeAsync().ConfigureAwait(false);
    }

    internal static string Advertised(TransportOptions options, int port)
    {
        var name = options.Advertise;
        if (name == "")
        {
            var address = TransportRules.AddressOf(options)!;
            // Everywhere is no place: the machine's name is the best guess there is.
            name = address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any) ? Dns.GetHostName() : address.ToString();
        }
        var hasPort = name.Contains(']') ? name.Contains("]:", StringComparison.Ordinal) : name.Count(c => c == ':') == 1;
        if (hasPort) return name;
        if (name.Contains(':') && !name.StartsWith('[')) name = $"[{name}]";
        return string.Create(CultureInfo.InvariantCulture, $"{name}:{port}");
    }

    private async Task Handle(HttpContext context)
    {
        if (!Authenticate(context, out var from, out var problem))
        {
            TransportMetrics.Refused();
            context.Connection.RequestClose();
            await Answer(context, StatusCodes.Status403Forbidden, problem).ConfigureAwait(false);
            return;
        }
        try
        {
            if (context.Request.Path == NodeProtocol.AskPath) await Ask(context, from).ConfigureAwait(false);
            else if (context.Request.Path == NodeProtocol.HintPath) await Hint(context, from).ConfigureAwait(false);
            else await Answer(context, StatusCodes.Status404NotFound, $"this build offers no {context.Request.Path}").ConfigureAwait(false);
        }
        catch (MessageFormatException e)
        {
            TransportLog.Unreadable(_log, from, e.Message);
            await Answer(context, StatusCodes.Status400BadRequest, e.Message).ConfigureAwait(false);
        }
        catch (BadHttpRequestException e) when (!context.RequestAborted.IsCancellationRequested)
        {
            var reason = e.StatusCode == StatusCodes.Status413PayloadTooLarge
                ? $"the body is larger than athanor.transport.max-body, {_options.MaxBodyBytes} B"
                : e.Message;
            await Answer(context, e.StatusCode, reason).ConfigureAwait(false);
        }
        catch (Exception) when (context.RequestAborted.IsCancellationRequested)
        {
            // The caller is gone; there is nobody to answer.
        }
    }

    private async Task Ask(HttpContext context, string from)
    {
        using var late = new CancellationTokenSource(HeaderDeadline(context), _time);
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(late.Token, context.RequestAborted);
        var body = await ReadBody(context, ended.Token).ConfigureAwait(false);
        var request = NodeEnvelope.ReadRequest(body);
        using var span = AthanorTelemetry.Start("transport.answer", ActivityKind.Server, request.TraceParent, request.Message.Kind);
        span?.SetTag("athanor.node", from);
        if (span?.Id is { } id) request = request with { TraceParent = id };
        NodeAnswer answer;
        try
        {
            answer = await _door.Ask(from, request, ended.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (ended.IsCancellationRequested)
        {
            context.RequestAborted.ThrowIfCancellationRequested();
            answer = new NodeAnswer(null, Refusal.TimedOut,
                $"node '{_node}' had no answer to {request.Message.Kind} for {request.To} within {request.Deadline.TotalSeconds:0.###} s");
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            TransportLog.DoorFailed(_log, from, request.Message.Kind, request.To.ToString(), e);
            span?.SetStatus(ActivityStatusCode.Error, e.Message);
            answer = new NodeAnswer(null, Refusal.Unavailable, $"node '{_node}' failed at it: {e.Message}");
        }
        var bytes = NodeEnvelope.Write(answer);
        if (bytes.Length > _options.MaxBodyBytes)
        {
            bytes = NodeEnvelope.Write(new NodeAnswer(null, Refusal.Invalid,
                $"the reply is {bytes.Length} bytes in its envelope; athanor.transport.max-body is {_options.MaxBodyBytes}"));
        }
        context.Response.ContentType = NodeProtocol.ContentType.MediaType;
        context.Response.ContentLength = bytes.Length;
        await context.Response.Body.WriteAsync(bytes, context.RequestAborted).ConfigureAwait(false);
    }

    private async Task Hint(HttpContext context, string from)
    {
        var body = await ReadBody(context, context.RequestAborted).ConfigureAwait(false);
        _door.Hinted(from, NodeEnvelope.ReadHint(body.Span));
        context.Response.StatusCode = StatusCodes.Status204NoContent;
    }

    private static TimeSpan HeaderDeadline(HttpContext context) =>
        long.TryParse(
            context.Request.Headers[NodeProtocol.DeadlineHeader].ToString(), NumberStyles.None, CultureInfo.InvariantCulture, out var ms)
        && ms > 0 && ms <= (long)NodeEnvelope.MaxDeadline.TotalMilliseconds
            ? TimeSpan.FromMilliseconds(ms)
            : throw new MessageFormatException($"the header {NodeProtocol.DeadlineHeader} must be 1 ms to 1 day, in ms", 0);

    private static async Task<ReadOnlyMemory<byte>> ReadBody(HttpContext context, CancellationToken cancellation)
    {
        // Kestrel refuses a length above its limit, so what is announced may be believed.
        if (context.Request.ContentLength is not { } length)
            throw new BadHttpRequestException("a request has a content-length", StatusCodes.Status411LengthRequired);
        var bytes = new byte[length];
        await context.Request.Body.ReadExactlyAsync(bytes, cancellation).ConfigureAwait(false);
        return bytes;
    }

    private bool Authenticate(HttpContext context, out string from, out string problem)
    {
        var headers = context.Request.Headers;
        var to = headers[NodeProtocol.ToHeader].ToString();
        from = headers[NodeProtocol.FromHeader].ToString();
        problem = "";
        if (_identities.Current is { } identity)
        {
            var peer = (TlsPeer)context.Features.GetRequiredFeature<IConnectionItemsFeature>().Items[TlsDoor.PeerKey]!;
            peer.Asked = true;
            if (peer.Refusal(identity, _time.GetUtcNow()) is { } refusal)
            {
                problem = refusal;
                return false;
            }
            from = peer.Name;
        }
        else if (from == "")
        {
            problem = $"the header {NodeProtocol.FromHeader} must name the calling node";
            return false;
        }
        if (to == _node) return true;
        problem = $"this is node '{_node}', not '{to}'; the node table names a wrong address";
        TransportLog.Refused(_log, from, problem);
        return false;
    }

    private static async Task Answer(HttpContext context, int status, string reason)
    {
        if (context.Response.HasStarted) return;
        var bytes = Encoding.UTF8.GetBytes(reason);
        context.Response.StatusCode = status;
        context.Response.ContentType = "text/plain; charset=utf-8";
        context.Response.ContentLength = bytes.Length;
        await context.Response.Body.WriteAsync(bytes, context.RequestAborted).ConfigureAwait(false);
    }

    private sealed class NoLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
