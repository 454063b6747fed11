using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Athanor.Hosting.Configuration;
using Athanor.Hosting.Core;

namespace Athanor.Hosting.Transport;

/// <summary>
/// The connections that were made with one identity. TLS is done here, below HTTP, and not by the HTTP handler: so the name that is checked
/// is the node's, whatever the address, and what is wrong with a certificate reaches whoever asked.
/// </summary>
internal sealed class Connections : IDisposable
{
    public static readonly HttpRequestOptionsKey<NodeTarget> TargetKey = new("athanor.target");

    // Room for one full body on its way to each side without waiting for the reader.
    private const int StreamWindow = 1 << 20;
    private static readonly TimeSpan IdleTimeout = TimeSpan.FromMinutes(2);

    // So that a certificate that expires is not used for longer than this, on a connection that was made before.
    private static readonly TimeSpan Lifetime = TimeSpan.FromHours(1);

    private readonly TransportOptions _options;
    private readonly TimeProvider _time;
    private readonly HttpMessageInvoker _http;
    private int _open = 1;

    public Connections(TransportOptions options, TransportIdentity? identity, TimeProvider time)
    {
        (_options, Identity, _time) = (options, identity, time);
        _http = new HttpMessageInvoker(new SocketsHttpHandler
        {
            ConnectCallback = Connect,
            ConnectTimeout = options.ConnectTimeout + TimeSpan.FromSeconds(1),
            EnableMultipleHttp2Connections = false,
            KeepAlivePingPolicy = HttpKeepAlivePingPolicy.Always,
            KeepAlivePingDelay = options.PingAfter,
            KeepAlivePingTimeout = options.PingTimeout,
            PooledConnectionIdleTimeout = IdleTimeout,
            PooledConnectionLifetime = Lifetime,
            InitialHttp2StreamWindowSize = StreamWindow,
            UseProxy = false,
            UseCookies = false,
            AllowAutoRedirect = false,
            // The trace's parent goes out by our own hand: the span is the ask's, not one of the HTTP client.
            ActivityHeadersPropagator = null,
        });
    }

    public TransportIdentity? Identity { get; }

    /// <summary>Counts a request in; false if these connections are about to end, and the next ones are to be taken.</summary>
    public bool Enter()
    {
        for (var open = Volatile.Read(ref _open); open > 0;)
        {
            var seen = Interlocked.CompareExchange(ref _open, open + 1, open);
            if (seen == open) return true;
            open = seen;
        }
        return false;
    }

    public void Leave()
    {
        if (Interlocked.Decrement(ref _open) == 0) _http.Dispose();
    }

    public Task<HttpResponseMessage> Send(HttpRequestMessage message, CancellationToken cancellation) =>
        _http.SendAsync(message, cancellation);

    /// <summary>Ends the connections once every request on them is answered.</summary>
    public void Retire() => Leave();

    public void Dispose() => _http.Dispose();

    private async ValueTask<Stream> Connect(SocketsHttpConnectionContext context, CancellationToken cancellation)
    {
        context.InitialRequestMessage.Options.TryGetValue(TargetKey, out var target);
        using var limit = new CancellationTokenSource(_options.ConnectTimeout, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellation);
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            // Without a certificate nothing is sent to other machines, not even the attempt.
            if (Identity is null && target!.EndPoint is IPEndPoint known && !IPAddress.IsLoopback(known.Address)) throw Bare(target);
            await socket.ConnectAsync(target!.EndPoint, either.Token).ConfigureAwait(false);
            var stream = new NetworkStream(socket, ownsSocket: true);
            if (Identity is null && socket.RemoteEndPoint is IPEndPoint far && !IPAddress.IsLoopback(far.Address)) throw Bare(target);
            return Identity is null ? stream : await Handshake(Identity, target, stream, either.Token).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            socket.Dispose();
            throw e switch
            {
                OperationCanceledException when limit.IsCancellationRequested => Unreachable(
                    target!, $"no connection within {_options.ConnectTimeout.TotalSeconds:0.###} s; does the node hang?", e),
                SocketException => Unreachable(target!, e.Message, e),
                AuthenticationException or IOException => Unreachable(
                    target!, $"no handshake ({e.Message}); does the node have a certificate (athanor.transport.certificate)?", e),
                _ => e,
            };
        }
    }

    private async Task<Stream> Handshake(
        TransportIdentity identity, NodeTarget target, NetworkStream stream, CancellationToken cancellation)
    {
        string? problem = null;
        var tls = new SslStream(stream, leaveInnerStreamOpen: false);
        try
        {
            await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
            {
                TargetHost = target.Node,
                EnabledSslProtocols = SslProtocols.Tls13,
                ApplicationProtocols = [SslApplicationProtocol.Http2],
                ClientCertificateContext = identity.Own,
                CertificateRevocationCheckMode = X509RevocationMode.NoCheck,
                // A resumed session would bring the peer's certificate of then, judged by the rules of then.
                AllowTlsResume = false,
                RemoteCertificateValidationCallback = (_, certificate, chain, _) =>
                {
                    problem = identity.Refusal(
                        certificate as X509Certificate2, chain?.ChainPolicy.ExtraStore ?? [], _time.GetUtcNow(), target.Node);
                    return problem is null;
                },
            }, cancellation).ConfigureAwait(false);
            return tls;
        }
        catch (Exception e)
        {
            await tls.DisposeAsync().ConfigureAwait(false);
            if (problem is not null) throw new NodeLinkException(Refusal.Unavailable, false, $"{target} is refused: {problem}", e);
            throw;
        }
    }

    private static NodeLinkException Bare(NodeTarget target) => new(Refusal.Unavailable, false,
        $"{target} is on another machine, and this node has no certificate to speak to it with; "
        + "set athanor.transport.certificate, key and authority");

    private static NodeLinkException Unreachable(NodeTarget target, string reason, Exception inner) =>
        new(Refusal.Unavailable, false, $"{target} cannot be reached: {reason}", inner);
}
