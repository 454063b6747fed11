using System.Net;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Text.Json;
using Athanor.Hosting.Runtime;
using Athanor.Nodes.Access;
using Athanor.Nodes.Local;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.DependencyInjection;

namespace Athanor.Nodes.Gateway;

/// <summary>What <c>gateway.json</c> in the state directory says while a gateway listens.</summary>
/// <param name="CertificateSha256">Lower-case hex: what peers pin.</param>
internal sealed record GatewayFile(Uri Url, string CertificateSha256, int Process)
{
    public const string Name = "gateway.json";

    /// <summary>The running gateway of a state directory, or null. A killed process leaves its file behind.</summary>
    public static GatewayFile? Read(string stateDirectory)
    {
        var path = Path.Combine(stateDirectory, Name);
        return File.Exists(path) ? JsonSerializer.Deserialize<GatewayFile>(File.ReadAllText(path), LocalJson.Options) : null;
    }
}

/// <summary>
/// The way in for clients, peers and whoever watches: HTTPS, health, the cluster's API (<see cref="ClusterApi"/>) behind the doorkeeper
/// (<see cref="GatewayAccess"/>), and the endpoints of <see cref="GatewayEndpoints.Modules"/>. Requests are bounded in size; while a mailbox is deeper than <c>mailbox.throttle-at</c>,
/// everything but health is answered with 429, so that owners never have to stop consuming.
/// </summary>
internal sealed class GatewayServer : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly GatewayAccess _access;
    private readonly string _file;

    private GatewayServer(WebApplication app, GatewayAccess access, GatewayFile info, string file)
    {
        _app = app;
        _access = access;
        _file = file;
        Info = info;
    }

    public GatewayFile Info { get; }

    public Uri Url => Info.Url;

    /// <exception cref="IOException">The port is taken, or the certificate cannot be read; the message says what to do.</exception>
    public static async Task<GatewayServer> Start(HostedCluster cluster, CancellationToken cancellation)
    {
        var options = cluster.Options.Gateway;
        var certificates = new GatewayCertificates(options, cluster.KeysPath, cluster.Parts.Time);
        var access = new GatewayAccess(new Authenticator(cluster.Options.Access, cluster.KeysPath, cluster.Parts.Time), options);
        var address = await Resolve(options.Address, cancellation);
        var builder = HttpHosting.Builder(kestrel =>
        {
            kestrel.Limits.MaxRequestBodySize = options.MaxRequestBytes;
            kestrel.Listen(address, options.Port, listen =>
            {
                listen.Protocols = HttpProtocols.Http1AndHttp2;
                listen.UseHttps(https =>
                {
                    https.SslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13;
                    https.ServerCertificateSelector = (_, _) => certificates.Current;
                    // Judged after the handshake, where the answer can say what is wrong with it.
                    https.ClientCertificateMode = ClientCertificateMode.AllowCertificate;
                    https.AllowAnyClientCertificate();
                });
            });
        });
        builder.WebHost.UseKestrelHttpsConfiguration();
        var app = builder.Build();
        app.UseProblems();
        app.Use((context, next) => Throttle(cluster, context, next));
        access.Use(app);
        app.UseRouting();
        GatewayHealth.Map(app, () => cluster.Health);
        new ClusterApi(cluster, GatewayAccess.Of).Map(app);
        var context = new GatewayContext(
            cluster.Client, cluster.Work, cluster.Store, cluster.Blobs, cluster.Directory.Root, cluster.Parts.Time, options);
        foreach (var module in GatewayEndpoints.Modules) module.Map(app, context);
        try
        {
            await app.StartAsync(cancellation);
        }
        catch (IOException e)
        {
            await app.DisposeAsync();
            throw new IOException(
                $"the gateway cannot listen on {options.Address}:{options.Port} ({e.Message}); set gateway.port to another, or to 0 for a free one", e);
        }
        var bound = new Uri(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());
        var info = new GatewayFile(bound, GatewayCertificate.PinOf(certificates.Current), Environment.ProcessId);
        var file = Path.Combine(cluster.Directory.Root, GatewayFile.Name);
        // Whole or not there: a peer may read it at any moment.
        await File.WriteAllTextAsync(file + ".new", JsonSerializer.Serialize(info, LocalJson.Options) + "\n", cancellation);
        File.Move(file + ".new", file, overwrite: true);
        return new GatewayServer(app, access, info, file);
    }

    public async ValueTask DisposeAsync()
    {
        File.Delete(_file);
        await _app.StopAsync();
        await _app.DisposeAsync();
        await _access.DisposeAsync();
    }

    private static Task Throttle(HostedCluster cluster, HttpContext context, RequestDelegate next)
    {
        var depth = cluster.Health.MailboxDepth;
        if (depth < cluster.Options.Mailbox.ThrottleAt || context.Request.Path.StartsWithSegments("/health")) return next(context);
        throw new GatewayException(429, $"{depth} messages wait", "ask again later") { RetryAfter = TimeSpan.FromSeconds(1) };
    }

    private static async Task<IPAddress> Resolve(string address, CancellationToken cancellation)
    {
        if (IPAddress.TryParse(address, out var ip)) return ip;
        try
        {
            return (await Dns.GetHostAddressesAsync(address, cancellation))[0];
        }
        catch (SocketException e)
        {
            throw new IOException($"gateway.address '{address}' is no address of this machine ({e.Message})", e);
        }
    }
}
