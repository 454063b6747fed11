using System.IO.Pipelines;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Athanor.Hosting.Configuration;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;

namespace Athanor.Hosting.Transport;

/// <summary>
/// TLS 1.3 under a server's connections, with the identity of the moment: a new certificate counts from the next connection on. Any
/// certificate passes the handshake, and none does too; <see cref="NodeServer"/> judges it where a reason can be given.
/// </summary>
internal sealed class TlsDoor(ConnectionDelegate next, TransportIdentities identities, TransportOptions options, TimeProvider time,
    ILogger log)
{
    /// <summary>Among a connection's items: its <see cref="TlsPeer"/>.</summary>
    public const string PeerKey = "athanor.peer";

    public async Task Accept(ConnectionContext connection)
    {
        var place = connection.RemoteEndPoint?.ToString() ?? "?";
        var plain = new DuplexStream(connection.Transport.Input.AsStream(), connection.Transport.Output.AsStream());
        await using var tls = new SslStream(plain, leaveInnerStreamOpen: true);
        if (await Handshake(tls, place, connection.ConnectionClosed).ConfigureAwait(false) is not { } peer) return;
        using (peer)
        {
            connection.Items[PeerKey] = peer;
            var before = connection.Transport;
            try
            {
                connection.Transport = new Duplex(PipeReader.Create(tls), PipeWriter.Create(tls));
                await next(connection).ConfigureAwait(false);
                await connection.Transport.Input.CompleteAsync().ConfigureAwait(false);
                await connection.Transport.Output.CompleteAsync().ConfigureAwait(false);
            }
            finally
            {
                connection.Transport = before;
                if (!peer.Asked) TransportLog.LeftAtOnce(log, peer.ToString());
            }
        }
    }

    private async Task<TlsPeer?> Handshake(SslStream tls, string place, CancellationToken closed)
    {
        using var limit = new CancellationTokenSource(options.ConnectTimeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, closed);
        var sent = new X509Certificate2Collection();
        try
        {
            await tls.AuthenticateAsServerAsync(new SslServerAuthenticationOptions
            {
                ServerCertificateContext = identities.Current!.Own,
                ClientCertificateRequired = true,
                EnabledSslProtocols = SslProtocols.Tls13,
                ApplicationProtocols = [SslApplicationProtocol.Http2],
                CertificateRevocationCheckMode = X509RevocationMode.NoCheck,
                // A resumed session would bring the peer's certificate of then, judged by the rules of then.
                AllowTlsResume = false,
                RemoteCertificateValidationCallback = (_, _, chain, _) =>
                {
                    foreach (var certificate in chain?.ChainPolicy.ExtraStore ?? [])
                        sent.Add(X509CertificateLoader.LoadCertificate(certificate.RawDataMemory.Span));
                    return true;
                },
            }, either.Token).ConfigureAwait(false);
            var shown = tls.RemoteCertificate is { } certificate
                ? X509CertificateLoader.LoadCertificate(certificate.GetRawCertData())
                : null;
            return new TlsPeer(shown, sent, place, log);
        }
        catch (Exception e) when (e is AuthenticationException or IOException or OperationCanceledException)
        {
            foreach (var certificate in sent) certificate.Dispose();
            var reason = limit.IsCancellationRequested
                ? $"it took longer than {options.ConnectTimeout.TotalSeconds:0.###} s"
                : $"{e.InnerException?.Message ?? e.Message}; does the other side speak TLS 1.3 with a node's certificate?";
            TransportLog.NoHandshake(log, place, reason);
            return null;
        }
    }

    private sealed class Duplex(PipeReader input, PipeWriter output) : IDuplexPipe
    {
        public PipeReader Input => input;

        public PipeWriter Output => output;
    }
}
